//! `exp(z) / Σ exp(z) = softmax(z)`, and `softmax(z − m) = softmax(z)` if `m` is the same number for all elements of the
//! sum, such as their maximum: a softmax that an exporter wrote as several nodes becomes one layer.
//!
//! The quotient may be a product with the reciprocal of the sum, and the sum may be broadcast explicitly.

use anyhow::Result;

use crate::network::{LayerId, Network, Op};
use crate::operator::{Operator, Softmax, Step, Unary};
use crate::tensor::Tensor;

/// Replaces every quotient of an exponential and its sum by a softmax.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let mut merged = vec![];
    for id in 0..network.layers.len() {
        let Some(found) = written_out(network, id)? else {
            continue;
        };
        merged.extend(found.pieces.iter().map(|&piece| network.layers[piece].name.clone()));
        let layer = &mut network.layers[id];
        layer.op = Op::Softmax(found.softmax);
        layer.inputs = vec![found.signal];
        layer.unknown = None;
    }
    merged.dedup();
    Ok(merged)
}

/// A softmax, its input, and the layers that it was written as, without the last one.
struct WrittenOut {
    softmax: Softmax,
    signal: LayerId,
    pieces: Vec<LayerId>,
}

/// The softmax of which this is the last layer; `None` if there is none.
fn written_out(network: &Network, id: LayerId) -> Result<Option<WrittenOut>> {
    let layer = &network.layers[id];
    let &[a, b] = layer.inputs.as_slice() else {
        return Ok(None);
    };
    let mut pieces = vec![];
    let (exponential, sum) = match &layer.op {
        Op::Quotient(_) => (a, b),
        Op::Product(_) => match (inverted(network, a), inverted(network, b)) {
            (Some(sum), None) => (b, sum),
            (None, Some(sum)) => (a, sum),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let shape = &network.layers[exponential].shape;
    let sum = narrowed(network, sum, shape)?;
    let Op::Reduction(reduction) = &network.layers[sum].op else {
        return Ok(None);
    };
    let is_sum_of_it = network.layers[sum].inputs == [exponential] && reduction.weight == 1.0;
    if layer.shape != *shape || !is_sum_of_it || !is_unary(network, exponential, Unary::Exp) {
        return Ok(None);
    }
    pieces.extend([exponential, sum]);
    let end = reduction.first_axis + reduction.axis_count;
    let length = shape[reduction.first_axis..end].iter().product();
    let length_and_stride = (length, shape[end..].iter().product());
    let softmax = Softmax { length_and_stride, is_logarithm: false, is_guarded: false };
    let mut signal = network.layers[exponential].inputs[0];
    if let Op::Sum(difference) = &network.layers[signal].op
        && let (&[z, shift], [1.0, _]) =
            (&network.layers[signal].inputs[..], &difference.coefficients[..])
        && network.layers[z].shape == *shape
        && network.layers[narrowed(network, shift, shape)?].shape == network.layers[sum].shape
    {
        pieces.push(signal);
        signal = z;
    }
    Ok(Some(WrittenOut { softmax, signal, pieces }))
}

/// The value `x`, if the layer computes `1 / x`.
fn inverted(network: &Network, id: LayerId) -> Option<LayerId> {
    is_unary(network, id, Unary::Reciprocal).then(|| network.layers[id].inputs[0])
}

/// Whether a layer computes exactly this function.
fn is_unary(network: &Network, id: LayerId, function: Unary) -> bool {
    match &network.layers[id].op {
        Op::Activation(activation) => {
            matches!(activation.function.single_step(), Some(Step::Unary(found, _)) if *found == function)
        }
        _ => false,
    }
}

/// The value before an explicit broadcast to `shape`, if there is one.
fn narrowed(network: &Network, id: LayerId, shape: &[usize]) -> Result<LayerId> {
    let layer = &network.layers[id];
    let Op::Routing(routing) = &layer.op else {
        return Ok(id);
    };
    if layer.shape != *shape || routing.input_shape.len() != shape.len() || routing.pads() {
        return Ok(id);
    }
    let count = routing.input_shape.iter().product::<usize>();
    let numbers: Vec<f32> = (0..count).map(|number| number as f32).collect();
    let numbers = Tensor::new(&routing.input_shape, &numbers)?;
    let mut broadcast = Tensor::zeros(shape)?;
    let fits = broadcast.combine_broadcast(&numbers, |to, from| *to = from).is_ok();
    let is_broadcast = fits && routing.forward(vec![numbers])?.data() == broadcast.data();
    Ok(if is_broadcast { layer.inputs[0] } else { id })
}
