//! `x · sigmoid(x) = silu(x)`, `x · clip(x + 3, 0, 6) / 6 = hardswish(x)`, ...: an activation that an
//! exporter wrote as several nodes becomes one layer, through which relevance passes.
//!
//! From every elementwise layer, elementwise layers are followed backwards to each signal of which it is a function. If
//! that function is a known activation, the layer becomes this activation. The signal farthest back is used:
//! `clip(x + 3, 0, 6) / 6` is a hard sigmoid of `x`, and not the quotient of a clip.

use anyhow::Result;

use crate::network::{LayerId, Network, Op};
use crate::operator::{Activation, Binary, Function};

/// The most layers that are recognised as one activation.
const MOST_MEMBERS: usize = 12;

/// Replaces chains and diamonds of elementwise layers by the activation that they compute.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let mut merged = vec![];
    for id in 0..network.layers.len() {
        let Some(found) = composed_activation(network, id) else {
            continue;
        };
        let inner = found.members.iter().filter(|&&member| member != id);
        merged.extend(inner.map(|&member| network.layers[member].name.clone()));
        let layer = &mut network.layers[id];
        layer.op = Op::Activation(found.activation);
        layer.inputs = vec![found.signal];
        layer.unknown = None;
    }
    merged.dedup();
    Ok(merged)
}

/// A known activation that was written as several layers.
struct Composed {
    activation: Activation,
    signal: LayerId,
    members: Vec<LayerId>,
}

fn composed_activation(network: &Network, id: LayerId) -> Option<Composed> {
    let mut members = vec![];
    let mut frontier = vec![id];
    let mut found = None;
    while members.len() < MOST_MEMBERS {
        frontier.sort_unstable();
        frontier.dedup();
        let latest = frontier.pop()?;
        if frontier.is_empty()
            && members.len() > 1
            && let Some(function) = function_of(network, latest, &members)
            && let Some(activation) = Activation::known(&function)
        {
            found = Some(Composed { activation, signal: latest, members: members.clone() });
        }
        if !is_elementwise(network, latest, id) {
            break;
        }
        members.push(latest);
        let signals = network.layers[latest].inputs.iter().filter(|&&id| !is_constant(network, id));
        frontier.extend(signals);
    }
    found
}

/// Whether a layer is elementwise, on values of the same shape as `id`.
fn is_elementwise(network: &Network, layer: LayerId, id: LayerId) -> bool {
    let has_shape = |&of: &LayerId| {
        is_constant(network, of) || network.layers[of].shape == network.layers[id].shape
    };
    let is_elementwise = match &network.layers[layer].op {
        Op::Sum(sum) => sum.coefficients.len() == 2,
        Op::Activation(_) | Op::Affine(_) | Op::Product(_) | Op::Quotient(_) => true,
        _ => false,
    };
    is_elementwise && has_shape(&layer) && network.layers[layer].inputs.iter().all(has_shape)
}

fn is_constant(network: &Network, id: LayerId) -> bool {
    matches!(network.layers[id].op, Op::Constant(_))
}

/// The value of the last layer as a function of `signal`; `members` begins with the last layer.
fn function_of(network: &Network, signal: LayerId, members: &[LayerId]) -> Option<Function> {
    let mut functions = vec![(signal, Function::identity())];
    for &member in members.iter().rev() {
        let layer = &network.layers[member];
        let of = |input: &LayerId| match &network.layers[*input].op {
            Op::Constant(value) => Some(Function::constant(value)),
            _ => functions.iter().find(|(id, _)| id == input).map(|(_, function)| function.clone()),
        };
        let inputs: Vec<Function> = layer.inputs.iter().map(of).collect::<Option<_>>()?;
        let function = match (&layer.op, inputs.as_slice()) {
            (Op::Activation(activation), [input]) => input.then(&activation.function),
            (Op::Affine(affine), [input]) => input.then(&Function::from(affine)),
            (Op::Product(_), [a, b]) => Function::combine(Binary::Mul, a, b),
            (Op::Quotient(_), [a, b]) => Function::combine(Binary::Div, a, b),
            (Op::Sum(sum), [a, b]) => match sum.coefficients[..] {
                [1.0, 1.0] => Function::combine(Binary::Add, a, b),
                [1.0, -1.0] => Function::combine(Binary::Sub, a, b),
                _ => return None,
            },
            _ => return None,
        };
        if function.is_long() {
            return None;
        }
        functions.push((member, function));
    }
    functions.pop().map(|(_, function)| function)
}
