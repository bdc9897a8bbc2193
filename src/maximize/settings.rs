//! How pictures are optimised.

use std::str::FromStr;

use anyhow::{Error as Message, Result as Checked, bail, ensure};
use serde::{Deserialize, Serialize};

/// How a picture is optimised. Everything has a default; `Settings { steps: 256, ..Settings::default() }` changes some.
///
/// The defaults were chosen by looking at pictures of EfficientNet-Lite0 and by the probability of their classes:
/// `docs/maximize.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// What the parameters of a picture are.
    pub basis: Basis,
    /// Steps of gradient ascent.
    pub steps: usize,
    /// The learning rate of Adam.
    pub learning_rate: f32,
    /// The picture is moved by up to so many whole pixels in every step; `None`: by a ninth of the input's shorter side.
    pub jitter: Option<usize>,
    /// It is made larger or smaller by up to this share.
    pub scale: f32,
    /// It is turned by up to so many degrees.
    pub rotate: f32,
    /// Weight of the penalty on total variation: the mean of √(Δx² + Δy² + 10⁻⁶) over all values, which are from 0 to 1.
    pub total_variation: f32,
    /// Weight of the penalty on the mean of (v − ½)² over all values.
    pub norm: f32,
    /// Noisy networks whose gradients are averaged in every step (NoiseGrad, Bykov et al. 2022); 0: the network itself.
    pub noise_samples: usize,
    /// Standard deviation σ of the factors N(1, σ²) on the stored parameters of noisy networks.
    pub weight_noise: f32,
    /// Other noisy networks that the finished picture is shown to.
    pub fresh_networks: usize,
    /// The seed of noisy networks.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            basis: Basis::Fourier,
            steps: 512,
            learning_rate: 0.025,
            jitter: None,
            scale: 0.3,
            rotate: 20.0,
            total_variation: 0.0,
            norm: 0.0,
            noise_samples: 0,
            weight_noise: 0.2,
            fresh_networks: 0,
            seed: 0,
        }
    }
}

impl Settings {
    /// The most steps, and the most noisy networks.
    pub const MOST: usize = 1_000_000;

    /// Checks every number.
    ///
    /// # Errors
    /// Names the one that cannot be used.
    pub fn check(&self) -> Checked<()> {
        let counts = [
            ("steps", self.steps, 1),
            ("noise-samples", self.noise_samples, 0),
            ("fresh-networks", self.fresh_networks, 0),
        ];
        for (name, count, least) in counts {
            ensure!(
                (least..=Settings::MOST).contains(&count),
                "{name} is {count}: it must be a number from {least} to {}",
                Settings::MOST
            );
        }
        for (name, value) in
            [("learning-rate", self.learning_rate), ("weight-noise", self.weight_noise)]
        {
            ensure!(
                value.is_finite() && value > 0.0,
                "{name} is {value}: it must be a number above 0"
            );
        }
        for (name, value, most) in [
            ("scale", self.scale, 0.9),
            ("rotate", self.rotate, 180.0),
            ("total-variation", self.total_variation, f32::MAX),
            ("norm", self.norm, f32::MAX),
        ] {
            if !(0.0..=most).contains(&value) {
                match most == f32::MAX {
                    true => bail!("{name} is {value}: it must be a number from 0 upwards"),
                    false => bail!("{name} is {value}: it must be a number from 0 to {most}"),
                }
            }
        }
        Ok(())
    }
}

/// What the parameters of a picture are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Its frequencies, scaled so that low ones move as easily as in photographs (Olah et al. 2017).
    #[default]
    Fourier,
    /// Its pixels.
    Pixels,
}

impl Basis {
    /// Every basis, in the order that `--help` lists them.
    pub const ALL: [Basis; 2] = [Basis::Fourier, Basis::Pixels];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Basis::Fourier => "fourier",
            Basis::Pixels => "pixels",
        }
    }
}

impl FromStr for Basis {
    type Err = Message;

    fn from_str(word: &str) -> Checked<Basis> {
        match Basis::ALL.into_iter().find(|basis| basis.word() == word) {
            Some(basis) => Ok(basis),
            None => bail!("the parameters of a picture are fourier or pixels, not `{word}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_cannot_be_used_are_named() {
        Settings::default().check().unwrap();
        let error = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.check().unwrap_err().to_string()
        };
        assert!(error(|it| it.steps = 0).starts_with("steps is 0"));
        assert!(error(|it| it.learning_rate = f32::NAN).starts_with("learning-rate is NaN"));
        assert!(error(|it| it.learning_rate = f32::INFINITY).contains("above 0"));
        assert!(error(|it| it.weight_noise = 0.0).starts_with("weight-noise is 0"));
        assert!(error(|it| it.scale = 1.0).contains("from 0 to 0.9"));
        assert!(error(|it| it.rotate = -1.0).contains("from 0 to 180"));
        assert!(error(|it| it.norm = f32::NAN).contains("from 0 upwards"));
        assert!(error(|it| it.total_variation = -0.5).starts_with("total-variation is -0.5"));
        assert!("wavelets".parse::<Basis>().unwrap_err().to_string().contains("fourier or pixels"));
    }
}
