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
use crate::tensor::{Tensor, Tensors};

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
        let sigma = |input: &Tensor| {
            let (low, high) = input.extremes();
            self.noise_level * (high - low)
        };
        context.mean_of_samples(self.samples, |sample| {
            let inputs = noisy(&pass.inputs, sigma, self.seed, sample);
            context.inside(context.explainer, |inner| {
                self.base.attribute(inner, inner.forward(inputs)?)
            })
        })
    }
}

/// The inputs with normal noise on every element, its standard deviation being `sigma` of the input.
pub(super) fn noisy(
    inputs: &Tensors,
    sigma: impl Fn(&Tensor) -> f32,
    seed: u64,
    sample: usize,
) -> Tensors {
    let noisy = |(index, input): (usize, &Tensor)| {
        let (mut noisy, sigma) = (input.clone(), sigma(input));
        // The first input has the stream of a sample, those behind it have one of their own.
        let words = [sample as u64, index as u64];
        let stream = Stream::new(seed, &words[..words.len().min(index + 1)]);
        stream.normals(noisy.data_mut(), |value, normal| *value += sigma * normal);
        noisy
    };
    inputs.iter().enumerate().map(noisy).collect()
}
