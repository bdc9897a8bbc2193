//! SmoothGrad (Smilkov et al. 2017, section 3): the mean over noisy inputs x + N(0, σ²) of a base
//! method, the gradient if no other is named; σ is the noise level times max x − min x.

use anyhow::{Result, ensure};
use serde::Serialize;

use super::Method;
use super::explanation::Explanation;
use super::subject::{Attribute, Point, Subject};
use crate::random::Stream;
use crate::tensor::Tensor;

/// SmoothGrad and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SmoothGrad {
    /// What is averaged.
    pub base: Box<Method>,
    /// Noisy inputs. The paper found little change beyond 50.
    pub samples: usize,
    /// σ as a share of the range of the input. The paper recommends 0.1 to 0.2.
    pub noise_level: f32,
    /// Seed of the noise.
    pub seed: u64,
}

impl Default for SmoothGrad {
    fn default() -> Self {
        Self { base: Box::new(Method::Gradient), samples: 50, noise_level: 0.15, seed: 0 }
    }
}

impl Attribute for SmoothGrad {
    fn attribute(&self, subject: &Subject, point: Point) -> Result<Explanation> {
        ensure!(self.samples > 0, "SmoothGrad needs at least one sample");
        let (low, high) = point.input.extremes();
        let sigma = self.noise_level * (high - low);
        subject.mean_of_samples(self.samples, |sample| {
            let input = noisy(&point.input, sigma, self.seed, sample);
            subject.inside(subject.explainer, |inner| {
                self.base.attribution().attribute(inner, inner.at(input)?)
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
