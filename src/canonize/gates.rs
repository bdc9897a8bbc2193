//! `y = x · g(x)` with a gate `g`, and `Y = A V` with attention weights `A`: the gate and the attention weights count as
//! coefficients, and the signal gets all relevance (Arras et al. 2017, 2019; Pahde et al. 2023 for squeeze-excite; Ali
//! et al. 2022 for attention, where the rule is epsilon).
//!
//! A gate is the output of a function whose values are in a finite interval above 0 (sigmoid, hard sigmoid, softmax);
//! otherwise, a factor with one number per channel, if the other factor is a map. The function of the network does not
//! change: the pass only records which factor is the signal.

use std::cmp::Ordering;

use anyhow::Result;

use crate::network::{LayerId, Network, Op};
use crate::operator::{Affine, MatrixProduct, Product};

/// Marks the signal of every product that has a gate, and of every matrix product with attention.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let mut marked = vec![];
    for id in 0..network.layers.len() {
        let &[left, right] = network.layers[id].inputs.as_slice() else {
            continue;
        };
        let found = match &network.layers[id].op {
            Op::Product(product) => {
                let gates = [is_gate(network, left), is_gate(network, right)];
                signal_of(&product.input_shapes, gates)
            }
            Op::MatrixProduct(_) => {
                only_other([is_attention(network, left), is_attention(network, right)])
            }
            _ => None,
        };
        let layer = &mut network.layers[id];
        let (Op::Product(Product { signal, .. }) | Op::MatrixProduct(MatrixProduct { signal, .. })) =
            &mut layer.op
        else {
            continue;
        };
        if signal.is_none() && found.is_some() {
            *signal = found;
            marked.push(layer.name.clone());
        }
    }
    Ok(marked)
}

/// Whether a value consists of elements of a softmax.
fn is_attention(network: &Network, mut id: LayerId) -> bool {
    loop {
        match &network.layers[id].op {
            Op::Softmax(softmax) => return !softmax.is_logarithm,
            Op::Routing(_) => id = network.layers[id].inputs[0],
            _ => return false,
        }
    }
}

/// The factor that does not have the property, if exactly one factor has it.
fn only_other(has: [bool; 2]) -> Option<usize> {
    match has {
        [false, true] => Some(0),
        [true, false] => Some(1),
        _ => None,
    }
}

/// Whether the values of a layer are in a finite interval above 0, as those of gates are.
fn is_gate(network: &Network, mut id: LayerId) -> bool {
    loop {
        match &network.layers[id].op {
            Op::Activation(activation) => {
                let (low, high) = activation.function.bounds(f32::NEG_INFINITY, f32::INFINITY);
                return low >= 0.0 && high.is_finite();
            }
            Op::Softmax(softmax) => return !softmax.is_logarithm,
            Op::Routing(_) => {}
            Op::Affine(Affine { scale, .. })
                if scale.as_ref().is_none_or(|scale| scale.len() == 1) => {}
            _ => return false,
        }
        id = network.layers[id].inputs[0];
    }
}

/// Which factor is the signal: the one that is not bounded; otherwise the one that does not have one number per channel.
fn signal_of(shapes: &[Vec<usize>; 2], is_gate: [bool; 2]) -> Option<usize> {
    if let Some(signal) = only_other(is_gate) {
        return Some(signal);
    }
    let len = |index: usize| shapes[index].iter().product::<usize>();
    match len(0).cmp(&len(1)) {
        Ordering::Greater => Some(0),
        Ordering::Less => Some(1),
        Ordering::Equal => None,
    }
}
