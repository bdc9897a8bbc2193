//! Integrated Gradients (Sundararajan et al. 2017, eq. 1): (x − x₀) ⊙ ∫ ∇f(x₀ + α (x − x₀)) dα.
//!
//! What is attributed adds up to f(x) − f(x₀), but for the error of the quadrature, which is
//! reported. The paper takes a black picture for x₀; the default here is 0 in the network's own
//! units, as in captum and zennit, because a tensor does not say what black is.

use anyhow::{Result, ensure};
use serde::Serialize;

use super::explanation::{Completeness, Explanation, difference, product};
use super::input_info::Fill;
use super::quadrature::Quadrature;
use super::subject::{Attribute, Point, Subject};

/// Integrated Gradients and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IntegratedGradients {
    /// Gradients along the path. The paper found 20 to 300 enough.
    pub steps: usize,
    /// x₀.
    pub baseline: Fill,
    /// Where on the path the gradients are taken.
    pub quadrature: Quadrature,
}

impl Default for IntegratedGradients {
    fn default() -> Self {
        Self { steps: 50, baseline: Fill::Zero, quadrature: Quadrature::GaussLegendre }
    }
}

impl Attribute for IntegratedGradients {
    fn attribute(&self, subject: &Subject, point: Point) -> Result<Explanation> {
        ensure!(self.steps > 0, "Integrated Gradients needs at least one step");
        let baseline = self.baseline.tensor(&point.input, subject.info)?;
        let path = difference(&point.input, &baseline)?;
        let nodes = self.quadrature.nodes(self.steps);
        let mean = subject.sum_of_samples(
            nodes.len(),
            |index| nodes[index].1,
            |index| {
                let place = nodes[index].0 as f32;
                let mut input = baseline.clone();
                input.combine_broadcast(&path, |to, step| *to += place * step)?;
                Ok(subject.propagate(subject.at(input)?)?.into())
            },
        )?;
        let score = f64::from(subject.score(&point)?);
        let nothing = f64::from(subject.score(&subject.at(baseline)?)?);
        let relevance = product(mean.relevance.clone(), &path)?;
        let mut explanation = mean.replaced(relevance);
        explanation.completeness =
            Some(Completeness::new(explanation.sums.input_sum, score - nothing));
        Ok(explanation)
    }
}
