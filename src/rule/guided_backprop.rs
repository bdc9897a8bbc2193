//! Guided backpropagation (Springenberg et al. 2014).

use super::spec::{Effect, RuleSpec};

/// For activations: the positive part of the gradient.
pub static GUIDED_BACKPROP: RuleSpec = RuleSpec {
    about: "for activations: passes back only positive gradients, and only where the activation was active",
    paper: "Springenberg et al. 2014",
    ..RuleSpec::does("guided-backprop", Effect::GuidedBackprop)
};
