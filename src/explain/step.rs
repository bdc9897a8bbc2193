//! What propagation does at a layer: plain data, without kernels and without layouts.
//!
//! Nothing here names a rule: a step says which parts of inputs and weights are multiplied, what is divided by
//! what, and what keeps the denominators from zero.

use crate::linear::WeightPart;
use crate::network::Interval;
use crate::rule::{Group, InputPart, Stabilizer, StabilizerKind};

/// What propagation does at a layer.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing: no relevance arrives, or it ends here.
    End,
    /// The divisions of a rule on a linear layer.
    Linear(LinearStep),
    /// One division for outputs of both signs, on a linear layer.
    Split(SplitStep),
    /// A rule of the first derivative, on an operator that is no linear map.
    Taylor(TaylorStep),
    /// Relevance goes to the only input as it is.
    Pass,
    /// Relevance of a product: the signal takes all, or each factor half.
    Share,
    /// The chain rule.
    Gradient,
    /// The chain rule on the positive part.
    GuidedBackprop,
    /// The positive part.
    Deconvnet,
}

impl Step {
    /// Whether relevance goes no further.
    pub fn is_end(&self) -> bool {
        matches!(self, Step::End)
    }

    /// Whether the stabilizer of an output is measured on the denominators of all outputs.
    pub fn measures_all_denominators(&self) -> bool {
        match self {
            Step::Linear(step) => !step.is_local(),
            Step::Split(step) => !is_local(step.stabilizer),
            Step::Taylor(step) => !is_local(step.stabilizer),
            _ => false,
        }
    }
}

/// The divisions of a rule, simplified for one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearStep {
    /// Those that can carry relevance.
    pub divisions: Vec<Division>,
    /// What keeps their denominators from zero.
    pub stabilizer: Stabilizer,
    /// The range of every input, where a term is relative to it; else empty.
    pub ranges: Vec<Interval>,
}

/// One group of a rule, and where its denominators come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Division {
    /// What is multiplied, and which share of the relevance is distributed by it.
    pub group: Group,
    /// Where the denominators come from.
    pub denominator: Denominator,
}

/// Where the denominators of a [`Division`] come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denominator {
    /// They are the layer's own output.
    Output,
    /// The terms of the group are added up.
    Terms,
}

/// A rule on outputs of both signs, or on positive outputs only, that favours contributions of the output's sign.
///
/// With `σ` the sign of the output `y` and `b` the bias, where it takes part:
///
/// ```text
/// z    = plain · y + magnitude · σ (|W| |x| + |b|)
/// R_in = plain · x ⊙ Wᵀ s + magnitude · |x| ⊙ |W|ᵀ (σ s),    s = R / stabilized(z)
/// ```
///
/// Both summands of `z` have the sign of `y`, so that nothing cancels; the relevance of an output of 0 is dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitStep {
    /// The two factors; neither is negative.
    pub split: Split,
    /// Whether relevance arrives at outputs below 0.
    pub has_negative_outputs: bool,
    /// Whether inputs can be below 0; otherwise they are their own magnitudes.
    pub has_negative_inputs: bool,
    /// Whether the bias takes part; otherwise it is subtracted from `y`.
    pub bias: bool,
    /// What keeps `z` from zero.
    pub stabilizer: Stabilizer,
}

/// Contributions of each sign, written with `W x` and `|W| |x|` instead of with parts of both:
/// `A x⁺ + B x⁻ = plain · W x + magnitude · |W| |x|` where `A = plain · W + magnitude · |W|` and `B = plain · W − magnitude · |W|`.
///
/// Positive contributions count `plain + magnitude` times, negative ones `plain − magnitude` times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// How often `W x` counts.
    pub plain: f32,
    /// How often `|W| |x|` counts.
    pub magnitude: f32,
}

impl Split {
    /// The split of a group whose terms are `x⁺` and `x⁻`, each with a linear function of `w` and `|w|`.
    pub fn of(group: &Group) -> Option<Split> {
        let [above, below] = &group.terms[..] else { return None };
        if (above.input, below.input) != (InputPart::Positive, InputPart::Negative) {
            return None;
        }
        let [plain, magnitude] = plain_and_magnitude(above.weight)?;
        let is_mirrored = plain_and_magnitude(below.weight)? == [plain, -magnitude];
        is_mirrored.then_some(Split { plain, magnitude })
    }

