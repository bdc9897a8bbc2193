//! LRP-αβ (Bach et al. 2015, eq. 60).

use super::group::{Group, InputPart, Term};
use super::spec::{Number, RuleSpec, Setting};
use crate::linear::WeightPart;

/// Positive and negative contributions apart.
pub static ALPHA_BETA: RuleSpec = RuleSpec {
    about: "positive and negative contributions apart, with the weights alpha and -beta; alpha - beta = 1",
    paper: "Bach et al. 2015, eq. 60",
    condition: Some(condition),
    ..RuleSpec::divides(
        "alpha-beta",
        groups,
        &[Setting::Number(ALPHA), Setting::Number(BETA), Setting::Stabilizer, Setting::Bias],
    )
};

const ALPHA: Number = Number {
    name: "alpha",
    symbol: "α",
    default: 2.0,
    about: "weight of the positive contributions",
};

const BETA: Number = Number {
    name: "beta",
    symbol: "β",
    default: 1.0,
    about: "weight of the negative contributions",
};

fn condition(numbers: &[f32]) -> Result<(), String> {
    match *numbers {
        [alpha, beta] if (alpha - beta - 1.0).abs() >= 1e-6 => {
            Err(format!("alpha-beta needs alpha - beta = 1, not {alpha} - {beta}"))
        }
        _ => Ok(()),
    }
}

/// Positive contributions with the weight α, negative ones with −β; none where its weight is 0.
fn groups(numbers: &[f32]) -> Vec<Group> {
    let [alpha, beta] = *numbers else { return vec![] };
    let groups = [positive(alpha), negative(-beta)];
    groups.into_iter().filter(|group| group.coefficient != 0.0).collect()
}

/// `x⁺ W⁺` and `x⁻ W⁻`.
pub(super) fn positive(coefficient: f32) -> Group {
    let terms = vec![
        Term::of(InputPart::Positive, WeightPart::Positive),
        Term::of(InputPart::Negative, WeightPart::Negative),
    ];
    Group { coefficient, ..Group::whole(terms, Some(WeightPart::Positive)) }
}

/// `x⁺ W⁻` and `x⁻ W⁺`.
fn negative(coefficient: f32) -> Group {
    let terms = vec![
        Term::of(InputPart::Positive, WeightPart::Negative),
        Term::of(InputPart::Negative, WeightPart::Positive),
    ];
    Group { coefficient, ..Group::whole(terms, Some(WeightPart::Negative)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_beta_of_0_nothing_is_negative() {
        assert_eq!(groups(&[1.0, 0.0]), [positive(1.0)]);
        let groups = groups(&[2.0, 1.0]);
        assert_eq!(groups.iter().map(|group| group.coefficient).collect::<Vec<_>>(), [2.0, -1.0]);
    }
}
