//! Gradient × input (Shrikumar et al. 2016): x ⊙ ∂f/∂x.
//!
//! For a network of ReLUs without biases it adds up to the logit, and is LRP with ε = 0.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::attribute::Attribute;
use super::context::{Context, ForwardPass};
use super::explanation::{Explanation, product};
use super::gradient::Gradient;

/// x ⊙ ∂f/∂x.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct InputXGradient;

impl Attribute for InputXGradient {
    fn name(&self) -> &'static str {
        "input-x-gradient"
    }

    fn about(&self) -> &'static str {
        "x ⊙ ∂f/∂x"
    }

    fn paper(&self) -> &'static str {
        "Shrikumar et al. 2016"
    }

    fn attribute(&self, context: &Context, pass: ForwardPass) -> Result<Explanation> {
        let inputs = pass.inputs.clone();
        let gradient = Gradient.attribute(context, pass)?;
        let relevance = product(gradient.relevance.clone(), &inputs)?;
        Ok(gradient.replaced(relevance))
    }
}
