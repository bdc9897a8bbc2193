//! The options of methods: one line of a table each, by which they are checked, listed and read.

use serde_json::Value;

use crate::picture::parse_size;

/// An option of an attribution method.
#[derive(Clone, Copy, Debug)]
pub struct MethodOption {
    /// Its name, in words joined by `-`.
    pub name: &'static str,
    /// What stands for its value in a help text.
    pub value_name: &'static str,
    /// What it sets, in a line, without its default.
    pub help: &'static str,
    /// The values that it takes.
    pub domain: Domain,
    /// The default in words, where the method's own default is to have no value; "" where nothing stands for it.
    pub absent: &'static str,
}

/// The values that an option takes.
#[derive(Clone, Copy, Debug)]
pub enum Domain {
    /// A whole number from 1 to [`Domain::MOST`].
    Count,
    /// A whole number from 0 upwards.
    Seed,
    /// A number above 0.
    Positive,
    /// A number above 0, and 1 at most.
    Share,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// Pixels down and across.
    Size,
    /// The name of a layer.
    Layer,
    /// A method that another one averages: its name, or an object of its name (`method`) and its options.
    Base,
}

impl MethodOption {
    /// The option's name among the parameters of a report, and in [`Method::with`](super::Method::with).
    pub fn parameter(&self) -> String {
        match self.domain {
            Domain::Base => "base".to_string(),
            _ => self.name.replace('-', "_"),
        }
    }
}

impl Domain {
    /// The largest count.
    pub const MOST: u64 = 1_000_000;

    /// Reads a value.
    ///
    /// # Errors
    /// Says what the value must be.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let value = match self {
            Domain::Count | Domain::Seed => text.parse::<u64>().map(Value::from).ok(),
            // An `f32`, of which no digits are lost in JSON's `f64`.
            Domain::Positive | Domain::Share => text.parse::<f32>().map(Value::from).ok(),
            Domain::Size => {
                Some(parse_size(text).map_err(|error| error.to_string())?.to_vec().into())
            }
            Domain::Word(_) | Domain::Layer | Domain::Base => Some(Value::from(text)),
        };
        let value = value.ok_or_else(|| self.requirement())?;
        // In JSON, NaN and infinity are null: the text says what was given.
        self.check(&value).map_err(|_| format!("{}, not {text}", self.requirement()))?;
        Ok(value)
    }

    /// Whether a value is one of the domain's.
    ///
    /// # Errors
    /// Says what the value must be.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let is_count =
            |value: &Value| value.as_u64().is_some_and(|count| (1..=Self::MOST).contains(&count));
        let number = value.as_f64().filter(|number| number.is_finite() && *number > 0.0);
        let is_inside = match self {
            Domain::Count => is_count(value),
            Domain::Seed => value.is_u64(),
            Domain::Positive => number.is_some(),
            Domain::Share => number.is_some_and(|number| number <= 1.0),
            Domain::Word(words) => value.as_str().is_some_and(|word| words().contains(&word)),
            Domain::Size => {
                value.as_array().is_some_and(|sides| sides.len() == 2 && sides.iter().all(is_count))
            }
            Domain::Layer => value.is_string(),
            Domain::Base => value.is_string() || value.is_object(),
        };
        if is_inside { Ok(()) } else { Err(format!("{}, not {value}", self.requirement())) }
    }

    fn requirement(&self) -> String {
        match self {
            Domain::Count => format!("must be a whole number from 1 to {}", Self::MOST),
            Domain::Seed => "must be a whole number from 0 upwards".to_string(),
            Domain::Positive => "must be a number above 0".to_string(),
            Domain::Share => "must be a number above 0 and not above 1".to_string(),
            Domain::Word(words) => format!("must be one of {}", words().join(", ")),
            Domain::Size => "must be two numbers of pixels, height and width".to_string(),
            Domain::Layer => "must be the name of a layer".to_string(),
            Domain::Base => "must be the name of a method".to_string(),
        }
    }
}

/// What is averaged.
pub(super) const BASE_METHOD: MethodOption = MethodOption {
    name: "base-method",
    value_name: "NAME",
    help: "The method that is averaged; lrp goes by the composite",
    domain: Domain::Base,
    absent: "",
};

/// How many samples are averaged.
pub(super) const SAMPLES: MethodOption = MethodOption {
    name: "samples",
    value_name: "N",
    help: "Noisy inputs, roots, networks or masks",
    domain: Domain::Count,
    absent: "",
};

/// The seed of all noise.
pub(super) const SEED: MethodOption = MethodOption {
    name: "seed",
    value_name: "N",
    help: "Seed of a random method; the same seed gives the same result on any number of threads",
    domain: Domain::Seed,
    absent: "",
};

/// Noise on the input.
pub(super) const NOISE_LEVEL: MethodOption = MethodOption {
    name: "noise-level",
    value_name: "SHARE",
    help: "Noise on the input, as a share of its range (max - min)",
    domain: Domain::Positive,
    absent: "",
};

/// Noise on the parameters.
pub(super) const WEIGHT_NOISE: MethodOption = MethodOption {
    name: "weight-noise",
    value_name: "SHARE",
    help: "Noise on the stored parameters, as a share of each",
    domain: Domain::Positive,
    absent: "",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_the_domain_are_refused() {
        let words = Domain::Word(|| vec!["a", "b"]);
        for (domain, good, bad) in [
            (Domain::Count, vec!["1", "1000000"], vec!["0", "1000001", "1.5", "-1", "many"]),
            (Domain::Seed, vec!["0", "18446744073709551615"], vec!["-1", "1.5"]),
            (Domain::Positive, vec!["0.1", "7"], vec!["0", "-1", "nan", "inf", "much"]),
            (Domain::Share, vec!["0.1", "1"], vec!["0", "1.5", "nan"]),
            (words, vec!["a", "b"], vec!["c", ""]),
            (Domain::Size, vec!["3", "3x4"], vec!["0", "3x4x5", "3x0"]),
        ] {
            for text in good {
                domain.parse(text).unwrap();
            }
            for text in bad {
                let error = domain.parse(text).unwrap_err();
                assert!(error.contains("must be") || error.contains("no size"), "{text}: {error}");
            }
        }
        let told = Domain::Positive.parse("nan").unwrap_err();
        assert_eq!(told, "must be a number above 0, not nan");
        assert_eq!(Domain::Size.parse("3x4").unwrap(), serde_json::json!([3, 4]));
        assert_eq!(Domain::Positive.parse("0.1").unwrap(), Value::from(0.1f32));
    }
}
