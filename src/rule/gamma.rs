//! Generalised LRP-γ: for positive outputs the positive contributions are favoured, for negative ones the negative.

use super::{Group, InputPart, Sign, Term};
use crate::linear::WeightPart;

/// Two groups, gated by the sign of the unmodified output; an output of 0 drops its relevance.
pub(super) fn groups(gamma: f32) -> Vec<Group> {
    let (positive, negative) =
        (WeightPart::PositiveFavored(gamma), WeightPart::NegativeFavored(gamma));
    vec![
        Group {
            coefficient: 1.0,
            gate: Some(Sign::Positive),
            terms: vec![
                Term::of(InputPart::Positive, positive),
                Term::of(InputPart::Negative, negative),
            ],
            bias: Some(positive),
        },
        Group {
            coefficient: 1.0,
            gate: Some(Sign::Negative),
            terms: vec![
                Term::of(InputPart::Positive, negative),
                Term::of(InputPart::Negative, positive),
            ],
            bias: Some(negative),
        },
    ]
}
