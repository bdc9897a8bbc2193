//! The lowest and highest value that the network's inputs can have, for the z-box rule.

use anyhow::{Result, ensure};

use crate::network::{Interval, Layer};
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

/// The range of every input of a network, where it is known; default: of none.
#[derive(Clone, Debug, Default)]
pub struct InputRanges(Vec<Option<InputRange>>);

/// For a network of one input.
impl From<Option<&InputRange>> for InputRanges {
    fn from(range: Option<&InputRange>) -> InputRanges {
        InputRanges(vec![range.cloned()])
    }
}

impl FromIterator<Option<InputRange>> for InputRanges {
    fn from_iter<I: IntoIterator<Item = Option<InputRange>>>(ranges: I) -> InputRanges {
        InputRanges(ranges.into_iter().collect())
    }
}

impl InputRanges {
    /// The range of every element of every input; nothing where no range is known.
    ///
    /// # Errors
    /// When there is neither one number nor one per channel of an input.
    pub(super) fn intervals(&self, inputs: &[Layer]) -> Result<Vec<Option<Interval>>> {
        let ranges = self.0.iter().map(Option::as_ref).chain(std::iter::repeat(None));
        let interval = |(input, range): (&Layer, Option<&InputRange>)| {
            range.map(|range| range.interval(&input.shape)).transpose()
        };
        inputs.iter().zip(ranges).map(interval).collect()
    }
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

    /// The value of an input that lies farthest outside, and the ends of its range; `None` where all lie within. What
    /// enlarging a picture adds beyond its ends is none.
    ///
    /// # Errors
    /// As [`InputRange::interval`].
    pub fn farthest_outside(&self, input: &Tensor) -> Result<Option<(f32, [f32; 2])>> {
        const SLACK: f32 = 0.01;
        let channels = channel_count(input.shape(), self.channel_axis);
        [&self.low, &self.high].into_iter().try_for_each(|ends| check_count(ends, channels))?;
        let plane: usize = input.shape().iter().skip(self.channel_axis + 1).product();
        // Every input that is explained comes by here: without a tensor of the ends of every element.
        let planes = input.data().chunks(plane.max(1)).enumerate();
        let distances = planes.flat_map(|(index, plane)| {
            let [low, high] =
                [&self.low, &self.high].map(|ends| ends[index % channels % ends.len()]);
            let width = (high - low).max(f32::MIN_POSITIVE);
            let distance = move |value: f32| (low - value).max(value - high) / width;
            plane.iter().map(move |&value| (distance(value), value, [low, high]))
        });
        let farthest = distances.max_by(|(a, ..), (b, ..)| a.total_cmp(b));
        Ok(farthest.filter(|it| it.0 > SLACK).map(|(_, value, ends)| (value, ends)))
    }
}

fn channel_count(shape: &[usize], channel_axis: usize) -> usize {
    shape.get(channel_axis).copied().unwrap_or(1)
}

/// Fails where there is neither one number nor one per channel.
fn check_count(numbers: &[f32], channels: usize) -> Result<()> {
    ensure!(
        numbers.len() == 1 || numbers.len() == channels,
        "the input range has {} numbers, but the input has {channels} channels",
        numbers.len()
    );
    Ok(())
}

/// One number, or one per channel, as a tensor of the given shape.
fn spread(numbers: &[f32], shape: &[usize], channel_axis: usize) -> Result<Tensor> {
    if let [number] = numbers {
        return Tensor::filled(shape, *number);
    }
    let channels = channel_count(shape, channel_axis);
    check_count(numbers, channels)?;
    let mut channel_shape = vec![1; shape.len()];
    channel_shape[channel_axis] = channels;
    let mut result = Tensor::zeros(shape)?;
    result.combine_broadcast(&Tensor::new(&channel_shape, numbers)?, |to, from| *to = from)?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_are_found() {
        let range = InputRange { low: vec![0.0, -1.0], high: vec![1.0], channel_axis: 1 };
        let outside = |values: [f32; 4]| {
            range.farthest_outside(&Tensor::new(&[1, 2, 2], &values).unwrap()).unwrap()
        };
        assert_eq!(outside([0.0, 1.0, -1.0, 1.005]), None);
        assert_eq!(outside([-0.5, 1.2, -1.0, 1.0]), Some((-0.5, [0.0, 1.0])));
        assert_eq!(outside([0.0, 1.0, -1.5, 3.0]), Some((3.0, [-1.0, 1.0])));
    }
}
