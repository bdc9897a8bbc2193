//! Deconvnet (Zeiler and Fergus 2014).

use super::spec::{Effect, RuleSpec};

/// For activations: the positive part of what comes back, ungated.
pub static DECONVNET: RuleSpec = RuleSpec {
    about: "for activations: passes back only positive gradients, whether the activation was active or not",
    paper: "Zeiler and Fergus 2014",
    ..RuleSpec::does("deconvnet", Effect::Deconvnet)
};
