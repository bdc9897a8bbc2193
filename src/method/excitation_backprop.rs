//! Excitation backpropagation (Zhang et al. 2016, eq. 6-8), by the preset `excitation-backprop`.
//!
//! Computes marginal winning probabilities; propagation starts with 1 at the output, as in the paper.

use serde::{Deserialize, Serialize};

use super::attribute::Attribute;

/// Probabilities, propagated in proportion to the excitatory contributions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExcitationBackprop;

impl Attribute for ExcitationBackprop {
    fn name(&self) -> &'static str {
        "excitation-backprop"
    }

    fn about(&self) -> &'static str {
        "marginal winning probabilities"
    }

    fn paper(&self) -> &'static str {
        "Zhang et al. 2016"
    }

    fn preset(&self) -> Option<&'static str> {
        Some("excitation-backprop")
    }

    fn can_stop_at_layers(&self) -> bool {
        true
    }
}
