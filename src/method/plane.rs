//! The picture's plane: values per pixel, patches, and the way between them and the input's tensor.

use anyhow::{Result, ensure};
use serde::Serialize;

use super::subject::InputFacts;
use crate::model::{InputShape, Layout};
use crate::tensor::Tensor;

/// What stands for "nothing there" in an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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

    /// An input of nothing, in the shape of `input`.
    pub(super) fn tensor(self, input: &Tensor, facts: &InputFacts) -> Result<Tensor> {
        match self {
            Fill::Zero => Tensor::zeros(input.shape()),
            Fill::Black => {
                ensure!(
                    facts.range.is_some(),
                    "a black picture needs the lowest value of the network's input: give --input-range LOW,HIGH"
                );
                Ok(facts.range_of(input)?.0)
            }
            Fill::Mean => {
                let channels = Channels::of(input.shape(), facts.picture);
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

impl InputFacts {
    /// The lowest and highest value of every element: as known, else those of the input itself.
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

    /// One number per channel, everywhere.
    fn spread(&self, shape: &[usize], number: impl Fn(usize) -> f32) -> Result<Tensor> {
        let mut tensor = Tensor::zeros(shape)?;
        for (index, value) in tensor.data_mut().iter_mut().enumerate() {
            *value = number(self.channel(index));
        }
        Ok(tensor)
    }
}

/// Calls `work(value, pixel, channel)` for every element of an input, pixels counted row by row.
pub(super) fn for_each_element(
    input: &mut Tensor,
    picture: InputShape,
    mut work: impl FnMut(&mut f32, usize, usize),
) {
    let pixels = picture.height * picture.width;
    for (index, value) in input.data_mut().iter_mut().enumerate() {
        match picture.layout {
            Layout::Nchw => work(value, index % pixels, index / pixels),
            Layout::Nhwc => work(value, index / picture.channels, index % picture.channels),
        }
    }
}

/// A map of pixels as relevance in the input's shape: each channel gets an even share, so that
/// summing over the channels gives the map back.
pub(super) fn over_channels(map: &[f32], shape: &[usize], picture: InputShape) -> Result<Tensor> {
    let mut relevance = Tensor::zeros(shape)?;
    let share = 1.0 / picture.channels as f32;
    for_each_element(&mut relevance, picture, |value, pixel, _| *value = map[pixel] * share);
    Ok(relevance)
}

/// Relevance summed over the channels of every pixel.
pub(super) fn heatmap(relevance: &Tensor, picture: InputShape) -> Vec<f32> {
    let mut map = vec![0.0; picture.height * picture.width];
    let mut relevance = relevance.clone();
    for_each_element(&mut relevance, picture, |value, pixel, _| map[pixel] += *value);
    map
}

/// Enlarges a map by bilinear interpolation between the centres of its cells, the outermost
/// reaching to the edge (`align_corners` off in other tools). Sizes are `[height, width]`.
pub(super) fn enlarged(map: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let taps = |axis: usize| -> Vec<(usize, usize, f32)> {
        let scale = from[axis] as f32 / to[axis] as f32;
        let tap = |at: usize| {
            let place = ((at as f32 + 0.5) * scale - 0.5).max(0.0);
            let low = (place as usize).min(from[axis] - 1);
            (low, (low + 1).min(from[axis] - 1), place - low as f32)
        };
        (0..to[axis]).map(tap).collect()
    };
    let (rows, columns) = (taps(0), taps(1));
    let mut result = Vec::with_capacity(to[0] * to[1]);
    for &(above, below, down) in &rows {
        for &(left, right, across) in &columns {
            let at = |row: usize, column: usize| map[row * from[1] + column];
            let upper = at(above, left) * (1.0 - across) + at(above, right) * across;
            let lower = at(below, left) * (1.0 - across) + at(below, right) * across;
            result.push(upper * (1.0 - down) + lower * down);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::InputRange;

    const PICTURE: InputShape =
        InputShape { channels: 3, height: 1, width: 2, layout: Layout::Nchw };

    #[test]
    fn maps_survive_the_way_over_the_channels() {
        for layout in [Layout::Nchw, Layout::Nhwc] {
            let picture = InputShape { layout, ..PICTURE };
            let shape = match layout {
                Layout::Nchw => [1, 3, 1, 2],
                Layout::Nhwc => [1, 1, 2, 3],
            };
            let relevance = over_channels(&[3.0, -6.0], &shape, picture).unwrap();
            assert_eq!(heatmap(&relevance, picture), [3.0, -6.0]);
        }
        let last = InputShape { layout: Layout::Nhwc, ..PICTURE };
        let relevance = Tensor::new(&[1, 1, 2, 3], &[1., 2., 3., 4., 5., 6.]).unwrap();
        assert_eq!(heatmap(&relevance, last), [6.0, 15.0]);
    }

    #[test]
    fn nothing_is_per_channel() {
        let input = Tensor::new(&[1, 3, 1, 2], &[1., 3., 0., 0., -1., -2.]).unwrap();
        let range = InputRange { low: vec![-1., -2., -3.], high: vec![1.], channel_axis: 1 };
        let facts = InputFacts { picture: Some(PICTURE), range: Some(range) };
        let of = |fill: Fill| fill.tensor(&input, &facts).unwrap().data().to_vec();
        assert_eq!(of(Fill::Mean), [2.0, 2.0, 0.0, 0.0, -1.5, -1.5]);
        assert_eq!(of(Fill::Black), [-1.0, -1.0, -2.0, -2.0, -3.0, -3.0]);
        assert_eq!(of(Fill::Zero), [0.0; 6]);
        let error = Fill::Black.tensor(&input, &InputFacts::default()).unwrap_err();
        assert!(error.to_string().contains("--input-range"));
    }

    #[test]
    fn enlarging_interpolates_between_centres() {
        // torch.nn.functional.interpolate([[[0, 1]]], size=4, mode="linear") = 0, 0.25, 0.75, 1.
        assert_eq!(enlarged(&[0.0, 1.0], [1, 2], [1, 4]), [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(enlarged(&[2.0], [1, 1], [2, 2]), [2.0; 4]);
    }
}
