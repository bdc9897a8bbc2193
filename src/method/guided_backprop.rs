//! Guided backpropagation (Springenberg et al. 2015, section 3.4), by the preset `guided-backprop`.
//!
//! Every activation takes part: the paper and captum know ReLU only. Where an activation is
//! another function (ReLU6, SiLU), its derivative is multiplied by the positive part of what comes back.

use serde::{Deserialize, Serialize};

use super::attribute::{Attribute, Scale};

/// The gradient, of which every activation passes back the positive part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GuidedBackprop;

impl Attribute for GuidedBackprop {
    fn name(&self) -> &'static str {
        "guided-backprop"
    }

    fn about(&self) -> &'static str {
        "ReLU passes back only positive gradients, and only where it was active"
    }

    fn paper(&self) -> &'static str {
        "Springenberg et al. 2015"
    }

    fn preset(&self) -> Option<&'static str> {
        Some("guided-backprop")
    }

    fn scale(&self) -> Scale {
        Scale::Magnitude
    }

    fn can_stop_at_layers(&self) -> bool {
        true
    }
}
