//! What is known about the inputs, and the fill values that stand for missing content.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::explain::InputRange;
use crate::picture::{InputShape, Layout};
use crate::tensor::{Tensor, Tensors};

/// What is known about an input.
#[derive(Clone, Debug, Default)]
pub struct InputInfo {
    /// The input as a picture, where it is one.
    pub picture: Option<InputShape>,
    /// Its lowest and highest value, where they are known.
    pub range: Option<InputRange>,
}

/// The picture that is explained, where it is the only input.
pub(super) fn only_picture(infos: &[InputInfo]) -> Option<InputShape> {
    let [info] = infos else { return None };
    info.picture
}

impl InputInfo {
    /// The lowest and highest value of every element: the known range, otherwise that of the input itself.
    pub(super) fn range_of(&self, input: &Tensor) -> Result<(Tensor, Tensor)> {
        let Some(range) = &self.range else {
            let (low, high) = input.extremes();
            return Ok((Tensor::filled(input.shape(), low)?, Tensor::filled(input.shape(), high)?));
        };
        let channels = Channels::of(input.shape(), self.picture);
        let spread = |numbers: &[f32]| {
            ensure!(
                numbers.len() == 1 || numbers.len() == channels.count,
                "the input range has {} numbers, but the input has {} channels",
                numbers.len(),
                channels.count
            );
            channels.spread(input.shape(), |channel| numbers[channel % numbers.len()])
        };
        Ok((spread(&range.low)?, spread(&range.high)?))
    }
}

/// Which channel an element of the input belongs to.
struct Channels {
    count: usize,
    inner: usize,
}

impl Channels {
    fn of(shape: &[usize], picture: Option<InputShape>) -> Channels {
        let axis = match picture.map(|picture| picture.layout) {
            Some(Layout::Nhwc) => 3,
            _ => 1,
        };
        let count = shape.get(axis).copied().unwrap_or(1);
        Channels { count, inner: shape.iter().skip(axis + 1).product() }
    }

    fn channel(&self, index: usize) -> usize {
        index / self.inner % self.count
    }

    /// A tensor that holds one number per channel.
    fn spread(&self, shape: &[usize], number: impl Fn(usize) -> f32) -> Result<Tensor> {
        let mut tensor = Tensor::zeros(shape)?;
        for (index, value) in tensor.data_mut().iter_mut().enumerate() {
            *value = number(self.channel(index));
        }
        Ok(tensor)
    }
}

/// The values that stand for missing content in an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fill {
    /// 0 in the network's input: with the usual preprocessing the mean colour of the training data.
    #[default]
    Zero,
    /// The lowest value that preprocessing can give: a black picture.
    Black,
    /// The mean of the input itself, per channel.
    Mean,
}

impl Fill {
    /// All of them.
    pub const ALL: [Fill; 3] = [Fill::Zero, Fill::Black, Fill::Mean];

    /// The word on the command line and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Fill::Zero => "zero",
            Fill::Black => "black",
            Fill::Mean => "mean",
        }
    }

    /// The fill values for each input, in its shape.
    pub(super) fn tensors(self, inputs: &Tensors, infos: &[InputInfo]) -> Result<Tensors> {
        inputs.iter().zip(infos).map(|(input, info)| self.tensor(input, info)).collect()
    }

    /// The fill values for an input, in its shape.
    pub(super) fn tensor(self, input: &Tensor, info: &InputInfo) -> Result<Tensor> {
        match self {
            Fill::Zero => Tensor::zeros(input.shape()),
            Fill::Black => {
                ensure!(
                    info.range.is_some(),
                    "a black picture needs the lowest value of the network's input: give --input-range LOW,HIGH"
                );
                Ok(info.range_of(input)?.0)
            }
            Fill::Mean => {
                let channels = Channels::of(input.shape(), info.picture);
                let mut sums = vec![(0.0, 0u32); channels.count];
                for (index, &value) in input.data().iter().enumerate() {
                    let (sum, count) = &mut sums[channels.channel(index)];
                    *sum += f64::from(value);
                    *count += 1;
                }
                channels.spread(input.shape(), |channel| {
                    let (sum, count) = sums[channel];
                    (sum / f64::from(count.max(1))) as f32
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: InputShape =
        InputShape { channels: 3, height: 1, width: 2, layout: Layout::Nchw };

    #[test]
    fn nothing_is_per_channel() {
        let input = Tensor::new(&[1, 3, 1, 2], &[1., 3., 0., 0., -1., -2.]).unwrap();
        let range = InputRange { low: vec![-1., -2., -3.], high: vec![1.], channel_axis: 1 };
        let info = InputInfo { picture: Some(PICTURE), range: Some(range) };
        let of = |fill: Fill| fill.tensor(&input, &info).unwrap().data().to_vec();
        assert_eq!(of(Fill::Mean), [2.0, 2.0, 0.0, 0.0, -1.5, -1.5]);
        assert_eq!(of(Fill::Black), [-1.0, -1.0, -2.0, -2.0, -3.0, -3.0]);
        assert_eq!(of(Fill::Zero), [0.0; 6]);
        let error = Fill::Black.tensor(&input, &InputInfo::default()).unwrap_err();
        assert!(error.to_string().contains("--input-range"));
    }
}
