//! The lowest and highest value that the network's input can have, for the z-box rule.

use anyhow::{Context, Result, bail, ensure};

use crate::network::{Followed, Interval, LayerId, Network, follow};
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
    /// The range of every element of an input of the given shape.
    ///
    /// # Errors
    /// When there is neither one number nor one per channel.
    pub fn interval(&self, shape: &[usize]) -> Result<Interval> {
        Ok(Interval {
            low: spread(&self.low, shape, self.channel_axis)?,
            high: spread(&self.high, shape, self.channel_axis)?,
        })
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

/// Follows the input's range to the value of a layer.
pub(super) fn range_at(
    network: &Network,
    id: LayerId,
    range: Option<&InputRange>,
) -> Result<[Tensor; 2]> {
    let range = range.context(
        "the z-box rule needs the lowest and highest value of the network's input: give --input-range LOW,HIGH",
    )?;
    match follow(network, id, &range.interval(network.input_shape())?)? {
        Followed::Within(Interval { low, high }) => Ok([low, high]),
        Followed::LostAt(layer) => bail!(
            "the z-box rule needs the range of its input, but the {} stands between it and the picture; use another rule there",
            network.layers[layer].describe()
        ),
    }
}
