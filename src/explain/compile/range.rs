//! The lowest and highest value of a layer's input, which the z-box rule needs.

use anyhow::{Context, Result, bail, ensure};

use crate::explain::input_range::InputRange;
use crate::explain::step::ValueRange;
use crate::network::{LayerId, Network, Op};
use crate::operator::Operator;
use crate::tensor::Tensor;

/// Follows the range of the network's input to the value of a layer, through what only moves or scales numbers.
pub(super) fn range_at(
    network: &Network,
    id: LayerId,
    range: Option<&InputRange>,
) -> Result<ValueRange> {
    let layer = &network.layers[id];
    match &layer.op {
        Op::Input => {
            let range = range.context(
                "the z-box rule needs the lowest and highest value of the network's input: give --input-range LOW,HIGH",
            )?;
            given_range([&range.low, &range.high], &layer.shape, range.channel_axis)
        }
        Op::Routing(routing) => {
            let [low, high] = whole_range(network, layer.inputs[0], range)?;
            Ok(ValueRange { low: routing.forward(vec![low])?, high: routing.forward(vec![high])? })
        }
        Op::Affine(affine) => {
            let [low, high] = whole_range(network, layer.inputs[0], range)?;
            let (mut low, mut high) = (affine.forward(vec![low])?, affine.forward(vec![high])?);
            // A negative scale turns the interval round.
            for (low, high) in low.data_mut().iter_mut().zip(high.data_mut()) {
                if *low > *high {
                    std::mem::swap(low, high);
                }
            }
            Ok(ValueRange { low, high })
        }
        _ => bail!(
            "the z-box rule needs the range of its input, but the {} stands between it and the picture; use another rule there",
            layer.describe()
        ),
    }
}

/// A range with one number, or one per channel, for a value of the given shape.
pub(super) fn given_range(
    [low, high]: [&[f32]; 2],
    shape: &[usize],
    channel_axis: usize,
) -> Result<ValueRange> {
    Ok(ValueRange {
        low: per_channel(low, shape, channel_axis)?,
        high: per_channel(high, shape, channel_axis)?,
    })
}

/// The range at a layer, both ends in its shape.
fn whole_range(network: &Network, id: LayerId, range: Option<&InputRange>) -> Result<[Tensor; 2]> {
    let shape = &network.layers[id].shape;
    let whole = |numbers: Tensor| -> Result<Tensor> {
        let mut result = Tensor::zeros(shape)?;
        result.combine_broadcast(&numbers, |to, from| *to = from)?;
        Ok(result)
    };
    let ValueRange { low, high } = range_at(network, id, range)?;
    Ok([whole(low)?, whole(high)?])
}

/// One number, or one per channel, as a tensor that broadcasts to the given shape.
fn per_channel(numbers: &[f32], shape: &[usize], channel_axis: usize) -> Result<Tensor> {
    let mut channel_shape = vec![1; shape.len()];
    if numbers.len() != 1 {
        let channels = shape.get(channel_axis).copied().unwrap_or(1);
        ensure!(
            numbers.len() == channels,
            "the input range has {} numbers, but the input has {channels} channels",
            numbers.len()
        );
        channel_shape[channel_axis] = channels;
    }
    Tensor::new(&channel_shape, numbers)
}
