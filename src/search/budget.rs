//! `--budget`: how much choosing may cost.

use std::fmt;
use std::str::FromStr;

use anyhow::{Error, Result, bail};

/// How much choosing may cost; what confirms the choice comes on top.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Budget {
    /// As much as it takes.
    #[default]
    Unlimited,
    /// So many runs of the network and explanations together.
    Evaluations(u64),
    /// So many minutes. What is chosen then depends on the machine.
    Minutes(f64),
}

impl FromStr for Budget {
    type Err = Error;

    fn from_str(text: &str) -> Result<Budget> {
        let minutes = ["minutes", "min", "m"].iter().find_map(|unit| text.strip_suffix(unit));
        let budget = match minutes {
            Some(number) => number.trim().parse().ok().map(Budget::Minutes),
            None => text.parse().ok().map(Budget::Evaluations),
        };
        match budget {
            Some(Budget::Minutes(minutes)) if !(minutes > 0.0 && minutes.is_finite()) => {
                bail!("a budget is longer than 0 minutes")
            }
            Some(budget) => Ok(budget),
            None => bail!(
                "\"{text}\" is no budget: write a number of evaluations, such as 20000, or minutes, such as 30min"
            ),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Budget::Unlimited => f.write_str("unlimited"),
            Budget::Evaluations(count) => write!(f, "{count}"),
            Budget::Minutes(minutes) => write!(f, "{minutes}min"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluations_or_minutes() {
        let read = |text: &str| text.parse::<Budget>();
        assert_eq!(read("20000").unwrap(), Budget::Evaluations(20_000));
        for text in ["30min", "30 minutes", "30m"] {
            assert_eq!(read(text).unwrap(), Budget::Minutes(30.0), "{text}");
        }
        for text in ["", "many", "-3", "0min", "nanmin", "1.5"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
