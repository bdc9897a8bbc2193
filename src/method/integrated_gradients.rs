//! Integrated Gradients (Sundararajan et al. 2017, eq. 1): (x − x₀) ⊙ ∫ ∇f(x₀ + α (x − x₀)) dα.
//!
//! The relevance adds up to f(x) − f(x₀), except for the error of the quadrature, which is
//! reported. The paper takes a black picture for x₀; the default here is 0 in the network's own
//! units, as in captum and zennit, because a tensor does not say what black is.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::attribute::Attribute;
use super::context::{Context, ForwardPass};
use super::explanation::{Completeness, Explanation, difference, product};
use super::input_info::Fill;
use super::option::{Domain, MethodOption};
use super::quadrature::Quadrature;
use crate::picture::InputShape;

/// Integrated Gradients and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IntegratedGradients {
    /// Gradients along the path. The paper found 20 to 300 enough.
    pub steps: usize,
    /// The input x₀ where the path begins.
    pub baseline: Fill,
    /// Where on the path the gradients are taken.
    pub quadrature: Quadrature,
}

impl Default for IntegratedGradients {
    fn default() -> Self {
        Self { steps: 50, baseline: Fill::Zero, quadrature: Quadrature::GaussLegendre }
    }
}

/// How many gradients.
const STEPS: MethodOption = MethodOption {
    name: "steps",
    value_name: "N",
    help: "Gradients along the path",
    domain: Domain::Count,
    absent: "",
};

/// The input where the path begins.
const BASELINE: MethodOption = MethodOption {
    name: "baseline",
    value_name: "NAME",
    help: "Where the path begins: 0 in the network's units, a black picture, or the input's mean",
    domain: Domain::Word(|| Fill::ALL.map(Fill::word).to_vec()),
    absent: "",
};

/// The quadrature of the path integral.
const QUADRATURE: MethodOption = MethodOption {
    name: "quadrature",
    value_name: "RULE",
    help: "Where on the path gradients are taken",
    domain: Domain::Word(|| Quadrature::ALL.map(Quadrature::word).to_vec()),
    absent: "",
};

impl Attribute for IntegratedGradients {
    fn name(&self) -> &'static str {
        "integrated-gradients"
    }

    fn about(&self) -> &'static str {
        "mean gradient along a path from a baseline"
    }

    fn paper(&self) -> &'static str {
        "Sundararajan et al. 2017"
    }

    fn options(&self) -> &'static [MethodOption] {
        &[STEPS, BASELINE, QUADRATURE]
    }

    fn samples(&self, _picture: Option<InputShape>) -> Option<usize> {
        Some(self.steps)
    }

    fn attribute(&self, context: &Context, pass: ForwardPass) -> Result<Explanation> {
        ensure!(self.steps > 0, "Integrated Gradients needs at least one step");
        let most = self.quadrature.most_nodes();
        ensure!(
            self.steps <= most,
            "{} takes at most {most} steps, not {}; --quadrature riemann-middle takes more",
            self.quadrature.word(),
            self.steps
        );
        let baseline = self.baseline.tensors(&pass.inputs, context.infos)?;
        let path = difference(&pass.inputs, &baseline)?;
        let nodes = self.quadrature.nodes(self.steps);
        let mean = context.sum_of_samples(
            nodes.len(),
            |index| nodes[index].1,
            |index| {
                let place = nodes[index].0 as f32;
                let inputs = baseline.clone().combined(&path, |from, step| from + place * step)?;
                Ok(context.propagate(context.forward(inputs)?)?.into())
            },
        )?;
        let score = f64::from(context.score(&pass)?);
        let nothing = f64::from(context.score(&context.forward(baseline)?)?);
        let relevance = product(mean.relevance.clone(), &path)?;
        let mut explanation = mean.replaced(relevance);
        explanation.completeness =
            Some(Completeness::new(explanation.sums.input_sum, score - nothing));
        Ok(explanation)
    }
}
