//! Rules in YAML: `flat`, `{ gamma: 0.5 }`, or `{ gamma: { gamma: 0.5, stabilizer: 1e-6, bias: false } }`.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};

use super::setting::{Rule, RuleSetting};
use super::spec::{RuleSpec, Setting};
use super::stabilizer::{Stabilizer, StabilizerKind};
use super::table::RULES;
use crate::suggest::spelled::{self, Spelled};

/// The rule of that name.
fn find(name: &str) -> Result<&'static RuleSpec, String> {
    let found = RULES.iter().copied().find(|spec| spec.name == name);
    found.ok_or_else(|| {
        let names = quoted(RULES.iter().map(|spec| spec.name));
        format!("unknown rule `{name}`, expected one of {names}")
    })
}

fn quoted(words: impl Iterator<Item = &'static str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// What stands behind a rule's name. Words that the rule does not know are refused before they get here.
#[derive(Default)]
struct Given {
    /// Numbers of the rule's own, by name.
    numbers: Vec<(&'static str, f32)>,
    epsilon: Option<f32>,
    low: Option<Vec<f32>>,
    high: Option<Vec<f32>>,
    stabilizer: Option<Stabilizer>,
    bias: Option<bool>,
}

impl Given {
    /// The only number of a rule that has one, given in short.
    fn in_short(spec: &RuleSpec, value: f32) -> Result<Given, String> {
        let numbers: Vec<&Setting> =
            spec.settings.iter().filter(|setting| is_number(setting)).collect();
        match *numbers {
            [Setting::Number(number)] => {
                Ok(Given { numbers: vec![(number.name, value)], ..Given::default() })
            }
            [_] => Ok(Given { epsilon: Some(value), ..Given::default() }),
            [] => Err(format!("the rule {} takes no number: {}", spec.name, usage(spec))),
            _ => Err(format!("the rule {} takes more than one number: {}", spec.name, usage(spec))),
        }
    }

    /// The rule with these settings, where they are within their ranges.
    fn setting(self, spec: &'static RuleSpec) -> Result<RuleSetting, String> {
        let mut rule = Rule::from(spec);
        for (number, value) in spec.numbers().zip(&mut rule.numbers) {
            let given = self.numbers.iter().find(|(name, _)| *name == number.name);
            *value = given.map_or(*value, |(_, given)| *given);
            from_0_upwards(number.name, *value)?;
        }
        spec.condition.map_or(Ok(()), |holds| holds(&rule.numbers))?;
        rule.range = match (self.low, self.high) {
            (Some(low), Some(high)) => Some(range_of(low, high)?),
            (None, None) => None,
            _ => return Err(format!("{} needs both low and high, or neither", spec.name)),
        };
        if let Some(epsilon) = self.epsilon {
            from_0_upwards("epsilon", epsilon)?;
            if self.stabilizer.is_some() {
                let both = "epsilon is the stabilizer of this rule: give one of the two";
                return Err(both.to_string());
            }
        }
        let stabilizer = self.stabilizer.or(self.epsilon.map(Stabilizer::additive));
        Ok(RuleSetting { rule, stabilizer, bias: self.bias.unwrap_or(true) })
    }
}

/// The range of z-box, one number or one per channel at each end.
fn range_of(low: Vec<f32>, high: Vec<f32>) -> Result<[Vec<f32>; 2], String> {
    if let Some(wrong) = low.iter().chain(&high).find(|value| !value.is_finite()) {
        return Err(format!("low and high must be finite numbers, not {wrong}"));
    }
    let count = low.len().max(high.len());
    let ends = low.iter().cycle().zip(high.iter().cycle()).take(count);
    match ends.into_iter().find(|(low, high)| low > high) {
        Some((low, high)) => {
            Err(format!("low must not be above high, but is {low} where high is {high}"))
        }
        None => Ok([low, high]),
    }
}

fn from_0_upwards(name: &str, value: f32) -> Result<(), String> {
    match value >= 0.0 && value.is_finite() {
        true => Ok(()),
        false => Err(format!("{name} must be a number from 0 upwards, not {value}")),
    }
}

/// Whether a setting is a number that the short form gives.
fn is_number(setting: &Setting) -> bool {
    matches!(setting, Setting::Number(_) | Setting::Epsilon)
}

/// How the rule is written.
fn usage(spec: &RuleSpec) -> String {
    let words: Vec<String> = spec.words().map(|word| format!("{word}: ...")).collect();
    let numbers = spec.settings.iter().filter(|setting| is_number(setting)).count();
    let short =
        if numbers == 1 { format!(", `{{ {}: NUMBER }}`", spec.name) } else { String::new() };
    match words.is_empty() {
        true => format!("write `{}`", spec.name),
        false => {
            format!("write `{}`{short} or `{{ {0}: {{ {} }} }}`", spec.name, words.join(", "))
        }
    }
}

impl<'de> Deserialize<'de> for RuleSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RuleSetting, D::Error> {
        spelled::read(deserializer)
    }
}

impl<'de> Spelled<'de> for RuleSetting {
    const EXPECTED: &'static str =
        "a rule: its name, `{ name: number }` or `{ name: { setting: value } }`";

    fn from_text<E: de::Error>(name: &str) -> Result<RuleSetting, E> {
        find(name).and_then(|spec| Given::default().setting(spec)).map_err(E::custom)
    }

    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<RuleSetting, A::Error> {
        let Some(name) = map.next_key::<String>()? else {
            let found = Unexpected::Other("an empty mapping");
            return Err(de::Error::invalid_value(found, &Self::EXPECTED));
        };
        let spec = find(&name).map_err(de::Error::custom)?;
        let given = map.next_value_seed(Settings(spec))?;
        let setting = given.setting(spec).map_err(de::Error::custom)?;
        match map.next_key::<String>()? {
            None => Ok(setting),
            Some(second) => Err(de::Error::invalid_value(Unexpected::Str(&second), &"one rule")),
        }
    }
}

/// Reads what stands behind the name of a rule.
struct Settings(&'static RuleSpec);

impl<'de> DeserializeSeed<'de> for Settings {
    type Value = Given;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Given, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Settings {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "the settings of the rule {}: {}", self.0.name, usage(self.0))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Given, E> {
        Ok(Given::default())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Given, E> {
        Given::in_short(self.0, value as f32).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Given, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Given, E> {
        self.visit_f64(value as f64)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Given, A::Error> {
        let mut given = Given::default();
        while let Some(word) = map.next_key::<String>()? {
            let Some(known) = self.0.words().find(|known| *known == word) else {
                return Err(de::Error::custom(stranger(self.0, &word)));
            };
            match known {
                "epsilon" => given.epsilon = Some(map.next_value::<Real>()?.0),
                "low" => given.low = Some(map.next_value::<PerChannel>()?.0),
                "high" => given.high = Some(map.next_value::<PerChannel>()?.0),
                "stabilizer" => given.stabilizer = Some(map.next_value()?),
                "bias" => given.bias = Some(map.next_value()?),
                number => given.numbers.push((number, map.next_value::<Real>()?.0)),
            }
        }
        Ok(given)
    }
}

fn stranger(spec: &RuleSpec, word: &str) -> String {
    let known = match spec.settings.is_empty() {
        true => "it takes none".to_string(),
        false => format!("expected one of {}", quoted(spec.words())),
    };
    format!("unknown setting `{word}` of the rule {}, {known}", spec.name)
}

/// A number.
#[derive(Clone, Copy)]
struct Real(f32);

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Real, D::Error> {
        spelled::read(deserializer)
    }
}

impl Spelled<'_> for Real {
    const EXPECTED: &'static str = "a number";

    fn from_number<E: de::Error>(value: f64) -> Result<Real, E> {
        Ok(Real(value as f32))
    }
}

/// One number, or one per channel.
struct PerChannel(Vec<f32>);

impl<'de> Deserialize<'de> for PerChannel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PerChannel, D::Error> {
        spelled::read(deserializer)
    }
}

impl<'de> Spelled<'de> for PerChannel {
    const EXPECTED: &'static str = "a number, or a list of one number per channel";

    fn from_number<E: de::Error>(value: f64) -> Result<PerChannel, E> {
        Ok(PerChannel(vec![value as f32]))
    }

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<PerChannel, A::Error> {
        let mut values = vec![];
        while let Some(Real(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(PerChannel(values))
    }
}

impl<'de> Deserialize<'de> for Stabilizer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Stabilizer, D::Error> {
        spelled::read(deserializer)
    }
}

impl<'de> Spelled<'de> for Stabilizer {
    const EXPECTED: &'static str =
        "a stabilizer: a number, or `{ epsilon: 1e-6, kind: additive | clip | relative }`";

    fn from_number<E: de::Error>(epsilon: f64) -> Result<Stabilizer, E> {
        checked(Stabilizer::additive(epsilon as f32))
    }

    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Stabilizer, A::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Long {
            epsilon: f32,
            #[serde(default)]
            kind: StabilizerKind,
        }
        let Long { epsilon, kind } = Long::deserialize(MapAccessDeserializer::new(map))?;
        checked(Stabilizer { epsilon, kind })
    }
}

fn checked<E: de::Error>(stabilizer: Stabilizer) -> Result<Stabilizer, E> {
    from_0_upwards("a stabilizer", stabilizer.epsilon).map_err(E::custom)?;
    Ok(stabilizer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(yaml: &str) -> Result<RuleSetting, String> {
        serde_yaml::from_str(yaml).map_err(|error| error.to_string())
    }

    fn message(yaml: &str) -> String {
        crate::suggest::explained(&parse(yaml).unwrap_err())
    }

    #[test]
    fn names_short_and_long_forms() {
        assert_eq!(parse("flat").unwrap().to_string(), "flat");
        assert_eq!(parse("gamma").unwrap().rule.numbers, [0.25]);
        assert_eq!(parse("alpha-beta").unwrap().to_string(), "alpha-beta α=2 β=1");
        for yaml in ["{ gamma: 0.5 }", "{ gamma: { gamma: 0.5 } }", "gamma:\n  gamma: 5e-1"] {
            assert_eq!(parse(yaml).unwrap().to_string(), "gamma γ=0.5", "{yaml}");
        }
        let long = parse("{ gamma: { gamma: 2, stabilizer: 1e-3, bias: false } }").unwrap();
        assert_eq!(long.to_string(), "gamma γ=2 ε=1e-3 without bias");
        for yaml in ["{ epsilon: 0.1 }", "{ epsilon: { epsilon: 0.1 } }"] {
            let epsilon = parse(yaml).unwrap();
            assert_eq!(epsilon.stabilizer, Some(Stabilizer::additive(0.1)), "{yaml}");
        }
        let clip = parse("{ norm: { stabilizer: { epsilon: 0.1, kind: clip } } }").unwrap();
        assert_eq!(clip.stabilizer.unwrap().kind, StabilizerKind::Clip);
        let z_box = parse("{ z-box: { low: -1, high: [1, 2, 3] } }").unwrap();
        assert_eq!(z_box.rule.range, Some([vec![-1.0], vec![1.0, 2.0, 3.0]]));
    }

    #[test]
    fn every_rule_is_found_by_its_name() {
        for spec in RULES {
            let setting = parse(spec.name).unwrap();
            assert_eq!(setting.rule.name(), spec.name);
            assert_eq!(parse(&format!("{}:", spec.name)).unwrap(), setting);
        }
    }

    #[test]
    fn every_setting_is_read_by_its_word() {
        for spec in RULES {
            let has_range = spec.settings.contains(&Setting::Range);
            for word in spec.words().filter(|word| !matches!(*word, "low" | "high" | "bias")) {
                // alpha - beta stays 1.
                let value = spec.numbers().find(|number| number.name == word);
                let value = value.map_or(0.5, |number| number.default);
                parse(&format!("{{ {}: {{ {word}: {value} }} }}", spec.name)).unwrap();
            }
            let range = parse(&format!("{{ {}: {{ low: 0, high: 1 }} }}", spec.name));
            assert_eq!(range.is_ok(), has_range, "{}", spec.name);
        }
    }

    #[test]
    fn mistakes_are_named_with_the_word_that_was_meant() {
        for (yaml, expected) in [
            ("zplus", "unknown rule `zplus`"),
            ("zplus", "did you mean `z-plus`?"),
            ("{ gama: 0.5 }", "did you mean `gamma`?"),
            ("{ alpha-beta: { alpha: 2, beta: 2 } }", "alpha - beta = 1"),
            ("{ alpha-beta: { alpha: 0, beta: -1 } }", "beta must be a number from 0 upwards"),
            (
                "{ alpha-beta: 2 }",
                "takes more than one number: write `alpha-beta` or `{ alpha-beta: { alpha: ...",
            ),
            ("{ flat: 2 }", "takes no number: write `flat` or `{ flat: { stabilizer: ... } }`"),
            ("{ pass: 2 }", "takes no number: write `pass`"),
            (
                "{ flat: { gamma: 1 } }",
                "unknown setting `gamma` of the rule flat, expected one of `stabilizer`",
            ),
            ("{ pass: { gamma: 1 } }", "unknown setting `gamma` of the rule pass, it takes none"),
            ("{ gamma: { gama: 1 } }", "did you mean `gamma`?"),
            ("{ gamma: { gamma: -1 } }", "gamma must be a number from 0 upwards, not -1"),
            ("{ gamma: -1 }", "gamma must be a number from 0 upwards, not -1"),
            ("{ gamma: .nan }", "gamma must be a number from 0 upwards, not NaN"),
            ("{ gamma: { gamma: much } }", "expected a number"),
            (
                "{ gamma: much }",
                "expected the settings of the rule gamma: write `gamma`, `{ gamma: NUMBER }` or `{ gamma: {",
            ),
            ("{ epsilon: -0.1 }", "epsilon must be a number from 0 upwards"),
            ("{ epsilon: { epsilon: 0.1, stabilizer: 1 } }", "give one of the two"),
            ("{ z-box: { low: 1 } }", "both low and high"),
            ("{ z-box: { low: a, high: 1 } }", "a list of one number per channel"),
            ("{ z-box: { low: .nan, high: 1 } }", "low and high must be finite numbers, not NaN"),
            ("{ z-box: { low: 0, high: 1e39 } }", "low and high must be finite numbers, not inf"),
            ("{ z-box: { low: [0, 2], high: 1 } }", "low must not be above high, but is 2 where"),
            ("{ gamma: 0.5, flat: 1 }", "expected one rule"),
            ("{}", "invalid value: an empty mapping, expected a rule"),
            ("{ flat: { stabilizer: some } }", "flat.stabilizer: invalid type: string \"some\""),
            ("{ flat: { stabilizer: -1 } }", "a stabilizer must be a number from 0 upwards"),
            ("{ flat: { stabilizer: { epsilon: 1, kind: clp } } }", "did you mean `clip`?"),
        ] {
            let message = message(yaml);
            assert!(message.contains(expected), "{yaml}: {message}");
        }
    }
}
