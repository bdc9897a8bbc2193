//! FusionGrad (Bykov et al. 2022, eq. 5): NoiseGrad and SmoothGrad at once, the mean of a base method
//! over noisy networks and, in each, over noisy inputs.

use anyhow::{Result, ensure};
use serde::Serialize;

use super::Method;
use super::explanation::Explanation;
use super::noise_grad::noisy_network;
use super::smooth_grad::SmoothGrad;
use super::subject::{Attribute, Point, Subject};
use crate::random::Stream;

/// FusionGrad and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FusionGrad {
    /// What is averaged.
    pub base: Box<Method>,
    /// Noisy networks.
    pub samples: usize,
    /// Noisy inputs of each.
    pub input_samples: usize,
    /// Standard deviation of the factors on the parameters.
    pub weight_noise: f32,
    /// Standard deviation of the noise on the input, as a share of the input's range.
    pub noise_level: f32,
    /// Seed of the noise.
    pub seed: u64,
}

impl Default for FusionGrad {
    fn default() -> Self {
        let base = Box::new(Method::Gradient);
        Self { base, samples: 10, input_samples: 10, weight_noise: 0.2, noise_level: 0.1, seed: 0 }
    }
}

/// Tells the input's noise from the parameters'.
const INPUT_NOISE: u64 = 1;

impl Attribute for FusionGrad {
    fn attribute(&self, subject: &Subject, point: Point) -> Result<Explanation> {
        let is_valid = self.samples > 0 && self.input_samples > 0;
        ensure!(is_valid, "FusionGrad needs at least one noisy network and one noisy input");
        subject.mean_of_samples(self.samples, |sample| {
            let explainer = noisy_network(subject, self.weight_noise, self.seed, sample)?;
            let smooth = SmoothGrad {
                base: self.base.clone(),
                samples: self.input_samples,
                noise_level: self.noise_level,
                seed: Stream::new(self.seed, &[sample as u64, INPUT_NOISE]).seed(),
            };
            subject.inside(&explainer, |inner| smooth.attribute(inner, point.clone()))
        })
    }
}
