//! A space of composites: a composite in which `$names` stand for values that are to be chosen.
//!
//! ```yaml
//! name: two thirds
//! parameters:
//!   low: [z-plus, { gamma: 1 }]
//!   high: [0, 0.05, 0.25]
//! rules:
//!   - when: { kind: convolution, depth: [0, 0.33] }
//!     rule: $low
//!   - when: { kind: convolution }
//!     rule: { gamma: { gamma: $high } }
//! ```
//!
//! A `$name` can stand for any value: a number, the name of a rule, a rule with its settings, a bound of depth, a list of
//! rewrites. Values are put into the text in the place of names, so that errors have the line that people see.

use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::schema::Composite;
use crate::suggest::nearest;
use crate::suggest::placed::{at_key, from_yaml};
use crate::yaml;

/// More composites than this are a mistake: nobody waits for them.
const MOST: usize = 100_000;

/// More values than this are a mistake too.
const MOST_VALUES: usize = 1_000;

/// A space of composites: every combination of the values of its parameters.
#[derive(Clone, Debug)]
pub struct Space {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// What is chosen.
    pub parameters: Vec<Parameter>,
    text: String,
    origin: String,
}

/// A parameter of a space.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name, without the `$`.
    pub name: String,
    /// The values that it can have; at least one.
    pub values: Vec<Value>,
}

/// One composite of a space.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its number in the space, from 0: the last parameter changes first.
    pub number: usize,
    /// The value of every parameter, in the order of the space.
    pub parameters: Vec<(String, Value)>,
    /// Its rules; its name says the parameters.
    pub composite: Composite,
    text: String,
}

#[derive(Deserialize)]
struct SpaceText {
    #[serde(default)]
    name: String,
    #[serde(default)]
    about: String,
    parameters: serde_yaml::Mapping,
}

impl Space {
    /// Reads a space from YAML; `origin` names the text in errors.
    ///
    /// # Errors
    /// When a name has no values, values have no name, or a value makes no composite: with file, line and column.
    pub fn parse(text: &str, origin: &str) -> Result<Space> {
        let read: SpaceText = from_yaml(text, origin)?;
        let parameters = read.parameters.into_iter().map(|(name, values)| parameter(name, values));
        let parameters: Result<Vec<Parameter>> = parameters.collect();
        let parameters = parameters.map_err(|error| at_key(text, origin, &error))?;
        let space = Space {
            name: read.name,
            about: read.about.trim().to_string(),
            parameters,
            text: yaml::without_mark(text).to_string(),
            origin: origin.to_string(),
        };
        space.check()?;
        Ok(space)
    }

    /// How many composites there are.
    pub fn len(&self) -> usize {
        self.parameters.iter().map(|parameter| parameter.values.len()).product()
    }

    /// Whether there is no composite: never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A composite of the space.
    ///
    /// # Errors
    /// When the values make no composite together, or there is no such number.
    pub fn candidate(&self, number: usize) -> Result<Candidate> {
        ensure!(number < self.len(), "the space {} has {} composites", self.name, self.len());
        let mut rest = number;
        let mut places = vec![0; self.parameters.len()];
        for (place, parameter) in places.iter_mut().zip(&self.parameters).rev() {
            *place = rest % parameter.values.len();
            rest /= parameter.values.len();
        }
        let values = self.parameters.iter().zip(&places);
        let parameters: Vec<(String, Value)> = values
            .map(|(parameter, &place)| (parameter.name.clone(), parameter.values[place].clone()))
            .collect();
        let mut unknown = vec![];
        let text = substituted(&self.text, |name| {
            let found = parameters.iter().find(|(known, _)| known == name);
            if found.is_none() {
                unknown.push(name.to_string());
            }
            found.map(|(_, value)| value.to_string())
        });
        if let Some(name) = unknown.first() {
            let names = parameters.iter().map(|(name, _)| name.as_str());
            let hint =
                nearest(name, names).map_or(String::new(), |it| format!("; did you mean ${it}?"));
            bail!("{}: ${name} has no values among the parameters{hint}", self.place_of(name));
        }
        let named = Parameters(&parameters).to_string();
        let mut composite =
            Composite::read(&text, &self.origin).with_context(|| format!("with {named}"))?;
        composite.name = named;
        Ok(Candidate { number, parameters, composite, text })
    }

    /// All composites.
    ///
    /// # Errors
    /// When some values make no composite together.
    pub fn candidates(&self) -> Result<Vec<Candidate>> {
        (0..self.len()).map(|number| self.candidate(number)).collect()
    }

