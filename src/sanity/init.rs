//! What numbers a randomised layer gets.

use std::str::FromStr;

use anyhow::{Error, Result, bail};
use serde::{Deserialize, Serialize};

use crate::onnx::Role;
use crate::random::{Stream, word_of};
use crate::suggest::nearest;

/// What numbers a randomised layer gets. The running mean and variance of BatchNormalization are statistics of the data and
/// stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initialisation {
    /// Its own numbers, shuffled within every stored tensor: their distribution stays.
    #[default]
    Permute,
    /// Even in ±1/√fan-in for weights and biases, as torch resets layers; normalizations get 1 and 0.
    Kaiming,
    /// Normal with variance 2/fan-in for weights (He et al. 2015), 0 for biases; normalizations get 1 and 0.
    He,
    /// As `he`, and every randomised layer is rescaled so that its output has the mean and the deviation of the trained one,
    /// over 64 inputs and all positions: activations neither vanish nor explode.
    KeepScale,
}

impl Initialisation {
    /// All of them.
    pub const ALL: [Initialisation; 4] = [
        Initialisation::Permute,
        Initialisation::Kaiming,
        Initialisation::He,
        Initialisation::KeepScale,
    ];

    /// The word on the command line and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Initialisation::Permute => "permute",
            Initialisation::Kaiming => "kaiming",
            Initialisation::He => "he",
            Initialisation::KeepScale => "keep-scale",
        }
    }

    /// Replaces a parameter: `fan_in` is that of its layer's weights.
    pub(super) fn replace(
        self,
        (name, role): (&str, Role),
        fan_in: usize,
        seed: u64,
        values: &mut [f32],
    ) {
        // By the name: a parameter that two layers share is the same in both, and in every step.
        let stream = Stream::new(seed, &[word_of("layer"), word_of(name)]);
        if self == Initialisation::Permute {
            return stream.shuffle(values);
        }
        let fan_in = match role {
            Role::Weight { fan_in } => fan_in,
            _ => fan_in,
        };
        let fan_in = fan_in.max(1) as f32;
        match (role, self) {
            (Role::Scale, _) => values.fill(1.0),
            (Role::Shift, _) => values.fill(0.0),
            // As torch begins.
            (Role::Slope, _) => values.fill(0.25),
            (Role::Weight { .. } | Role::Bias, Initialisation::Kaiming) => {
                let bound = 1.0 / fan_in.sqrt();
                for (counter, value) in (0..).zip(values) {
                    *value = bound * (2.0 * stream.uniform(counter) - 1.0);
                }
            }
            (Role::Weight { .. }, _) => {
                let deviation = (2.0 / fan_in).sqrt();
                stream.normals(values, |value, normal| *value = deviation * normal);
            }
            (Role::Bias, _) => values.fill(0.0),
        }
    }
}

impl FromStr for Initialisation {
    type Err = Error;

    fn from_str(word: &str) -> Result<Initialisation> {
        if let Some(found) = Initialisation::ALL.into_iter().find(|it| it.word() == word) {
            return Ok(found);
        }
        let hint = nearest(word, Initialisation::ALL.into_iter().map(Initialisation::word));
        let hint = hint.map_or(String::new(), |word| format!("; did you mean {word}?"));
        bail!("there is no initialisation {word}, only permute, kaiming, he and keep-scale{hint}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(init: Initialisation, role: Role, count: usize) -> Vec<f32> {
        let mut values: Vec<f32> = (0..count).map(|value| value as f32).collect();
        init.replace(("w", role), 50, 0, &mut values);
        values
    }

    fn moments(values: &[f32]) -> (f64, f64) {
        let count = values.len() as f64;
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
        let squares = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>();
        (mean, squares / count)
    }

    #[test]
    fn a_permutation_keeps_the_numbers_and_moves_most_of_them() {
        let found = replaced(Initialisation::Permute, Role::Bias, 1000);
        let stayed = (0..1000).filter(|&place| found[place] == place as f32).count();
        assert!(stayed < 10, "{stayed}");
        let mut sorted = found.clone();
        sorted.sort_by(f32::total_cmp);
        assert_eq!(sorted, (0..1000).map(|value| value as f32).collect::<Vec<_>>());
        assert_eq!(found, replaced(Initialisation::Permute, Role::Scale, 1000));
    }

    #[test]
    fn moments_are_those_of_the_papers() {
        let weight = Role::Weight { fan_in: 8 };
        let kaiming = replaced(Initialisation::Kaiming, weight, 100_000);
        let bound = 1.0 / 8.0f32.sqrt();
        assert!(kaiming.iter().all(|value| value.abs() <= bound));
        let (mean, variance) = moments(&kaiming);
        assert!(mean.abs() < 2e-3 && (variance - 1.0 / 24.0).abs() < 5e-4, "{mean} {variance}");
        for init in [Initialisation::He, Initialisation::KeepScale] {
            let (mean, variance) = moments(&replaced(init, weight, 100_000));
            assert!(mean.abs() < 5e-3 && (variance - 0.25).abs() < 5e-3, "{mean} {variance}");
            assert_eq!(replaced(init, Role::Bias, 3), [0.0; 3]);
        }
        let bias = replaced(Initialisation::Kaiming, Role::Bias, 1000);
        assert!(bias.iter().all(|value| value.abs() <= 1.0 / 50.0f32.sqrt()));
        assert_eq!(replaced(Initialisation::Kaiming, Role::Scale, 2), [1.0; 2]);
        assert_eq!(replaced(Initialisation::He, Role::Shift, 2), [0.0; 2]);
    }

    #[test]
    fn mistakes_have_a_nearest_word() {
        let error = "kaimig".parse::<Initialisation>().unwrap_err().to_string();
        assert!(error.contains("did you mean kaiming?"), "{error}");
        let all = Initialisation::ALL;
        assert!(all.iter().all(|it| it.word().parse::<Initialisation>().unwrap() == *it));
    }
}
