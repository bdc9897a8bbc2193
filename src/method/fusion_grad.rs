//! FusionGrad (Bykov et al. 2022, eq. 5): NoiseGrad and SmoothGrad at once, the mean of a base method
//! over noisy networks and, in each, over noisy inputs.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::attribute::{Attribute, Method};
use super::context::{Context, ForwardPass};
use super::explanation::Explanation;
use super::gradient::Gradient;
use super::noise_grad::noisy_network;
use super::option::{BASE_METHOD, Domain, MethodOption, NOISE_LEVEL, SAMPLES, SEED, WEIGHT_NOISE};
use super::smooth_grad::SmoothGrad;
use crate::random::Stream;

/// FusionGrad and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FusionGrad {
    /// The method that is averaged.
    pub base: Method,
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
        let base = Gradient.into();
        Self { base, samples: 10, input_samples: 10, weight_noise: 0.2, noise_level: 0.1, seed: 0 }
    }
}

/// Separates the random stream of the input's noise from that of the parameters'.
const INPUT_NOISE: u64 = 1;

/// Noisy inputs of each network.
const INPUT_SAMPLES: MethodOption = MethodOption {
    name: "input-samples",
    value_name: "N",
    help: "Noisy inputs of each noisy network",
    domain: Domain::Count,
    absent: "",
};

impl Attribute for FusionGrad {
    fn name(&self) -> &'static str {
        "fusiongrad"
    }

    fn about(&self) -> &'static str {
        "the mean of a base method over noisy networks, each at noisy inputs"
    }

    fn paper(&self) -> &'static str {
        "Bykov et al. 2022"
    }

    fn options(&self) -> &'static [MethodOption] {
        &[BASE_METHOD, SAMPLES, INPUT_SAMPLES, NOISE_LEVEL, WEIGHT_NOISE, SEED]
    }

    fn base(&self) -> Option<&Method> {
        Some(&self.base)
    }

    fn is_base(&self) -> bool {
        false
    }

    fn perturbs_parameters(&self) -> bool {
        true
    }

    fn attribute(&self, context: &Context, pass: ForwardPass) -> Result<Explanation> {
        let is_valid = self.samples > 0 && self.input_samples > 0;
        ensure!(is_valid, "FusionGrad needs at least one noisy network and one noisy input");
        context.mean_of_samples(self.samples, |sample| {
            let explainer = noisy_network(context, self.weight_noise, self.seed, sample)?;
            let smooth = SmoothGrad {
                base: self.base.clone(),
                samples: self.input_samples,
                noise_level: self.noise_level,
                seed: Stream::new(self.seed, &[sample as u64, INPUT_NOISE]).seed(),
            };
            context.inside(&explainer, |inner| smooth.attribute(inner, pass.clone()))
        })
    }
}
