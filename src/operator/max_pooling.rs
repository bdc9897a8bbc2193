//! Max pooling: the maximum of a window. Its argmax gets all relevance.

use anyhow::Result;
use onnxplain_kernels::geometry::{Window, WindowAxis, for_each_row};
use onnxplain_kernels::nchwc::pooling;

use super::Operator;
use super::activation::single;
use crate::tensor::Tensor;

/// ONNX `MaxPool` and, with a window as large as the plane, `GlobalMaxPool`: `[N, C, spatial...]`.
#[derive(Clone, Debug)]
pub struct MaxPooling {
    /// The spatial geometry.
    pub window: Window,
    /// Shape of the input: row-major, or an image in blocks of channels.
    pub input_shape: Vec<usize>,
    /// Shape of the output.
    pub output_shape: Vec<usize>,
}

/// The argmax of a window that is completely in the padding.
const NOBODY: u32 = u32::MAX;

impl MaxPooling {
    fn taps(&self) -> usize {
        self.window.axes.iter().map(|axis| axis.kernel).product()
    }

    fn is_image(&self) -> bool {
        self.window.axes.len() == 2
    }

    /// The windows, if the input is an image in blocks of channels.
    fn axes_in_blocks(&self) -> Option<[WindowAxis; 2]> {
        match self.window.axes[..] {
            [vertical, horizontal] if self.input_shape.len() == 5 => Some([vertical, horizontal]),
            _ => None,
        }
    }

    /// Raises `maxima`, which are −∞ before, to the maximum of every window of one plane.
    fn maxima(&self, plane: &[f32], maxima: &mut [f32]) {
        let take = |largest: &mut f32, value: f32| {
            if value > *largest || value.is_nan() {
                *largest = value;
            }
        };
        if self.is_image() {
            for_each_row(&self.window, |row| row.zip(plane, maxima, take));
        } else {
            self.window.for_each_tap(|output, input| take(&mut maxima[output], plane[input]));
        }
    }

    /// Writes the argmax of every window of one plane, where [`NOBODY`] was before; the first of equal elements.
    fn winners(&self, plane: &[f32], winners: &mut [u32]) {
        let mut take = |output: usize, input: usize| {
            let winner = &mut winners[output];
            if *winner == NOBODY || plane[input] > plane[*winner as usize] {
                *winner = input as u32;
            }
        };
        if self.is_image() {
            for_each_row(&self.window, |row| {
                row.pairs().for_each(|(output, input)| take(output, input));
            });
        } else {
            self.window.for_each_tap(take);
        }
    }
}

impl Operator for MaxPooling {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let input = single(inputs)?;
        let (from, input_len) = (input.data(), self.window.input_len());
        let len = self.window.output_len();
        Tensor::written_by(&self.output_shape, |output| {
            if let Some(axes) = self.axes_in_blocks() {
                return pooling::maxima(&axes, from, output);
            }
            output.for_each_chunk(len, self.taps(), |plane, maxima| {
                let maxima = maxima.fill(f32::NEG_INFINITY);
                self.maxima(&from[plane * input_len..][..input_len], maxima);
            });
        })
    }

    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let (from, relevance) = (inputs[0].data(), relevance.data());
        if let Some(axes) = self.axes_in_blocks() {
            let winners = Tensor::written_by(&self.output_shape, |winners| {
                pooling::argmax(&axes, from, winners);
            })?;
            return Ok(vec![Tensor::written_by(&self.input_shape, |result| {
                pooling::to_argmax(&axes, winners.data(), relevance, result);
            })?]);
        }
        let (input_len, output_len) = (self.window.input_len(), self.window.output_len());
        Ok(vec![Tensor::written_by(&self.input_shape, |result| {
            result.for_each_chunk(input_len, self.taps(), |plane, result| {
                let mut winners = vec![NOBODY; output_len];
                self.winners(&from[plane * input_len..][..input_len], &mut winners);
                let result = result.fill(0.0);
                for (&winner, &relevance) in winners.iter().zip(&relevance[plane * output_len..]) {
                    if let Some(to) = result.get_mut(winner as usize) {
                        *to += relevance;
                    }
                }
            });
        })?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_takes_all() {
        let axis = WindowAxis { input: 4, output: 2, kernel: 2, stride: 2, ..WindowAxis::POINT };
        let pooling = MaxPooling {
            window: Window { axes: vec![axis] },
            input_shape: vec![1, 1, 4],
            output_shape: vec![1, 1, 2],
        };
        let input = Tensor::new(&[1, 1, 4], &[3.0, 3.0, -2.0, -1.0]).unwrap();
        let output = pooling.forward(vec![input.clone()]).unwrap();
        assert_eq!(output.data(), &[3.0, -1.0]);
        let relevance = Tensor::new(&[1, 1, 2], &[5.0, 7.0]).unwrap();
        let back = pooling.gradient(&[input], relevance).unwrap();
        assert_eq!(back[0].data(), &[5.0, 0.0, 0.0, 7.0]);
    }
}
