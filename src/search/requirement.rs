//! `--require`: a bound on the mean of a metric.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Error, Result, bail};

use crate::metric::named;

/// A bound on the mean of a metric over pictures: `mass-gain>=1.2`.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// The metric.
    pub metric: String,
    /// Whether the mean must not be below the bound; otherwise it must not be above.
    pub is_lowest: bool,
    /// The bound.
    pub bound: f64,
}

impl Requirement {
    /// How far a mean is inside the bound; below 0 it is outside.
    pub fn slack(&self, mean: f64) -> f64 {
        if self.is_lowest { mean - self.bound } else { self.bound - mean }
    }
}

impl FromStr for Requirement {
    type Err = Error;

    fn from_str(text: &str) -> Result<Requirement> {
        let split = [(">=", true), ("<=", false)].into_iter().find_map(|(sign, is_lowest)| {
            text.split_once(sign).map(|(metric, bound)| (metric.trim(), bound.trim(), is_lowest))
        });
        let Some((metric, bound, is_lowest)) = split else {
            bail!("\"{text}\" is no requirement: write METRIC>=NUMBER or METRIC<=NUMBER");
        };
        let metric = named(metric)?.info().name.to_string();
        let bound: f64 = bound.parse().with_context(|| format!("\"{bound}\" is no number"))?;
        Ok(Requirement { metric, is_lowest, bound })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_lowest { ">=" } else { "<=" };
        write!(f, "{}{sign}{}", self.metric, self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_and_kept() {
        let gain: Requirement = "mass-gain >= 1.2".parse().unwrap();
        assert_eq!(gain.to_string(), "mass-gain>=1.2");
        assert!(gain.slack(1.3) > 0.0 && gain.slack(1.1) < 0.0 && gain.slack(1.2) == 0.0);
        let low: Requirement = "avg-sensitivity<=0.5".parse().unwrap();
        assert!(low.slack(0.4) > 0.0 && low.slack(0.6) < 0.0);
        let message = |text: &str| text.parse::<Requirement>().unwrap_err().to_string();
        assert!(message("srg").contains("write METRIC>=NUMBER"));
        assert!(message("srgg>=1").contains("did you mean `srg`"));
        assert!(message("srg>=much").contains("is no number"));
    }
}
