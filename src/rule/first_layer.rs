//! Rules for the layer that sees the picture, whose values are no activations: z-box, w², flat.

use super::{Group, InputPart, Term};
use crate::linear::WeightPart;

/// `W x − W⁺ l − W⁻ h = W⁺ (x − l) + W⁻ (x − h)` for inputs between `l` and `h`; the bias cancels.
///
/// The right-hand form needs one map less, and does not cancel where the picture is black or white.
pub(super) fn z_box() -> Vec<Group> {
    vec![Group {
        coefficient: 1.0,
        gate: None,
        terms: vec![
            Term::of(InputPart::AboveLow, WeightPart::Positive),
            Term::of(InputPart::BelowHigh, WeightPart::Negative),
        ],
        bias: None,
    }]
}

/// `W²`, whatever the picture.
pub(super) fn w_square() -> Vec<Group> {
    vec![Group {
        coefficient: 1.0,
        gate: None,
        terms: vec![Term::of(InputPart::One, WeightPart::Squared)],
        bias: Some(WeightPart::Squared),
    }]
}

/// Evenly over the inputs that an output sees; at the border over those that really exist.
pub(super) fn flat() -> Vec<Group> {
    vec![Group {
        coefficient: 1.0,
        gate: None,
        terms: vec![Term::of(InputPart::One, WeightPart::One)],
        bias: None,
    }]
}
