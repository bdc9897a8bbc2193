//! Softmax and matrix products in AttnLRP (Achtibat et al. 2024).

use super::spec::{Effect, RuleSpec, Setting};

/// First-order Taylor expansion at the input.
pub static TAYLOR: RuleSpec = RuleSpec {
    about: "first-order Taylor expansion at the input, whose remainder is absorbed like a bias; several signals share evenly",
    paper: "Achtibat et al. 2024",
    settings: &[Setting::Stabilizer],
    ..RuleSpec::does("taylor", Effect::Taylor)
};
