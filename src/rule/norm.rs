//! The norm rule: LRP-ε on a map without parameters.

use super::epsilon::groups;
use super::spec::{RuleSpec, Setting};

/// In proportion to the contributions to an average or a sum of branches.
pub static NORM: RuleSpec = RuleSpec {
    about: "in proportion to the contributions to a map without parameters (average, sum of branches)",
    paper: "Bach et al. 2015, eq. 58, as in zennit",
    on_routes: true,
    on_signals: true,
    ..RuleSpec::divides("norm", groups, &[Setting::Epsilon, Setting::Stabilizer, Setting::Bias])
};
