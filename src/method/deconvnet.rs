//! Deconvnet (Zeiler and Fergus 2014, section 2.1), by the preset `deconvnet`.
//!
//! Every activation takes part: the paper and captum know ReLU only.

use serde::{Deserialize, Serialize};

use super::attribute::{Attribute, Scale};

/// The gradient, but activations pass back the positive part whether they were active or not.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Deconvnet;

impl Attribute for Deconvnet {
    fn name(&self) -> &'static str {
        "deconvnet"
    }

    fn about(&self) -> &'static str {
        "ReLU passes back only positive gradients, whether it was active or not"
    }

    fn paper(&self) -> &'static str {
        "Zeiler, Fergus 2014"
    }

    fn preset(&self) -> Option<&'static str> {
        Some("deconvnet")
    }

    fn scale(&self) -> Scale {
        Scale::Magnitude
    }

    fn can_stop_at_layers(&self) -> bool {
        true
    }
}
