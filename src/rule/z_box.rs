//! z-box (Montavon et al. 2017): for the layer that sees the picture, whose values lie in a known interval.

use super::group::{Group, InputPart, Term};
use super::spec::{RuleSpec, Setting};
use crate::linear::WeightPart;

/// In proportion to the contributions of inputs above the lowest and below the highest value.
pub static Z_BOX: RuleSpec = RuleSpec {
    about: "for inputs in a known range: what positive weights make of x - low, and negative ones of x - high",
    paper: "Montavon et al. 2017",
    ..RuleSpec::divides("z-box", groups, &[Setting::Range, Setting::Stabilizer])
};

/// `W x − W⁺ l − W⁻ h = W⁺ (x − l) + W⁻ (x − h)` for inputs between `l` and `h`; the bias cancels.
///
/// The right-hand form needs one map less, and does not cancel where the picture is black or white.
fn groups(_: &[f32]) -> Vec<Group> {
    let terms = vec![
        Term::of(InputPart::AboveLow, WeightPart::Positive),
        Term::of(InputPart::BelowHigh, WeightPart::Negative),
    ];
    vec![Group::whole(terms, None)]
}
