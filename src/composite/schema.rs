//! The YAML of a composite.

use anyhow::{Result, bail};
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserializer, IgnoredAny, SeqAccess};

use super::kinds::Kinds;
use crate::canonize::Canonization;
use crate::rule::{Initial, RuleSetting, Stabilizer};
use crate::suggest::placed::from_yaml;
use crate::suggest::spelled::{self, Spelled};
use crate::yaml;

/// A named list of rules.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composite {
    /// Its name.
    pub name: String,
    /// What it is for, and where it comes from.
    #[serde(default)]
    pub about: String,
    /// The stabilizer of all rules that have none of their own.
    #[serde(default)]
    pub stabilizer: Stabilizer,
    /// The canonization passes that run before rules are assigned.
    #[serde(default)]
    pub canonize: Canonization,
    /// What propagation starts with at the output, unless the user says.
    #[serde(default)]
    pub initial: Initial,
    /// Whether what a layer hands to single elements some apart (a 1 × 1 convolution of stride 2, a slice with a step) is
    /// spread over the elements between them.
    #[serde(default, rename = "spread-strided")]
    pub spread_strided: bool,
    /// First match wins.
    pub rules: Vec<Entry>,
    /// Where a composite that was found by a search comes from: for people.
    #[serde(default, rename = "provenance")]
    _provenance: Option<IgnoredAny>,
    /// Of a space of composites, which is no composite itself.
    #[serde(default)]
    parameters: Option<IgnoredAny>,
    /// The text that it was read from.
    #[serde(skip)]
    pub text: String,
}

/// One entry of a composite.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The layers that it is for; without conditions, all layers.
    #[serde(default)]
    pub when: When,
    /// Their rule.
    pub rule: RuleSetting,
}

/// Conditions on a layer, all of which must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// The layer is (or is not) the first with weights on a path from the input.
    pub first: Option<bool>,
    /// The layer is (or is not) the last with weights on a path to the output.
    pub last: Option<bool>,
    /// The layer is of this kind, or one of these.
    pub kind: Option<Kinds>,
    /// The name of the layer's ONNX node matches this regular expression.
    #[serde(deserialize_with = "pattern")]
    pub name: Option<regex::Regex>,
    /// The layer's place among all layers of its kind, from 0 (lowest) to 1.
    pub depth: Option<DepthRange>,
}

/// A range of depth, from the layer of a kind that is nearest to the input (0) to the last one (1): `[0, 0.33]` is the
/// lower third. The n-th of N layers (counted from 0) is at (n + ½) / N.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthRange {
    low: f32,
    high: f32,
}

impl<'de> Deserialize<'de> for DepthRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DepthRange, D::Error> {
        spelled::read(deserializer)
    }
}

impl<'de> Spelled<'de> for DepthRange {
    const EXPECTED: &'static str =
        "a depth range: two numbers from 0 to 1, the smaller one first, such as [0, 0.33]";

    fn from_list<A: SeqAccess<'de>>(list: A) -> Result<DepthRange, A::Error> {
        let [low, high] = <[f32; 2]>::deserialize(SeqAccessDeserializer::new(list))?;
        if 0.0 <= low && low < high && high <= 1.0 {
            return Ok(DepthRange { low, high });
        }
        Err(de::Error::custom(format!("expected {}, not [{low}, {high}]", Self::EXPECTED)))
    }
}

impl DepthRange {
    /// Whether the `index`-th of `count` layers lies in the range.
    pub fn contains(&self, index: usize, count: usize) -> bool {
        let place = (index as f32 + 0.5) / count.max(1) as f32;
        self.low <= place && place < self.high
    }
}

fn pattern<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<regex::Regex>, D::Error> {
    Ok(Option::<Pattern>::deserialize(deserializer)?.map(|Pattern(pattern)| pattern))
}

struct Pattern(regex::Regex);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pattern, D::Error> {
        spelled::read(deserializer)
    }
}

impl Spelled<'_> for Pattern {
    const EXPECTED: &'static str = "a regular expression";

    fn from_text<E: de::Error>(text: &str) -> Result<Pattern, E> {
        regex::Regex::new(text).map(Pattern).map_err(|error| {
            // The lines before the last one show the text.
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            E::custom(format!("`{text}` is no regular expression: {last}"))
        })
    }
}

impl Composite {
    /// Whether a rule needs the range of the network's input.
    pub fn asks_for_input_range(&self) -> bool {
        self.rules.iter().any(|entry| entry.rule.rule.asks_for_input_range())
    }

