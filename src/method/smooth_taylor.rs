//! SmoothTaylor (Goh et al. 2021, eq. 9): the mean over roots z = x + σ N(0, I) of (x − z) ⊙ ∇f(z),
//! first-order Taylor terms around noisy roots. σ is in the units of the network's input.

use anyhow::{Result, ensure};
use serde::Serialize;

use super::adaptation::{Adaptation, Objective};
use super::adaptive;
use super::explanation::{Explanation, difference, product};
use super::smooth_grad::noisy;
use super::subject::{Attribute, Point, Subject};

/// SmoothTaylor and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SmoothTaylor {
    /// Roots; the paper's R.
    pub samples: usize,
    /// Standard deviation of the roots around the input.
    pub sigma: f32,
    /// What σ is chosen by for every input, where it is ("adaptive noising", algorithm 1).
    pub adaptive: Option<Objective>,
    /// Seed of the noise.
    pub seed: u64,
}

impl Default for SmoothTaylor {
    fn default() -> Self {
        Self { samples: 150, sigma: 0.5, adaptive: None, seed: 0 }
    }
}

impl Attribute for SmoothTaylor {
    fn attribute(&self, subject: &Subject, point: Point) -> Result<Explanation> {
        ensure!(self.samples > 0, "SmoothTaylor needs at least one sample");
        let Some(objective) = self.adaptive else {
            return self.with_sigma(self.sigma, subject, &point);
        };
        let (explanation, adaptation): (Explanation, Adaptation) =
            adaptive::choose(objective, self.sigma, self.seed, subject, &point, |sigma| {
                self.with_sigma(sigma, subject, &point)
            })?;
        Ok(Explanation { adaptation: Some(adaptation), ..explanation })
    }
}

impl SmoothTaylor {
    fn with_sigma(&self, sigma: f32, subject: &Subject, point: &Point) -> Result<Explanation> {
        let mean = subject.mean_of_samples(self.samples, |sample| {
            // The same noise for every σ, so that they can be compared.
            let root = noisy(&point.input, sigma, self.seed, sample);
            let way = difference(&point.input, &root)?;
            let gradient: Explanation = subject.propagate(subject.at(root)?)?.into();
            let relevance = product(way, &gradient.relevance)?;
            Ok(gradient.replaced(relevance))
        })?;
        Ok(mean)
    }
}
