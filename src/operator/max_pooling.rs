//! Max pooling: the largest of a window; the winner takes all the relevance.

use anyhow::Result;
use onnxplain_kernels::geometry::{Window, WindowAxis, for_each_row};
use onnxplain_kernels::nchwc::pooling;

use super::Operator;
use super::activation::single;
use crate::parallel::for_each_heavy_chunk;
use crate::tensor::Tensor;

/// ONNX `MaxPool` and, with a window as large as the plane, `GlobalMaxPool`: `[N, C, spatial...]`.
#[derive(Clone, Debug)]
pub struct MaxPooling {
    /// The spatial geometry.
    pub window: Window,
    /// Shape of the input: row by row, or that of an image in blocks of channels.
    pub input_shape: Vec<usize>,
    /// Shape of the output.
    pub output_shape: Vec<usize>,
}

/// The winner of a window that lies in the padding.
const NOBODY: u32 = u32::MAX;

impl MaxPooling {
    fn taps(&self) -> usize {
        self.window.axes.iter().map(|axis| axis.kernel).product()
    }

    fn is_image(&self) -> bool {
        self.window.axes.len() == 2
    }

    /// The windows on images in blocks of channels, where its shapes are those of such images.
    fn axes_in_blocks(&self) -> Option<[WindowAxis; 2]> {
        match self.window.axes[..] {
            [vertical, horizontal] if self.input_shape.len() == 5 => Some([vertical, horizontal]),
            _ => None,
        }
    }

    /// Writes the largest of every window of one plane.
    fn maxima(&self, plane: &[f32], maxima: &mut [f32]) {
        let take = |largest: &mut f32, value: f32| {
            if value > *largest || value.is_nan() {
                *largest = value;
            }
        };
        maxima.fill(f32::NEG_INFINITY);
        if self.is_image() {
            for_each_row(&self.window, |row| row.zip(plane, maxima, take));
        } else {
            self.window.for_each_tap(|output, input| take(&mut maxima[output], plane[input]));
        }
    }

    /// Writes the winner of every window of one plane, which held [`NOBODY`]; the first of equals wins.
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
        let mut output = Tensor::unwritten(&self.output_shape)?;
        if let Some(axes) = self.axes_in_blocks() {
            pooling::maxima(&axes, input.data(), output.data_mut());
            return Ok(output);
        }
        let (from, input_len) = (input.data(), self.window.input_len());
        let len = self.window.output_len();
        for_each_heavy_chunk(output.data_mut(), len, self.taps(), |plane, maxima| {
            self.maxima(&from[plane * input_len..][..input_len], maxima);
        });
        Ok(output)
    }

    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let mut result = Tensor::unwritten(&self.input_shape)?;
        if let Some(axes) = self.axes_in_blocks() {
            let mut winners = Tensor::unwritten(&self.output_shape)?;
            pooling::argmax(&axes, inputs[0].data(), winners.data_mut());
            pooling::to_argmax(&axes, winners.data(), relevance.data(), result.data_mut());
            return Ok(vec![result]);
        }
        let (from, relevance) = (inputs[0].data(), relevance.data());
        let (input_len, output_len) = (self.window.input_len(), self.window.output_len());
        for_each_heavy_chunk(result.data_mut(), input_len, self.taps(), |plane, result| {
            let mut winners = vec![NOBODY; output_len];
            self.winners(&from[plane * input_len..][..input_len], &mut winners);
            result.fill(0.0);
            for (&winner, &relevance) in winners.iter().zip(&relevance[plane * output_len..]) {
                if let Some(to) = result.get_mut(winner as usize) {
                    *to += relevance;
                }
            }
        });
        Ok(vec![result])
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
