//! Flat (Lapuschkin et al. 2019).

use super::group::{Group, InputPart, Term};
use super::spec::{RuleSpec, Setting};
use crate::linear::WeightPart;

/// Evenly over the receptive field.
pub static FLAT: RuleSpec = RuleSpec {
    about: "evenly over the inputs that an output sees",
    paper: "Lapuschkin et al. 2019",
    ..RuleSpec::divides("flat", groups, &[Setting::Stabilizer])
};

/// At the border of a picture over the inputs that really exist.
fn groups(_: &[f32]) -> Vec<Group> {
    vec![Group::whole(vec![Term::of(InputPart::One, WeightPart::One)], None)]
}
