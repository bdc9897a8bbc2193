//! w² (Montavon et al. 2017).

use super::group::{Group, InputPart, Term};
use super::spec::{RuleSpec, Setting};
use crate::linear::WeightPart;

/// In proportion to the squared weights.
pub static W_SQUARE: RuleSpec = RuleSpec {
    about: "in proportion to the squared weights, whatever the picture",
    paper: "Montavon et al. 2017",
    ..RuleSpec::divides("w-square", groups, &[Setting::Stabilizer, Setting::Bias])
};

fn groups(_: &[f32]) -> Vec<Group> {
    let term = Term::of(InputPart::One, WeightPart::Squared);
    vec![Group::whole(vec![term], Some(WeightPart::Squared))]
}
