//! NoiseGrad (Bykov et al. 2022, eq. 4): the mean of a base method over networks whose parameters
//! are multiplied by normal noise of mean 1.
//!
//! The noise is on the parameters as the file stores them, before BatchNormalization is folded;
//! its running mean and variance are left alone, as in the authors' code, which perturbs what
//! was trained. Every sample starts from the network itself (the authors' code, unlike the
//! paper, multiplies noise upon noise).

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::explanation::Explanation;
use super::subject::{Attribute, Point, Subject};
use super::{Method, Perturbation};
use crate::explain::Explainer;
use crate::random::{Stream, word_of};

/// NoiseGrad and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoiseGrad {
    /// What is averaged.
    pub base: Box<Method>,
    /// Noisy networks.
    pub samples: usize,
    /// Standard deviation of the factors.
    pub weight_noise: f32,
    /// Seed of the noise.
    pub seed: u64,
}

impl Default for NoiseGrad {
    fn default() -> Self {
        Self { base: Box::new(Method::Gradient), samples: 25, weight_noise: 0.2, seed: 0 }
    }
}

impl Attribute for NoiseGrad {
    fn attribute(&self, subject: &Subject, point: Point) -> Result<Explanation> {
        ensure!(self.samples > 0, "NoiseGrad needs at least one sample");
        subject.mean_of_samples(self.samples, |sample| {
            let explainer = noisy_network(subject, self.weight_noise, self.seed, sample)?;
            subject.inside(&explainer, |inner| {
                self.base.attribution().attribute(inner, inner.at(point.input.clone())?)
            })
        })
    }
}

/// The subject's network with a factor N(1, σ²) on every stored parameter.
pub(super) fn noisy_network(
    subject: &Subject,
    sigma: f32,
    seed: u64,
    sample: usize,
) -> Result<Explainer> {
    let perturbation: &Perturbation =
        subject.perturbation.context("the stored parameters of the model are not at hand")?;
    perturbation.explainer(|name, values| {
        let stream = Stream::new(seed, &[sample as u64, word_of(name)]);
        stream.normals(values, |value, normal| *value *= 1.0 + sigma * normal);
    })
}
