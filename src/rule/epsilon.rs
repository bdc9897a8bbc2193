//! LRP-ε (Bach et al. 2015, eq. 58).

use super::group::{Group, InputPart, Term};
use super::spec::{RuleSpec, Setting};
use crate::linear::WeightPart;

/// In proportion to the contributions, damped.
pub static EPSILON: RuleSpec = RuleSpec {
    about: "in proportion to the contributions, damped",
    paper: "Bach et al. 2015, eq. 58",
    on_signals: true,
    ..RuleSpec::divides("epsilon", groups, &[Setting::Epsilon, Setting::Stabilizer, Setting::Bias])
};

/// One group: the contributions as they are.
pub(super) fn groups(_: &[f32]) -> Vec<Group> {
    let term = Term::of(InputPart::Plain, WeightPart::Plain);
    vec![Group::whole(vec![term], Some(WeightPart::Plain))]
}
