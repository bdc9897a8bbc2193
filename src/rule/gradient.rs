//! The derivative (Simonyan et al. 2014): the chain rule instead of a relevance rule.

use super::spec::{Effect, RuleSpec};

/// The chain rule.
pub static GRADIENT: RuleSpec = RuleSpec {
    about: "the derivative: the chain rule instead of a relevance rule",
    paper: "Simonyan et al. 2014",
    on_routes: true,
    ..RuleSpec::does("gradient", Effect::Gradient)
};
