//! LRP-z⁺ (Montavon et al. 2017): LRP-αβ with α = 1 and β = 0.

use super::alpha_beta::positive;
use super::group::Group;
use super::spec::{RuleSpec, Setting};

/// In proportion to the positive contributions.
pub static Z_PLUS: RuleSpec = RuleSpec {
    about: "in proportion to the positive contributions",
    paper: "Montavon et al. 2017",
    ..RuleSpec::divides("z-plus", groups, &[Setting::Stabilizer, Setting::Bias])
};

fn groups(_: &[f32]) -> Vec<Group> {
    vec![positive(1.0)]
}
