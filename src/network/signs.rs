//! What can be proven about the sign of a value, whatever the input.

use super::{Network, Op};
use crate::linear::Signs;

/// For each layer, the lowest and highest number its value can contain.
#[derive(Clone, Debug)]
pub struct SignBounds {
    bounds: Vec<(f32, f32)>,
}

const ANYTHING: (f32, f32) = (f32::NEG_INFINITY, f32::INFINITY);

impl SignBounds {
    /// Follows intervals through the network, from an input that can have any value.
    pub fn of(network: &Network) -> SignBounds {
        let mut bounds: Vec<(f32, f32)> = Vec::with_capacity(network.layers.len());
        for layer in &network.layers {
            let inputs: Vec<(f32, f32)> = layer.inputs.iter().map(|&id| bounds[id]).collect();
            bounds.push(bounds_of(&layer.op, &inputs));
        }
        SignBounds { bounds }
    }

    /// Whether no element of the layer's value can be below zero.
    pub fn is_nonnegative(&self, id: usize) -> bool {
        self.bounds[id].0 >= 0.0
    }

    /// The signs that elements of the layer's value can have.
    pub fn signs(&self, id: usize) -> Signs {
        let (low, high) = self.bounds[id];
        Signs { positive: high > 0.0 || high.is_nan(), negative: low < 0.0 || low.is_nan() }
    }
}

fn bounds_of(op: &Op, inputs: &[(f32, f32)]) -> (f32, f32) {
    let hull = || {
        inputs.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |hull, bounds| {
            (hull.0.min(bounds.0), hull.1.max(bounds.1))
        })
    };
    match op {
        Op::Activation(activation) => activation.function.bounds(inputs[0].0, inputs[0].1),
        Op::MaxPooling(_) | Op::TopElements(_) | Op::Concat(_) => hull(),
        Op::Pick(_) => inputs[0],
        Op::TopPositions(_) => (0.0, f32::INFINITY),
        Op::Choice(_) => (inputs[1].0.min(inputs[2].0), inputs[1].1.max(inputs[2].1)),
        Op::TwoSignals(function) => function.operation.bounds(inputs[0], inputs[1]),
        Op::Routing(routing) => {
            let (low, high) = hull();
            (low.min(routing.constant), high.max(routing.constant))
        }
        Op::Constant(value) => value.extremes(),
        Op::Softmax(softmax) if !softmax.is_logarithm => (0.0, 1.0),
        Op::Product(_) if inputs.iter().all(|bounds| bounds.0 >= 0.0) => (0.0, f32::INFINITY),
        _ => match op.as_linear() {
            Some(map) if is_monotone(map, inputs) => (0.0, f32::INFINITY),
            _ => ANYTHING,
        },
    }
}

/// Whether the inputs, the weights and the bias of a map are all nonnegative.
fn is_monotone(map: &dyn crate::linear::LinearMap, inputs: &[(f32, f32)]) -> bool {
    inputs.iter().all(|bounds| bounds.0 >= 0.0)
        && map.bias().is_none_or(|bias| !Signs::of(bias.data()).negative)
        && !map.weight_signs().negative
}
