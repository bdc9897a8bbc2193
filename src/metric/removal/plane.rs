//! A network's input as channels of pixels, whatever its layout.

use anyhow::Result;

use crate::metric::undefined::undefined;
use crate::picture::{InputShape, Layout};
use crate::random::Stream;
use crate::tensor::Tensor;

/// A network's input as channels of pixels, and the range of its values.
#[derive(Clone, Debug)]
pub struct Layered {
    input: Tensor,
    shape: InputShape,
    /// The channels, row by row.
    planes: Vec<Vec<f32>>,
    /// The lowest and highest value of every channel, where they are known.
    range: Option<Vec<[f32; 2]>>,
}

impl Layered {
    /// The channels of an input.
    pub fn new(input: Tensor, shape: InputShape, range: Option<Vec<[f32; 2]>>) -> Layered {
        let pixels = shape.height * shape.width;
        let data = input.data();
        let at = |channel: usize, pixel: usize| match shape.layout {
            Layout::Nchw => data[channel * pixels + pixel],
            Layout::Nhwc => data[pixel * shape.channels + channel],
        };
        let plane = |channel| (0..pixels).map(|pixel| at(channel, pixel)).collect();
        Layered { planes: (0..shape.channels).map(plane).collect(), input, shape, range }
    }

    /// The input itself.
    pub fn input(&self) -> &Tensor {
        &self.input
    }

    /// The shape of the input.
    pub fn shape(&self) -> InputShape {
        self.shape
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.shape.height
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.shape.width
    }

    /// The number of channels.
    pub fn channels(&self) -> usize {
        self.shape.channels
    }

    /// The channels, row by row.
    pub fn planes(&self) -> &[Vec<f32>] {
        &self.planes
    }

    /// The lowest and highest value of every channel.
    ///
    /// # Errors
    /// Undefined where they are not known.
    pub fn range(&self) -> Result<&[[f32; 2]]> {
        match self.range.as_deref() {
            Some(range) => Ok(range),
            None => undefined(
                "the lowest and highest value of the network's input are not known: give --input-range LOW,HIGH",
            ),
        }
    }

    /// What `work` makes of every channel.
    pub fn each_plane(&self, work: impl Fn(usize, &[f32]) -> Vec<f32>) -> Vec<Vec<f32>> {
        self.planes.iter().enumerate().map(|(channel, plane)| work(channel, plane)).collect()
    }

    /// Channels that are even, each of a value of its range.
    ///
    /// # Errors
    /// When the range is not known.
    pub fn filled(&self, value: impl Fn([f32; 2]) -> f32) -> Result<Vec<Vec<f32>>> {
        let pixels = self.height() * self.width();
        Ok(self.range()?.iter().map(|&range| vec![value(range); pixels]).collect())
    }

    /// Channels of even noise over their ranges, channel by channel, row by row.
    ///
    /// # Errors
    /// When the range is not known.
    pub(crate) fn noise(&self, stream: Stream) -> Result<Vec<Vec<f32>>> {
        let pixels = self.height() * self.width();
        let plane = |(channel, &[low, high]): (usize, &[f32; 2])| {
            let uniforms =
                (0..pixels).map(|pixel| stream.uniform((channel * pixels + pixel) as u64));
            uniforms.map(|uniform| low + (high - low) * uniform).collect()
        };
        Ok(self.range()?.iter().enumerate().map(plane).collect())
    }

    /// An input like this one, with other values: `value` gets the channel, the pixel and the value that is there.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn replaced(&self, mut value: impl FnMut(usize, usize, f32) -> f32) -> Result<Tensor> {
        let mut result = Tensor::zeros(self.input.shape())?;
        let (pixels, channels, layout) =
            (self.height() * self.width(), self.channels(), self.shape.layout);
        let data = result.data_mut();
        for (channel, plane) in self.planes.iter().enumerate() {
            for (pixel, &old) in plane.iter().enumerate() {
                let place = match layout {
                    Layout::Nchw => channel * pixels + pixel,
                    Layout::Nhwc => pixel * channels + channel,
                };
                data[place] = value(channel, pixel, old);
            }
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_the_same_in_both_layouts() {
        let picture = |layout, shape: &[usize], data: &[f32]| {
            let input = Tensor::new(shape, data).unwrap();
            let shape = InputShape { channels: 2, height: 1, width: 3, layout };
            Layered::new(input, shape, Some(vec![[0.0, 1.0], [-1.0, 3.0]]))
        };
        let first = picture(Layout::Nchw, &[1, 2, 1, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let last = picture(Layout::Nhwc, &[1, 1, 3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(first.planes(), last.planes());
        let change =
            |channel: usize, pixel: usize, value: f32| value + (10 * channel + 100 * pixel) as f32;
        let changed = first.replaced(change).unwrap();
        assert_eq!(changed.data(), [1.0, 102.0, 203.0, 14.0, 115.0, 216.0]);
        let changed = last.replaced(change).unwrap();
        assert_eq!(changed.data(), [1.0, 14.0, 102.0, 115.0, 203.0, 216.0]);
        let noise = first.noise(Stream::new(0, &[1])).unwrap();
        assert!(noise[0].iter().all(|value| (0.0..1.0).contains(value)));
        assert!(noise[1].iter().any(|value| !(0.0..1.0).contains(value)));
        assert_eq!(noise[1][0], -1.0 + 4.0 * Stream::new(0, &[1]).uniform(3));
        assert_eq!(first.filled(|range| range[1]).unwrap(), [[1.0; 3], [3.0; 3]]);
    }
}
