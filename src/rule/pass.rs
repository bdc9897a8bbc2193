//! Activations in every version of LRP (Bach et al. 2015), and whatever scales each element by itself.

use super::spec::{Effect, RuleSpec};

/// Relevance as it comes.
pub static PASS: RuleSpec = RuleSpec {
    about: "hands relevance on as it is: for activations, and what scales each element by itself",
    paper: "Bach et al. 2015",
    on_routes: true,
    ..RuleSpec::does("pass", Effect::Pass)
};
