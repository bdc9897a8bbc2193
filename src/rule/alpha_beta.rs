//! LRP-αβ, of which z-plus is the case α = 1, β = 0.

use super::{Group, InputPart, Term};
use crate::linear::WeightPart;

/// Positive contributions (`x⁺ W⁺` and `x⁻ W⁻`) with the weight α, negative ones with −β.
pub(super) fn groups(alpha: f32, beta: f32) -> Vec<Group> {
    let positive = Group {
        coefficient: alpha,
        gate: None,
        terms: vec![
            Term::of(InputPart::Positive, WeightPart::Positive),
            Term::of(InputPart::Negative, WeightPart::Negative),
        ],
        bias: Some(WeightPart::Positive),
    };
    let negative = Group {
        coefficient: -beta,
        gate: None,
        terms: vec![
            Term::of(InputPart::Positive, WeightPart::Negative),
            Term::of(InputPart::Negative, WeightPart::Positive),
        ],
        bias: Some(WeightPart::Negative),
    };
    [positive, negative].into_iter().filter(|group| group.coefficient != 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z_plus_has_no_negative_group() {
        assert_eq!(groups(1.0, 0.0).len(), 1);
        let groups = groups(2.0, 1.0);
        assert_eq!(groups.iter().map(|group| group.coefficient).sum::<f32>(), 1.0);
    }
}
