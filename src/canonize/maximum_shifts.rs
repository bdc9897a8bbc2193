//! `x − max x` behind which no softmax was recognised: the maximum counts as a constant, and `x` gets all relevance.
//!
//! The function of the network does not change: the pass only records that the subtrahend is a maximum of the minuend.
//! A rule that divides by the difference would divide by 0 where `x` is the maximum.

use anyhow::Result;

use crate::network::{LayerId, Network, Op};
use crate::operator::{MaximumShift, Operator, Routing};
use crate::tensor::Tensor;

/// Whole numbers up to here are exact in `f32`.
const MOST_ELEMENTS: usize = 1 << 24;

/// Replaces every difference of a signal and its own maximum.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let mut found = vec![];
    for id in 0..network.layers.len() {
        let layer = &network.layers[id];
        let (Op::Sum(sum), &[x, maximum]) = (&layer.op, layer.inputs.as_slice()) else { continue };
        let is_difference = sum.coefficients == [1.0, -1.0];
        if !is_difference || layer.shape != network.layers[x].shape {
            continue;
        }
        if is_own_maximum(network, x, maximum)? {
            let input_shapes = [x, maximum].map(|input| network.layers[input].shape.clone());
            found.push(network.layers[id].name.clone());
            network.layers[id].op = Op::MaximumShift(MaximumShift { input_shapes });
        }
    }
    Ok(found)
}

/// Whether every element of a value, broadcast to the shape of `x`, is the maximum of elements of `x` among which is
/// the one in its place.
fn is_own_maximum(network: &Network, x: LayerId, value: LayerId) -> Result<bool> {
    let shape = &network.layers[x].shape;
    let len: usize = shape.iter().product();
    let (behind, pool) = routings_before(network, value, x);
    let Op::MaxPooling(pooling) = &network.layers[pool].op else { return Ok(false) };
    let (before, signal) = routings_before(network, network.layers[pool].inputs[0], x);
    let size = pooling.window.input_len();
    let is_whole = pooling.window.axes.iter().all(|axis| {
        let is_padded = axis.pad_before + axis.pad_after > 0;
        axis.output == 1 && axis.kernel == axis.input && axis.dilation == 1 && !is_padded
    });
    if signal != x || !is_whole || len > MOST_ELEMENTS || size == 0 {
        return Ok(false);
    }
    let arranged = moved(numbered(shape)?, &before)?;
    let mut planes = Tensor::filled(shape, f32::NAN)?;
    for (at, &place) in arranged.data().iter().enumerate() {
        planes.data_mut()[place as usize] = (at / size) as f32;
    }
    let mut maxima = Tensor::filled(shape, f32::NAN)?;
    let fits = maxima
        .combine_broadcast(&moved(numbered(&pooling.output_shape)?, &behind)?, |to, from| {
            *to = from
        });
    Ok(fits.is_ok() && maxima.data() == planes.data())
}

/// The layers that only move elements in front of a value, in the order of the data, and what stands before them; it
/// stops at `end`.
fn routings_before(network: &Network, id: LayerId, end: LayerId) -> (Vec<&Routing>, LayerId) {
    let (mut routings, mut at) = (vec![], id);
    while at != end
        && let Op::Routing(routing) = &network.layers[at].op
        && !routing.pads()
    {
        routings.push(routing);
        at = network.layers[at].inputs[0];
    }
    routings.reverse();
    (routings, at)
}

/// 0, 1, 2, ... in a shape.
fn numbered(shape: &[usize]) -> Result<Tensor> {
    let count = shape.iter().product::<usize>();
    Tensor::new(shape, &(0..count).map(|number| number as f32).collect::<Vec<f32>>())
}

fn moved(tensor: Tensor, routings: &[&Routing]) -> Result<Tensor> {
    routings.iter().try_fold(tensor, |tensor, routing| routing.forward(vec![tensor]))
}