    /// Whether only contributions of one sign count, those once.
    pub fn counts_one_sign(self) -> bool {
        self.plain == 0.5 && self.magnitude.abs() == 0.5
    }
}

/// A part of a weight as `p · w + q · |w|`, where it is one.
fn plain_and_magnitude(part: WeightPart) -> Option<[f32; 2]> {
    match part {
        WeightPart::Plain => Some([1.0, 0.0]),
        WeightPart::Magnitude => Some([0.0, 1.0]),
        WeightPart::Positive => Some([0.5, 0.5]),
        WeightPart::Negative => Some([0.5, -0.5]),
        WeightPart::PositiveFavored(gamma) => Some([1.0 + 0.5 * gamma, 0.5 * gamma]),
        WeightPart::NegativeFavored(gamma) => Some([1.0 + 0.5 * gamma, -0.5 * gamma]),
        WeightPart::Squared | WeightPart::One => None,
    }
}

/// `R_in = x ⊙ Jᵀ (R / stabilized(signals · z))`, `z` being the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TaylorStep {
    /// Whether `J` is that of the signal alone, everything else being a coefficient (epsilon), or
    /// the whole derivative (taylor).
    pub of_signal: bool,
    /// How many signals are multiplied with each other and share relevance evenly.
    pub signals: usize,
    /// Whether the operator's bias is part of `z`.
    pub bias: bool,
    /// What keeps `z` from zero.
    pub stabilizer: Stabilizer,
}

impl LinearStep {
    /// Whether a part of an input is relative to its lowest or highest value.
    pub fn reads_ranges(&self) -> bool {
        self.groups().flat_map(|group| &group.terms).any(|term| term.input.is_relative())
    }

    /// The groups of its divisions.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.divisions.iter().map(|division| &division.group)
    }

    /// Whether the stabilizer of an output is known from that output alone; a relative one is measured on all.
    pub fn is_local(&self) -> bool {
        is_local(self.stabilizer)
    }
}

/// Whether the stabilizer of an output is known from that output alone; a relative one is measured on all.
pub(super) fn is_local(stabilizer: Stabilizer) -> bool {
    stabilizer.kind != StabilizerKind::Relative
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{RULES, Rule};

    fn groups(name: &str, numbers: &[f32]) -> Vec<Group> {
        let spec = RULES.iter().find(|spec| spec.name == name).unwrap();
        Rule { spec, numbers: numbers.to_vec(), range: None }.groups().unwrap()
    }

    #[test]
    fn groups_that_treat_contributions_by_sign_are_splits() {
        let splits = |name: &str, numbers: &[f32]| -> Vec<Option<[f32; 2]>> {
            let splits = groups(name, numbers).iter().map(Split::of).collect::<Vec<_>>();
            splits
                .into_iter()
                .map(|split| split.map(|split| [split.plain, split.magnitude]))
                .collect()
        };
        assert_eq!(splits("z-plus", &[]), [Some([0.5, 0.5])]);
        assert_eq!(splits("alpha-beta", &[2.0, 1.0]), [Some([0.5, 0.5]), Some([0.5, -0.5])]);
        assert_eq!(splits("gamma", &[0.5]), [Some([1.25, 0.25]), Some([1.25, -0.25])]);
        for name in ["epsilon", "z-box", "w-square", "flat", "norm"] {
            assert_eq!(splits(name, &[]), [None], "{name}");
        }
    }

    #[test]
    fn a_split_counts_contributions_as_its_group_does() {
        for group in [groups("alpha-beta", &[2.0, 1.0]), groups("gamma", &[3.0])].concat() {
            let Split { plain, magnitude } = Split::of(&group).unwrap();
            for (w, x) in [(2.0f32, 3.0f32), (-2.0, 3.0), (2.0, -3.0), (-2.0, -3.0)] {
                let parts = [x.max(0.0), x.min(0.0)];
                let terms = group.terms.iter().zip(parts).map(|(term, x)| term.weight.of(w) * x);
                let expected: f32 = terms.sum();
                assert_eq!(plain * (w * x) + magnitude * (w.abs() * x.abs()), expected);
            }
        }
    }
}
