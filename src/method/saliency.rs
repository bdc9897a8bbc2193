//! Saliency (Simonyan et al. 2014, section 3.1): |∂f/∂x|.
//!
//! The paper draws the largest of a pixel's channels; heatmaps here add the channels up.

use anyhow::Result;

use super::explanation::Explanation;
use super::gradient::Gradient;
use super::subject::{Attribute, Point, Subject};

/// |∂f/∂x|.
pub(super) struct Saliency;

impl Attribute for Saliency {
    fn attribute(&self, subject: &Subject, point: Point) -> Result<Explanation> {
        let gradient = Gradient.attribute(subject, point)?;
        let magnitude = gradient.relevance.map(f32::abs)?;
        Ok(gradient.replaced(magnitude))
    }
}
