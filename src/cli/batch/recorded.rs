//! A line of a report, read again.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A line of a report: a result, or an input that failed.
#[derive(Debug, Deserialize)]
pub struct Recorded {
    /// The line as it was written.
    #[serde(skip)]
    pub line: String,
    /// The path of the input.
    pub input: String,
    /// Why it failed.
    error: Option<String>,
    /// Why it was no input.
    #[serde(rename = "left_out")]
    reason: Option<String>,
    target: Option<RecordedTarget>,
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Everything else.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// What the lines of an input must say for its results to be those of a job: names and values, the most telling first.
pub type Settings = Vec<(&'static str, Value)>;

/// A setting that was another one then.
#[derive(Debug, PartialEq)]
pub struct Difference<'a> {
    pub name: &'a str,
    pub then: &'a Value,
    pub now: &'a Value,
}

impl<'a> Difference<'a> {
    /// Of objects, the first entry that differs.
    fn narrowed(self) -> Difference<'a> {
        let (Value::Object(then), Value::Object(now)) = (self.then, self.now) else {
            return self;
        };
        let mut entries = now.iter().map(|(name, now)| {
            let then = then.get(name).unwrap_or(&Value::Null);
            Difference { name, then, now }
        });
        match entries.find(|entry| entry.then != entry.now) {
            Some(entry) => entry.narrowed(),
            None => self,
        }
    }
}

#[derive(Debug, Deserialize)]
struct RecordedTarget {
    index: usize,
}

impl Recorded {
    /// Reads a line; `None` where it is damaged.
    pub fn parse(line: String) -> Option<Recorded> {
        let recorded: Recorded = serde_json::from_str(&line).ok()?;
        Some(Recorded { line, ..recorded })
    }

    /// A field of the line that this type does not name.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.rest.get(name)
    }

    /// The class that was explained; `None` where the input failed.
    pub fn class(&self) -> Option<usize> {
        match self.error {
            None => Some(self.target.as_ref()?.index),
            Some(_) => None,
        }
    }

    /// Whether a file of a folder was not taken for an input: told by each run anew.
    pub fn is_left_out(&self) -> bool {
        self.reason.is_some()
    }

    /// Whether two lines tell of one input: a failure stands for itself, as that of an input that is given twice.
    pub fn is_of_same_result(&self, other: &Recorded) -> bool {
        self.input == other.input && self.error.is_none() && other.error.is_none()
    }

    /// The first setting that differs.
    pub fn difference<'a>(&'a self, settings: &'a Settings) -> Option<Difference<'a>> {
        settings.iter().find_map(|(name, now)| {
            let then = self.rest.get(*name).unwrap_or(&Value::Null);
            (then != now).then(|| Difference { name, then, now }.narrowed())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn results_failures_and_settings_are_told_apart() {
        let parse = |value: Value| Recorded::parse(value.to_string());
        let target = json!({ "index": 3 });
        let result = json!({ "input": "a", "target": target, "model": "m", "parameters": { "a": 0, "seed": 1 } });
        let result = parse(result).unwrap();
        assert_eq!(result.class(), Some(3));
        let settings = |model: &str, seed: usize| -> Settings {
            vec![("model", json!(model)), ("parameters", json!({ "a": 0, "seed": seed }))]
        };
        assert!(result.difference(&settings("m", 1)).is_none());
        let (then, now) = (&json!("m"), &json!("n"));
        let expected = Difference { name: "model", then, now };
        assert_eq!(result.difference(&settings("n", 2)).unwrap(), expected);
        let (then, now) = (&json!(1), &json!(2));
        let expected = Difference { name: "seed", then, now };
        assert_eq!(result.difference(&settings("m", 2)).unwrap(), expected);
        assert_eq!(parse(json!({ "input": "a", "error": "no" })).unwrap().class(), None);
        assert!(parse(json!({ "error": "no" })).is_none());
    }
}
