//! Guided backpropagation (Springenberg et al. 2015, section 3.4), by the preset `guided-backprop`.
//!
//! Every activation takes part: the paper and captum know ReLU only. Where an activation is
//! another function (ReLU6, SiLU), its derivative is multiplied by the positive part of what comes back.

use super::subject::Attribute;

/// The gradient, of which every activation lets the positive part back.
pub(super) struct GuidedBackprop;

impl Attribute for GuidedBackprop {}
