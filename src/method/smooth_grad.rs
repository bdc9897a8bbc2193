//! SmoothGrad (Smilkov et al. 2017, section 3): the mean over noisy inputs x + N(0, σ²) of a base
//! method, the gradient if no other is named; σ is the noise level times max x − min x.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::attribute::{Attribute, Method};
use super::context::{Context, ForwardPass};
use super::explanation::Explanation;
use super::gradient::Gradient;
use super::option::{BASE_METHOD, MethodOption, NOISE_LEVEL, SAMPLES, SEED};
use crate::random::Stream;
use crate::tensor::Tensor;

/// SmoothGrad and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SmoothGrad {
    /// The method that is averaged.
    pub base: Method,
    /// Noisy inputs. The paper found little change beyond 50.
    pub samples: usize,
    /// σ as a share of the range of the input. The paper recommends 0.1 to 0.2.
    pub noise_level: f32,
    /// Seed of the noise.
    pub seed: u64,
}

impl Default for SmoothGrad {
    fn default() -> Self {
        Self { base: Gradient.into(), samples: 50, noise_level: 0.15, seed: 0 }
    }
}

impl Attribute for SmoothGrad {
    fn name(&self) -> &'static str {
        "smoothgrad"
    }

    fn about(&self) -> &'static str {
        "the mean of a base method at noisy inputs"
    }

    fn paper(&self) -> &'static str {
        "Smilkov et al. 2017"
    }

    fn options(&self) -> &'static [MethodOption] {
        &[BASE_METHOD, SAMPLES, NOISE_LEVEL, SEED]
    }

    fn base(&self) -> Option<&Method> {
        Some(&self.base)
    }

    fn is_base(&self) -> bool {
        false
    }

    fn attribute(&self, context: &Context, pass: ForwardPass) -> Result<Explanation> {
        ensure!(self.samples > 0, "SmoothGrad needs at least one sample");
        let (low, high) = pass.input.extremes();
        let sigma = self.noise_level * (high - low);
        context.mean_of_samples(self.samples, |sample| {
            let input = noisy(&pass.input, sigma, self.seed, sample);
            context.inside(context.explainer, |inner| {
                self.base.attribute(inner, inner.forward(input)?)
            })
        })
    }
}

/// The input with normal noise of standard deviation `sigma` on every element.
pub(super) fn noisy(input: &Tensor, sigma: f32, seed: u64, sample: usize) -> Tensor {
    let mut noisy = input.clone();
    let stream = Stream::new(seed, &[sample as u64]);
    stream.normals(noisy.data_mut(), |value, normal| *value += sigma * normal);
    noisy
}
