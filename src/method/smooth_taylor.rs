//! SmoothTaylor (Goh et al. 2021, eq. 9): the mean over roots z = x + σ N(0, I) of (x − z) ⊙ ∇f(z),
//! first-order Taylor terms around noisy roots. σ is in the units of the network's input.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::adaptation::{Adaptation, Objective};
use super::adaptive;
use super::attribute::Attribute;
use super::context::{Context, ForwardPass};
use super::explanation::{Explanation, difference, product};
use super::option::{Domain, MethodOption, SAMPLES, SEED};
use super::smooth_grad::noisy;
use crate::picture::InputShape;

/// SmoothTaylor and its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SmoothTaylor {
    /// Roots; the paper's R.
    pub samples: usize,
    /// Standard deviation of the roots around the input.
    pub sigma: f32,
    /// The measure by which σ is chosen for each input ("adaptive noising", algorithm 1); `None`: σ is fixed.
    pub adaptive: Option<Objective>,
    /// Seed of the noise.
    pub seed: u64,
}

impl Default for SmoothTaylor {
    fn default() -> Self {
        Self { samples: 150, sigma: 0.5, adaptive: None, seed: 0 }
    }
}

/// Noise on the roots.
const SIGMA: MethodOption = MethodOption {
    name: "sigma",
    value_name: "S",
    help: "Noise on the roots, in units of the network's input",
    domain: Domain::Positive,
    absent: "",
};

/// Whether and how sigma is chosen.
const ADAPTIVE: MethodOption = MethodOption {
    name: "adaptive",
    value_name: "OBJECTIVE",
    help: "Choose sigma for each input by the area under the perturbation curve (aupc) or by total variation (tv)",
    domain: Domain::Word(|| Objective::ALL.map(Objective::word).to_vec()),
    absent: "",
};

impl Attribute for SmoothTaylor {
    fn name(&self) -> &'static str {
        "smoothtaylor"
    }

    fn about(&self) -> &'static str {
        "the mean of Taylor terms around noisy roots"
    }

    fn paper(&self) -> &'static str {
        "Goh et al. 2021"
    }

    fn options(&self) -> &'static [MethodOption] {
        &[SAMPLES, SIGMA, ADAPTIVE, SEED]
    }

    fn is_base(&self) -> bool {
        false
    }

    fn samples(&self, _picture: Option<InputShape>) -> Option<usize> {
        let values = self.adaptive.map_or(1, |_| adaptive::MOST_TRIED);
        Some(self.samples * values)
    }

    fn attribute(&self, context: &Context, pass: ForwardPass) -> Result<Explanation> {
        ensure!(self.samples > 0, "SmoothTaylor needs at least one sample");
        let Some(objective) = self.adaptive else {
            return self.with_sigma(self.sigma, context, &pass);
        };
        let (explanation, adaptation): (Explanation, Adaptation) =
            adaptive::choose(objective, self.sigma, self.seed, context, &pass, |sigma| {
                self.with_sigma(sigma, context, &pass)
            })?;
        Ok(Explanation { adaptation: Some(adaptation), ..explanation })
    }
}

impl SmoothTaylor {
    fn with_sigma(&self, sigma: f32, context: &Context, pass: &ForwardPass) -> Result<Explanation> {
        let mean = context.mean_of_samples(self.samples, |sample| {
            // The same random numbers for every σ, so that their objectives can be compared.
            let root = noisy(&pass.inputs, |_| sigma, self.seed, sample);
            let way = difference(&pass.inputs, &root)?;
            let gradient: Explanation = context.propagate(context.forward(root)?)?.into();
            let relevance = product(way, &gradient.relevance)?;
            Ok(gradient.replaced(relevance))
        })?;
        Ok(mean)
    }
}
