//! How the learning rate falls while a network is trained.

use std::str::FromStr;

use anyhow::{Error, Result, bail};
use serde::{Deserialize, Serialize};

/// How the learning rate falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// Evenly to 0.
    Linear,
    /// Along half a cosine to 0 (Loshchilov & Hutter 2017, without restarts).
    #[default]
    Cosine,
}

impl Schedule {
    /// All of them.
    pub const ALL: [Schedule; 3] = [Schedule::Constant, Schedule::Linear, Schedule::Cosine];

    /// The word on the command line and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Schedule::Constant => "constant",
            Schedule::Linear => "linear",
            Schedule::Cosine => "cosine",
        }
    }

    /// The factor of the learning rate after a part of the training, from 0 to 1.
    pub fn factor(self, part: f64) -> f64 {
        match self {
            Schedule::Constant => 1.0,
            Schedule::Linear => 1.0 - part,
            Schedule::Cosine => 0.5 * (1.0 + libm::cos(std::f64::consts::PI * part)),
        }
    }
}

impl FromStr for Schedule {
    type Err = Error;

    fn from_str(word: &str) -> Result<Schedule> {
        match Schedule::ALL.into_iter().find(|schedule| schedule.word() == word) {
            Some(schedule) => Ok(schedule),
            None => bail!("there is no schedule {word}, only constant, linear and cosine"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_fall_to_zero() {
        for schedule in [Schedule::Linear, Schedule::Cosine] {
            let of = |part: f64| schedule.factor(part);
            assert!((of(0.0) - 1.0).abs() < 1e-12 && of(1.0).abs() < 1e-12);
            assert!((of(0.5) - 0.5).abs() < 1e-12);
        }
        assert_eq!(Schedule::Constant.factor(0.7), 1.0);
        assert!("cosin".parse::<Schedule>().is_err());
    }
}
