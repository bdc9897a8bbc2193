//! Saliency (Simonyan et al. 2014, section 3.1): |∂f/∂x|.
//!
//! The paper draws the largest of a pixel's channels; heatmaps here add the channels up.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::attribute::{Attribute, Scale};
use super::context::{Context, ForwardPass};
use super::explanation::Explanation;
use super::gradient::Gradient;

/// |∂f/∂x|.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Saliency;

impl Attribute for Saliency {
    fn name(&self) -> &'static str {
        "saliency"
    }

    fn about(&self) -> &'static str {
        "|∂f/∂x|"
    }

    fn paper(&self) -> &'static str {
        "Simonyan et al. 2014"
    }

    fn scale(&self) -> Scale {
        Scale::Magnitude
    }

    fn can_stop_at_layers(&self) -> bool {
        true
    }

    fn attribute(&self, context: &Context, pass: ForwardPass) -> Result<Explanation> {
        let gradient = Gradient.attribute(context, pass)?;
        let magnitude = gradient.relevance.map(f32::abs)?;
        Ok(gradient.replaced(magnitude))
    }
}
