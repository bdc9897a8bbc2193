//! The lowest and highest value that the network's input can have, for the z-box rule.

use anyhow::{Context, Result, bail, ensure};

use crate::network::{LayerId, Network, Op};
use crate::operator::Operator;
use crate::tensor::Tensor;

/// Lowest and highest value of the input, one number or one per channel.
#[derive(Clone, Debug, PartialEq)]
pub struct InputRange {
    /// The lowest values.
    pub low: Vec<f32>,
    /// The highest values.
    pub high: Vec<f32>,
    /// The axis of the input on which the channels are.
    pub channel_axis: usize,
}

impl InputRange {
    /// The range as two tensors of the input's shape.
    fn tensors(&self, shape: &[usize]) -> Result<[Tensor; 2]> {
        Ok([
            spread(&self.low, shape, self.channel_axis)?,
            spread(&self.high, shape, self.channel_axis)?,
        ])
    }
}

/// One number, or one per channel, as a tensor of the given shape.
pub(super) fn spread(numbers: &[f32], shape: &[usize], channel_axis: usize) -> Result<Tensor> {
    if let [number] = numbers {
        return Tensor::filled(shape, *number);
    }
    let channels = shape.get(channel_axis).copied().unwrap_or(1);
    ensure!(
        numbers.len() == channels,
        "the input range has {} numbers, but the input has {channels} channels",
        numbers.len()
    );
    let mut channel_shape = vec![1; shape.len()];
    channel_shape[channel_axis] = channels;
    let mut result = Tensor::zeros(shape)?;
    result.combine_broadcast(&Tensor::new(&channel_shape, numbers)?, |to, from| *to = from)?;
    Ok(result)
}

/// Follows the input's range to the value of a layer, through what only moves or scales numbers.
pub(super) fn range_at(
    network: &Network,
    id: LayerId,
    range: Option<&InputRange>,
) -> Result<[Tensor; 2]> {
    let layer = &network.layers[id];
    match &layer.op {
        Op::Input => {
            let range = range.context(
                "the z-box rule needs the lowest and highest value of the network's input: give --input-range LOW,HIGH",
            )?;
            range.tensors(&layer.shape)
        }
        Op::Routing(routing) => {
            let [low, high] = range_at(network, layer.inputs[0], range)?;
            Ok([routing.forward(vec![low])?, routing.forward(vec![high])?])
        }
        Op::Affine(affine) => {
            let [low, high] = range_at(network, layer.inputs[0], range)?;
            let (mut low, mut high) = (affine.forward(vec![low])?, affine.forward(vec![high])?);
            // A negative scale turns the interval round.
            for (low, high) in low.data_mut().iter_mut().zip(high.data_mut()) {
                if *low > *high {
                    std::mem::swap(low, high);
                }
            }
            Ok([low, high])
        }
        _ => bail!(
            "the z-box rule needs the range of its input, but the {} stands between it and the picture; use another rule there",
            layer.describe()
        ),
    }
}
