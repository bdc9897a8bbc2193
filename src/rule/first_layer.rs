//! Rules for the layer that sees the picture, whose values are no activations: z-box, w², flat.

use super::{Group, InputPart, Term};
use crate::linear::WeightPart;

/// `W x − W⁺ l − W⁻ h` for inputs between `l` and `h`; the bias cancels.
pub(super) fn z_box() -> Vec<Group> {
    let minus = |input, weight| Term { coefficient: -1.0, input, weight };
    vec![Group {
        coefficient: 1.0,
        gate: None,
        terms: vec![
            Term::of(InputPart::Plain, WeightPart::Plain),
            minus(InputPart::Low, WeightPart::Positive),
            minus(InputPart::High, WeightPart::Negative),
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
