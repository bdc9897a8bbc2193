//! Gradient × input (Shrikumar et al. 2016): x ⊙ ∂f/∂x.
//!
//! For a network of ReLUs without biases it adds up to the logit, and is LRP with ε = 0.

use anyhow::Result;

use super::explanation::{Explanation, product};
use super::gradient::Gradient;
use super::subject::{Attribute, Point, Subject};

/// x ⊙ ∂f/∂x.
pub(super) struct InputXGradient;

impl Attribute for InputXGradient {
    fn attribute(&self, subject: &Subject, point: Point) -> Result<Explanation> {
        let input = point.input.clone();
        let mut gradient = Gradient.attribute(subject, point)?;
        let relevance = std::mem::replace(&mut gradient.relevance, input.clone());
        Ok(gradient.replaced(product(relevance, &input)?))
    }
}
