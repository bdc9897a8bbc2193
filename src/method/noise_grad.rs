//! NoiseGrad (Bykov et al. 2022, eq. 4): the mean of a base method over networks whose parameters
//! are multiplied by normal noise of mean 1.
//!
//! The noise is on the parameters as the file stores them, before BatchNormalization is folded;
//! its running mean and variance are left alone, as in the authors' code, which perturbs what
//! was trained. Every sample starts from the network itself (the authors' code, unlike the
//! paper, multiplies noise upon noise).

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::attribute::{Attribute, Method};
use super::context::{Context, ForwardPass};
use super::explanation::Explanation;
use super::gradient::Gradient;
use super::option::{BASE_METHOD, MethodOption, SAMPLES, SEED, WEIGHT_NOISE};
use crate::explain::Explainer;
use crate::random::{Stream, word_of};

/// NoiseGrad and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NoiseGrad {
    /// The method that is averaged.
    pub base: Method,
    /// Noisy networks.
    pub samples: usize,
    /// Standard deviation of the factors.
    pub weight_noise: f32,
    /// Seed of the noise.
    pub seed: u64,
}

impl Default for NoiseGrad {
    fn default() -> Self {
        Self { base: Gradient.into(), samples: 25, weight_noise: 0.2, seed: 0 }
    }
}

impl Attribute for NoiseGrad {
    fn name(&self) -> &'static str {
        "noisegrad"
    }

    fn about(&self) -> &'static str {
        "the mean of a base method over noisy networks"
    }

    fn paper(&self) -> &'static str {
        "Bykov et al. 2022"
    }

    fn options(&self) -> &'static [MethodOption] {
        &[BASE_METHOD, SAMPLES, WEIGHT_NOISE, SEED]
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
        ensure!(self.samples > 0, "NoiseGrad needs at least one sample");
        context.mean_of_samples(self.samples, |sample| {
            let explainer = noisy_network(context, self.weight_noise, self.seed, sample)?;
            context.inside(&explainer, |inner| {
                self.base.attribute(inner, inner.forward(pass.inputs.clone())?)
            })
        })
    }
}

/// The network with a factor N(1, σ²) on every stored parameter.
pub(super) fn noisy_network(
    context: &Context,
    sigma: f32,
    seed: u64,
    sample: usize,
) -> Result<Explainer> {
    let perturbation = context.perturbation.context(
        "noise on the parameters needs the stored parameters of the model, which were not given",
    )?;
    perturbation.explainer(weight_noise(sigma, seed, sample))
}

/// What makes a stored parameter, by its name, that of noisy network number `sample`: a factor N(1, σ²) on every number.
pub(crate) fn weight_noise(sigma: f32, seed: u64, sample: usize) -> impl Fn(&str, &mut [f32]) {
    move |name, values| {
        let stream = Stream::new(seed, &[sample as u64, word_of(name)]);
        stream.normals(values, |value, normal| *value *= 1.0 + sigma * normal);
    }
}
