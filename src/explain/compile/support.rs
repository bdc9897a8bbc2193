//! Where relevance can arrive.
//!
//! A group of the gamma rule that is gated on negative outputs is dead in front of a ReLU, but only if
//! everything above hands relevance down in proportion to the activation: the flat and w² rules give
//! relevance to silent units too. So two properties are followed from the output backwards, value by
//! value: whether relevance can arrive where the value is 0, and where it is below 0.

use crate::explain::step::Step;
use crate::network::{LayerId, Network, Op, SignBounds};
use crate::rule::InputPart;

/// Where in a value relevance can arrive, besides its positive elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelevanceSupport {
    /// Where it is exactly 0.
    pub at_zero: bool,
    /// Where it is below 0.
    pub below_zero: bool,
}

impl RelevanceSupport {
    /// At positive elements only, or nowhere.
    pub const POSITIVE: RelevanceSupport = RelevanceSupport { at_zero: false, below_zero: false };
    /// Everywhere.
    pub const ANYWHERE: RelevanceSupport = RelevanceSupport { at_zero: true, below_zero: true };

    fn or(self, other: RelevanceSupport) -> RelevanceSupport {
        RelevanceSupport {
            at_zero: self.at_zero || other.at_zero,
            below_zero: self.below_zero || other.below_zero,
        }
    }
}

/// The support of the relevance of layer `id`, whose consumers have their steps and their own support.
pub(super) fn support_of(
    network: &Network,
    signs: &SignBounds,
    (steps, known): (&[Step], &[RelevanceSupport]),
    consumers: &[LayerId],
    id: LayerId,
) -> RelevanceSupport {
    let from_above = match id == network.output {
        // The initial relevance is put in at any logit, whatever its value.
        true => RelevanceSupport::ANYWHERE,
        false => RelevanceSupport::POSITIVE,
    };
    let support = consumers.iter().fold(from_above, |support, &consumer| {
        let known = known[consumer];
        support.or(handed_down(network, signs, (&steps[consumer], known), consumer, id))
    });
    let below_zero = support.below_zero && !signs.is_nonnegative(id);
    RelevanceSupport { below_zero, ..support }
}

/// Where a consumer, with its step and the support of its own value, can hand relevance to the value of `id`.
fn handed_down(
    network: &Network,
    signs: &SignBounds,
    (step, known): (&Step, RelevanceSupport),
    consumer: LayerId,
    id: LayerId,
) -> RelevanceSupport {
    let layer = &network.layers[consumer];
    match (step, &layer.op) {
        (Step::End, _) => RelevanceSupport::POSITIVE,
        (Step::Linear(step), _) => {
            // x ⊙ Wᵀs vanishes with x; a constant part (flat, w², z-box) does not.
            let terms = || step.groups().flat_map(|group| &group.terms);
            RelevanceSupport {
                at_zero: !terms().all(|term| term.input.vanishes_with_input()),
                below_zero: !terms().all(|term| term.input == InputPart::Positive),
            }
        }
        // x ⊙ Wᵀs and |x| ⊙ |W|ᵀs vanish with x.
        (Step::Split(_), _) => RelevanceSupport { at_zero: false, below_zero: true },
        (Step::Pass, Op::Activation(activation)) => {
            let function = &activation.function;
            let keeps_zero = function.at(0.0) == 0.0 && !function.has_parameters();
            let below_zero = known.at_zero || !function.is_zero_below_zero();
            RelevanceSupport { at_zero: known.at_zero || !keeps_zero, below_zero }
        }
        (Step::Gradient | Step::GuidedBackprop, Op::Activation(activation)) => {
            // φ' is 0 up to and including the kink.
            let is_flat = activation.function.is_zero_below_zero();
            RelevanceSupport { at_zero: !is_flat, below_zero: !is_flat }
        }
        (Step::Gradient, Op::Routing(_) | Op::Concat(_) | Op::MaxPooling(_)) => known,
        (Step::Share, Op::Product(product)) => match product.signal {
            Some(signal) if layer.inputs[signal] != id => RelevanceSupport::POSITIVE,
            Some(signal) => {
                let keeps_sign = signs.is_nonnegative(layer.inputs[1 - signal]);
                let below_zero = known.below_zero || known.at_zero || !keeps_sign;
                RelevanceSupport { below_zero, ..known }
            }
            None => RelevanceSupport { below_zero: true, ..known },
        },
        _ => RelevanceSupport::ANYWHERE,
    }
}
