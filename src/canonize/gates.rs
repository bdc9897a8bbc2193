//! `y = x · g(x)` with a gate `g`: for relevance the gate is a coefficient; the signal takes all, the gate
//! nothing (Arras et al. 2017, 2019; Pahde et al. 2023 for squeeze-excite).
//!
//! A gate is what is squashed to an interval of finite length at and above 0 (sigmoid, hard
//! sigmoid, softmax), or else what is one number per channel where the other factor is a
//! map. The function does not change: only which factor counts as the signal is written down.

use std::cmp::Ordering;

use anyhow::Result;

use crate::network::{LayerId, Network, Op};

/// Marks the signal of every product that has a gate.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let mut marked = vec![];
    for id in 0..network.layers.len() {
        let Op::Product(product) = &network.layers[id].op else {
            continue;
        };
        let inputs = &network.layers[id].inputs;
        let gates = [is_gate(network, inputs[0]), is_gate(network, inputs[1])];
        let signal = product.signal.or_else(|| signal_of(&product.input_shapes, gates));
        let Op::Product(product) = &mut network.layers[id].op else {
            continue;
        };
        if product.signal != signal {
            product.signal = signal;
            marked.push(network.layers[id].name.clone());
        }
    }
    Ok(marked)
}

/// Whether a value is what gates are made of: squashed to an interval of finite length.
fn is_gate(network: &Network, id: LayerId) -> bool {
    let layer = &network.layers[id];
    match &layer.op {
        Op::Activation(activation) => {
            let (low, high) = activation.function.bounds(f32::NEG_INFINITY, f32::INFINITY);
            low >= 0.0 && high.is_finite()
        }
        Op::Softmax(softmax) => !softmax.is_logarithm,
        Op::Routing(_) => is_gate(network, layer.inputs[0]),
        Op::Affine(affine) => {
            let is_number = affine.scale.as_ref().is_none_or(|scale| scale.len() == 1);
            is_number && is_gate(network, layer.inputs[0])
        }
        _ => false,
    }
}

/// Which factor is the signal: the one that is not squashed, else the one that is not one number per
/// channel.
fn signal_of(shapes: &[Vec<usize>; 2], is_gate: [bool; 2]) -> Option<usize> {
    match is_gate {
        [false, true] => return Some(0),
        [true, false] => return Some(1),
        _ => {}
    }
    let len = |index: usize| shapes[index].iter().product::<usize>();
    match len(0).cmp(&len(1)) {
        Ordering::Greater => Some(0),
        Ordering::Less => Some(1),
        Ordering::Equal => None,
    }
}