    /// Checks every value by itself, so that a mistake is told with the parameter that has it.
    fn check(&self) -> Result<()> {
        let combinations = self.parameters.iter().try_fold(1usize, |product, parameter| {
            product.checked_mul(parameter.values.len()).filter(|product| *product <= MOST)
        });
        ensure!(
            combinations.is_some(),
            "{}: the parameters have more than {MOST} combinations; give them fewer values",
            self.origin
        );
        for parameter in &self.parameters {
            let mut is_used = false;
            substituted(&self.text, |name| {
                is_used |= name == parameter.name;
                None
            });
            ensure!(
                is_used,
                "{}: no rule has a ${}, so that its values change nothing",
                self.place_of(&parameter.name),
                parameter.name
            );
        }
        let mut step = self.len();
        for parameter in &self.parameters {
            step /= parameter.values.len();
            for value in 0..parameter.values.len() {
                self.candidate(value * step)?;
            }
        }
        Ok(())
    }

    /// File and line where a parameter is first named.
    fn place_of(&self, name: &str) -> String {
        let dollar = format!("${name}");
        let is_named = |line: &str| {
            line.contains(&dollar) || line.trim_start().starts_with(&format!("{name}:"))
        };
        match self.text.lines().position(is_named) {
            Some(line) => format!("{}:{}", self.origin, line + 1),
            None => self.origin.clone(),
        }
    }
}

impl Candidate {
    /// The text of the space with its values in the place of names.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The composite as a file, under another name and with what is known about where it comes from.
    ///
    /// # Errors
    /// Never for a composite that was read.
    pub fn to_yaml(&self, name: &str, about: &str, provenance: &Value) -> Result<String> {
        let read: serde_yaml::Mapping = serde_yaml::from_str(&self.text)?;
        let mut written = serde_yaml::Mapping::new();
        written.insert("name".into(), name.into());
        written.insert("about".into(), about.into());
        written.insert("provenance".into(), serde_yaml::to_value(provenance)?);
        let is_kept = |key: &serde_yaml::Value| {
            !["name", "about", "parameters", "provenance"].iter().any(|known| key == *known)
        };
        written.extend(read.into_iter().filter(|(key, _)| is_kept(key)));
        Ok(serde_yaml::to_string(&written)?)
    }
}

/// Values of parameters as people read them: `low=0.1 high=z-plus`.
pub struct Parameters<'a>(pub &'a [(String, Value)]);

impl fmt::Display for Parameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.0.iter().enumerate() {
            let gap = if place == 0 { "" } else { " " };
            match value {
                Value::String(word) => write!(f, "{gap}{name}={word}")?,
                value => write!(f, "{gap}{name}={}", value.to_string().replace('"', ""))?,
            }
        }
        Ok(())
    }
}

fn parameter(name: serde_yaml::Value, values: serde_yaml::Value) -> Result<Parameter> {
    let Some(name) = name.as_str().filter(|name| is_name(name)) else {
        bail!("parameters: a name is made of letters, digits, - and _, and begins with a letter");
    };
    let values = serde_json::to_value(values).with_context(|| format!("{name}: no values"))?;
    let Value::Array(values) = values else {
        bail!("{name}: a parameter has a list of values, such as {name}: [0, 0.25, 1]");
    };
    ensure!(!values.is_empty(), "{name}: a parameter has at least one value");
    ensure!(values.len() <= MOST_VALUES, "{name}: a parameter has at most {MOST_VALUES} values");
    let twice = (1..values.len()).find(|&place| values[..place].contains(&values[place]));
    if let Some(place) = twice {
        bail!("{name}: the value {} is there twice", values[place]);
    }
    Ok(Parameter { name: name.to_string(), values })
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.chars().all(is_part)
}

fn is_part(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-')
}

