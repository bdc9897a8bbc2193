//! Generalised LRP-γ (Andéol et al. 2021): for positive outputs the positive contributions are favoured, for negative
//! ones the negative.

use super::group::{Group, InputPart, Sign, Term};
use super::spec::{Number, RuleSpec, Setting};
use crate::linear::WeightPart;

/// Contributions of the output's own sign are favoured.
pub static GAMMA: RuleSpec = RuleSpec {
    about: "contributions of the output's own sign are favoured",
    paper: "Andéol et al. 2021, after Montavon et al. 2019",
    ..RuleSpec::divides(
        "gamma",
        groups,
        &[Setting::Number(NUMBER), Setting::Stabilizer, Setting::Bias],
    )
};

const NUMBER: Number = Number {
    name: "gamma",
    symbol: "γ",
    // As in zennit.
    default: 0.25,
    about: "how much they are favoured; 0 is epsilon, infinity is z-plus",
};

/// Two groups, gated by the sign of the unmodified output; an output of 0 drops its relevance.
fn groups(numbers: &[f32]) -> Vec<Group> {
    let [gamma] = *numbers else { return vec![] };
    let (positive, negative) =
        (WeightPart::PositiveFavored(gamma), WeightPart::NegativeFavored(gamma));
    let group = |sign: Sign, same: WeightPart, other: WeightPart| {
        let terms = vec![Term::of(InputPart::Positive, same), Term::of(InputPart::Negative, other)];
        Group { gate: Some(sign), ..Group::whole(terms, Some(same)) }
    };
    vec![group(Sign::Positive, positive, negative), group(Sign::Negative, negative, positive)]
}
