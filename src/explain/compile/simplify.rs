//! What of a rule's groups can be anything but zero on one layer, and the cheapest form of what is left.

use super::support::RelevanceSupport;
use crate::explain::step::{Denominator, Division, Split, SplitStep, is_local};
use crate::linear::{LinearMap, Signs, WeightPart};
use crate::network::{Layer, SignBounds};
use crate::rule::{Group, InputPart, Sign, Stabilizer, Term};

/// A linear layer, as far as groups are simplified by it.
#[derive(Clone, Copy)]
pub(super) struct LinearLayer<'a> {
    pub map: &'a dyn LinearMap,
    /// The signs that occur in its inputs.
    pub inputs: Signs,
    /// The outputs at which relevance can arrive.
    pub support: RelevanceSupport,
}

/// A group as the rule has it, and what is left of it.
pub(super) struct Simplified {
    original: Group,
    pub group: Group,
}

impl LinearLayer<'_> {
    /// The groups that can carry relevance, without what is zero whatever the picture.
    pub fn simplified(&self, groups: Vec<Group>) -> Vec<Simplified> {
        let simplify = |original: Group| {
            let group = self.simplified_group(original.clone())?;
            Some(Simplified { original, group })
        };
        groups.into_iter().filter_map(simplify).collect()
    }

    fn simplified_group(&self, mut group: Group) -> Option<Group> {
        let RelevanceSupport { at_zero, below_zero } = self.support;
        match group.gate {
            Some(Sign::Negative) if !below_zero => return None,
            Some(Sign::Positive) if !below_zero && !at_zero => group.gate = None,
            _ => {}
        }
        let Signs { positive, negative } = self.inputs;
        let weights = self.map.weight_signs();
        let simplify = |term: Term| {
            let input = match (term.input, positive, negative) {
                (InputPart::Positive, false, _) | (InputPart::Negative, _, false) => return None,
                (InputPart::Positive, _, false) | (InputPart::Negative, false, _) => {
                    InputPart::Plain
                }
                (part, ..) => part,
            };
            Some(Term { input, weight: term.weight.simplified(weights)? })
        };
        group.terms = group.terms.into_iter().filter_map(simplify).collect();
        group.bias = match self.map.bias() {
            Some(bias) => group.bias.and_then(|part| part.simplified(Signs::of(bias.data()))),
            None => None,
        };
        Some(group)
    }

    /// One division in place of the groups: where they are those of both output signs, each of which favours
    /// contributions of its own, or where relevance arrives at positive outputs only and inputs have both signs.
    pub fn split(
        &self,
        groups: &[Simplified],
        bias: bool,
        stabilizer: Stabilizer,
    ) -> Option<SplitStep> {
        let split = match groups {
            [positive, negative] => {
                let gates = (positive.group.gate, negative.group.gate);
                let (split, other) =
                    (Split::of(&positive.original)?, Split::of(&negative.original)?);
                let is_mirrored = (other.plain, other.magnitude) == (split.plain, -split.magnitude);
                let by_sign = gates == (Some(Sign::Positive), Some(Sign::Negative));
                Some(split).filter(|_| by_sign && is_mirrored)
            }
            [only] => {
                let RelevanceSupport { at_zero, below_zero } = self.support;
                let is_positive = only.group.gate.is_none() && !at_zero && !below_zero;
                let has_both_signs = only.group.terms.len() == 2;
                Split::of(&only.original).filter(|_| is_positive && has_both_signs)
            }
            _ => None,
        };
        let is_whole = groups.iter().all(|simplified| simplified.group.coefficient == 1.0);
        let split = split.filter(|split| split.magnitude >= 0.0 && is_whole)?;
        is_local(stabilizer).then_some(SplitStep {
            split,
            has_negative_outputs: self.support.below_zero,
            has_negative_inputs: self.inputs.negative,
            bias,
            stabilizer,
        })
    }

    /// A group with the place that its denominators come from.
    pub fn division(&self, group: Group) -> Division {
        const OWN: [Term; 1] = [Term { input: InputPart::Plain, weight: WeightPart::Plain }];
        let has_whole_bias = group.bias == Some(WeightPart::Plain) || self.map.bias().is_none();
        let denominator = match group.terms == OWN && has_whole_bias {
            true => Denominator::Output,
            false => Denominator::Terms,
        };
        Division { group, denominator }
    }
}

/// The signs that occur in the inputs of a layer.
pub(super) fn input_signs(layer: &Layer, signs: &SignBounds) -> Signs {
    let all = layer.inputs.iter().map(|&input| signs.signs(input));
    all.fold(Signs { positive: false, negative: false }, |union, signs| Signs {
        positive: union.positive || signs.positive,
        negative: union.negative || signs.negative,
    })
}
