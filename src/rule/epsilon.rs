//! LRP-ε, and the norm rule, which is the same division on a map without parameters.

use super::{Group, InputPart, Term};
use crate::linear::WeightPart;

/// One group: the contributions as they are.
pub(super) fn groups() -> Vec<Group> {
    vec![Group {
        coefficient: 1.0,
        gate: None,
        terms: vec![Term::of(InputPart::Plain, WeightPart::Plain)],
        bias: Some(WeightPart::Plain),
    }]
}