    /// Reads a composite from YAML; `origin` names the text in errors.
    ///
    /// # Errors
    /// When the text does not follow the schema. The message has the file, line and column, and the most similar valid
    /// word.
    pub fn parse(text: &str, origin: &str) -> Result<Composite> {
        let composite = Composite::read(text, origin);
        let is_space = || {
            let read = yaml::from_yaml::<serde_yaml::Value>(text);
            read.is_ok_and(|read| read.get("parameters").is_some())
        };
        if composite.as_ref().map_or(true, |composite| composite.parameters.is_some()) && is_space()
        {
            bail!(
                "{origin} is a space of composites, because it has parameters: `onnxplain search --space` chooses one of them"
            );
        }
        composite
    }

    /// Like [`Composite::parse`], for a composite of a space, in whose text the values of parameters were put.
    pub(super) fn read(text: &str, origin: &str) -> Result<Composite> {
        let mut composite: Composite = from_yaml(text, origin)?;
        if composite.rules.is_empty() {
            bail!("{origin}: the composite has no rules");
        }
        composite.text = text.to_string();
        Ok(composite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Kind;

    const VALID: &str = "
name: test
rules:
  - when: { first: true }
    rule: flat
  - when: { kind: [convolution, dense], depth: [0, 0.5], name: \"^conv\" }
    rule: { gamma: { gamma: 0.5 } }
";

    #[test]
    fn a_composite_parses() {
        let composite = Composite::parse(VALID, "test.yaml").unwrap();
        assert_eq!(composite.rules.len(), 2);
        assert_eq!(composite.canonize, Canonization::All);
        assert_eq!(composite.stabilizer, Stabilizer::additive(1e-6));
        let when = &composite.rules[1].when;
        assert!(when.name.as_ref().unwrap().is_match("conv1"));
        assert!(when.kind.as_ref().unwrap().contains(Kind::Dense));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let message = |from: &str, to: &str| {
            let error = Composite::parse(&VALID.replace(from, to), "my.yaml").unwrap_err();
            format!("{error:#}")
        };
        let typo = message("first", "frist");
        assert!(typo.contains("my.yaml") && typo.contains("my.yaml:4:"), "{typo}");
        assert!(typo.contains("did you mean `first`"), "{typo}");
        assert!(message("rule: flat", "rule: flatt").contains("did you mean `flat`"));
        assert!(message("convolution", "convolutoin").contains("did you mean `convolution`"));
        assert!(
            message("0.5]", "-1]").contains("6:48: rules[1].when.depth: expected a depth range")
        );
        let expected = "6:64: rules[1].when.name: `(` is no regular expression: unclosed group";
        assert!(message("^conv", "(").contains(expected), "{}", message("^conv", "("));
        assert!(message("rule: flat", "rule: {}").contains("5:11: rules[0].rule: expected a rule"));
        assert!(message("name: test", "nme: test").contains("did you mean `name`"));
    }

    #[test]
    fn canonize_is_a_word_or_a_list() {
        let read = |text: &str| {
            let composite = Composite::parse(&format!("{VALID}canonize: {text}\n"), "my.yaml");
            composite.map(|it| it.canonize).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(read("none").unwrap(), Canonization::None);
        let passes = Canonization::Only(vec!["batchnorm-linear".to_string()]);
        assert_eq!(read("[batchnorm-linear]").unwrap(), passes);
        let unknown = read("[some]").unwrap_err();
        let expected = "my.yaml:8:12: canonize[0]: there is no canonization pass `some`";
        assert!(unknown.starts_with(expected), "{unknown}");
        for (text, found) in
            [("some", "the text \"some\""), ("~", "nothing"), ("3", "the number 3")]
        {
            let message = read(text).unwrap_err();
            assert!(
                message.starts_with("my.yaml:8:11: canonize: expected `all`, `none` or"),
                "{message}"
            );
            assert!(message.ends_with(&format!(", not {found}")), "{message}");
        }
    }

    #[test]
    fn thirds_split_layers_evenly() {
        let third = |index| {
            [[0.0, 0.33], [0.33, 0.67], [0.67, 1.0]]
                .iter()
                .position(|&[low, high]| DepthRange { low, high }.contains(index, 6))
        };
        let thirds: Vec<_> = (0..6).map(|index| third(index).unwrap()).collect();
        assert_eq!(thirds, [0, 0, 1, 1, 2, 2]);
    }
}