/// The text with `$name` replaced where `value` knows the name. What is in quotes, in comments or a part of a word (the end
/// of a regular expression) is no name.
fn substituted(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> String {
    let mut result = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (mut quote, mut before, mut rest) = (None, ' ', line);
        while let Some(letter) = rest.chars().next() {
            let begins = before.is_whitespace() || "[{,:".contains(before);
            match (quote, letter) {
                (None, '#') if before.is_whitespace() => break,
                (None, '"' | '\'') if begins => quote = Some(letter),
                (Some(end), _) if letter == end && before != '\\' => quote = None,
                _ => {}
            }
            let name: &str = &rest[letter.len_utf8()..];
            let name = &name[..name.find(|it| !is_part(it)).unwrap_or(name.len())];
            if letter == '$' && quote.is_none() && begins && is_name(name) {
                match value(name) {
                    Some(value) => result.push_str(&value),
                    None => result.push_str(&rest[..1 + name.len()]),
                }
                rest = &rest[1 + name.len()..];
                before = 'x';
                continue;
            }
            result.push(letter);
            rest = &rest[letter.len_utf8()..];
            before = letter;
        }
        result.push_str(rest);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SPACE: &str = "\
name: thirds  # not $this
about: What it is for.
parameters:
  low: [z-plus, { gamma: { gamma: 10 } }]
  high: [0, 0.25, 1e-6]
  passes: [all, [gates]]
canonize: $passes
rules:
  - when: { kind: convolution, name: \"^a$low\", depth: [0, 0.33] }
    rule: $low
  - when: { kind: convolution }
    rule: { gamma: { gamma: $high } }
  - when: { name: conv2$ }
    rule: epsilon
";

    fn error(from: &str, to: &str) -> String {
        assert!(SPACE.contains(from));
        format!("{:#}", Space::parse(&SPACE.replace(from, to), "my.yaml").unwrap_err())
    }

    #[test]
    fn every_combination_is_a_composite() {
        let space = Space::parse(SPACE, "my.yaml").unwrap();
        assert_eq!((space.len(), space.name.as_str()), (12, "thirds"));
        let all = space.candidates().unwrap();
        let names: Vec<&str> = all.iter().map(|it| it.composite.name.as_str()).collect();
        assert_eq!(names[0], "low=z-plus high=0 passes=all");
        assert_eq!(names[11], "low={gamma:{gamma:10}} high=1e-6 passes=[gates]");
        let last = &all[11].composite;
        assert_eq!(last.rules[0].rule.to_string(), "gamma γ=10");
        assert_eq!(last.rules[1].rule.rule.numbers, [1e-6]);
        assert!(last.rules[0].when.name.as_ref().unwrap().as_str() == "^a$low");
        assert!(last.rules[2].when.name.as_ref().unwrap().is_match("conv2"));
        assert_ne!(all[0].composite.canonize, last.canonize);
    }

    #[test]
    fn a_winner_is_a_composite_file() {
        let space = Space::parse(SPACE, "my.yaml").unwrap();
        let candidate = space.candidate(11).unwrap();
        let yaml = candidate.to_yaml("best", "Found.", &json!({ "seed": 0, "srg": 0.5 })).unwrap();
        let read = Composite::parse(&yaml, "best.yaml").unwrap();
        assert_eq!((read.name.as_str(), read.about.as_str()), ("best", "Found."));
        let rules = |composite: &Composite| format!("{:?}", composite.rules);
        assert_eq!(rules(&read), rules(&candidate.composite));
        assert!(yaml.contains("seed: 0") && !yaml.contains("parameters"), "{yaml}");
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let unknown = error("gamma: $high", "gamma: $hihg");
        assert!(unknown.contains("my.yaml:5: no rule has a $high"), "{unknown}");
        let unknown = error("  passes: [all, [gates]]\n", "");
        assert!(unknown.contains("my.yaml:6: $passes has no values"), "{unknown}");
        let rule = error("z-plus", "zplus");
        assert!(rule.contains("with low=zplus high=0") && rule.contains("my.yaml:10:"), "{rule}");
        assert!(rule.contains("did you mean `z-plus`"), "{rule}");
        let number = error("0.25, ", "-1, ");
        assert!(number.contains("from 0 upwards") && number.contains("my.yaml:12:"), "{number}");
        assert!(
            error("[0, 0.25, 1e-6]", "0.5").contains("my.yaml:5:3: high: a parameter has a list")
        );
        assert!(error("[0, 0.25, 1e-6]", "[]").contains("at least one value"));
        assert!(error("[0, 0.25, 1e-6]", "[0, 0]").contains("is there twice"));
        assert!(error("rules:", "rulse:").contains("did you mean `rules`"));
        assert!(error("parameters:", "parameter:").contains("parameters"));
        let numbers = |count: usize| {
            let numbers: Vec<String> = (0..count).map(|number| number.to_string()).collect();
            format!("[{}]", numbers.join(", "))
        };
        assert!(error("[0, 0.25, 1e-6]", &numbers(1_001)).contains("at most 1000 values"));
        let two = SPACE.replace("[0, 0.25, 1e-6]", &numbers(400));
        let two = two.replace("[z-plus, { gamma: { gamma: 10 } }]", &numbers(400));
        let error = Space::parse(&two, "my.yaml").unwrap_err().to_string();
        assert!(error.contains("more than 100000 combinations"), "{error}");
    }

    #[test]
    fn a_space_is_no_composite() {
        let error = Composite::parse(SPACE, "my.yaml").unwrap_err().to_string();
        assert!(error.contains("my.yaml is a space of composites"), "{error}");
    }
}
