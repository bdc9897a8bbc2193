//! Where relevance provably cannot arrive.
//!
//! A group of the gamma rule that is gated on negative outputs is dead in front
//! of a ReLU, but only if everything above hands relevance down in proportion to
//! the activation: the flat and w² rules give relevance to silent units too. So
//! two properties are followed from the output backwards, value by value:
//!
//! - *no relevance at zero*: wherever the value is 0, its relevance is 0;
//! - *no relevance below zero*: wherever the value is below 0, its relevance is 0.

use super::program::{DeadSigns, Step};
use crate::network::{LayerId, Network, Op, SignBounds};
use crate::rule::InputPart;

/// What is known of a value's relevance.
#[derive(Clone, Copy, Debug, Default)]
struct Silence {
    at_zero: bool,
    below_zero: bool,
}

/// The properties of every value whose consumers have been compiled.
pub(super) struct Proof<'a> {
    network: &'a Network,
    signs: &'a SignBounds,
    known: Vec<Silence>,
}

impl<'a> Proof<'a> {
    pub fn new(network: &'a Network, signs: &'a SignBounds) -> Proof<'a> {
        Proof { network, signs, known: vec![Silence::default(); network.layers.len()] }
    }

    /// Works out what is known of layer `id` from its consumers, whose steps are final.
    pub fn dead_signs(&mut self, consumers: &[LayerId], steps: &[Step], id: LayerId) -> DeadSigns {
        let mut silence = Silence { at_zero: true, below_zero: true };
        if id == self.network.output {
            // The initial relevance is put in at any logit, whatever its value.
            silence = Silence::default();
        }
        for &consumer in consumers {
            let handed = self.handed_down(consumer, &steps[consumer], id);
            silence.at_zero &= handed.at_zero;
            silence.below_zero &= handed.below_zero;
        }
        silence.below_zero |= self.signs.is_nonnegative(id);
        self.known[id] = silence;
        DeadSigns { negative: silence.below_zero, zero: silence.at_zero }
    }

    /// What one consumer guarantees of the relevance that it hands to the value of `id`.
    fn handed_down(&self, consumer: LayerId, step: &Step, id: LayerId) -> Silence {
        let known = self.known[consumer];
        let always = Silence { at_zero: true, below_zero: true };
        match (step, &self.network.layers[consumer].op) {
            (Step::End, _) => always,
            (Step::Linear(step), _) => {
                // x ⊙ Wᵀs vanishes with x; a constant part (flat, w², z-box) does not.
                let mut inputs =
                    step.groups.iter().flat_map(|group| &group.terms).map(|term| term.input);
                let at_zero = inputs.clone().all(InputPart::vanishes_with_input);
                let below_zero = inputs.all(|input| input == InputPart::Positive);
                Silence { at_zero, below_zero }
            }
            // x ⊙ Wᵀs and |x| ⊙ |W|ᵀs vanish with x.
            (Step::Gamma(_) | Step::Residual(_), _) => Silence { at_zero: true, below_zero: false },
            (Step::Pass, Op::Activation(activation)) => {
                let function = &activation.function;
                let silenced = known.at_zero && function.is_zero_below_zero();
                let keeps_zero = function.at(0.0) == 0.0 && !function.has_parameters();
                Silence { at_zero: known.at_zero && keeps_zero, below_zero: silenced }
            }
            (Step::Gradient | Step::GuidedBackprop, Op::Activation(activation)) => {
                // φ' is 0 up to and including the kink.
                let flat = activation.function.is_zero_below_zero();
                Silence { at_zero: flat, below_zero: flat }
            }
            (Step::Gradient, Op::Routing(_) | Op::Concat(_) | Op::MaxPooling(_)) => known,
            (Step::Share, Op::Product(product)) => match product.signal {
                Some(signal) if self.network.layers[consumer].inputs[signal] != id => always,
                Some(signal) => {
                    let gate = self.network.layers[consumer].inputs[1 - signal];
                    let keeps_sign = self.signs.is_nonnegative(gate);
                    Silence { below_zero: known.below_zero && known.at_zero && keeps_sign, ..known }
                }
                None => Silence { below_zero: false, ..known },
            },
            _ => Silence::default(),
        }
    }
}
