//! Average pooling over a sliding window: a linear map whose weights are 1 / (taps inside).

use anyhow::Result;
use onnxplain_kernels::geometry::for_each_row;
use onnxplain_kernels::nchwc::{LANES, pooling};

use super::{Forward, LinearMap, Signs, Transposed, WeightPart, Window, WindowAxis};
use crate::tensor::Tensor;

/// ONNX `AveragePool`, on `[N, C, spatial...]`.
#[derive(Clone, Debug)]
pub struct AveragePooling {
    /// The spatial geometry.
    pub window: Window,
    /// The weight of each window, one per output position of a plane: all taps of a window have the same weight.
    pub weights: Vec<f32>,
}

impl AveragePooling {
    /// An average over the taps of each window. With `count_padding`, taps in the padding count too.
    pub fn new(window: Window, count_padding: bool) -> AveragePooling {
        let counts = tap_counts(&window, count_padding);
        let weights = counts.into_iter().map(|count| 1.0 / count.max(1) as f32).collect();
        AveragePooling { window, weights }
    }

    /// Whether the weights of every window add up to 1, so that a constant image stays as it is. Taps in the padding read
    /// zeros, and are left out.
    pub fn weights_add_up_to_one(&self) -> bool {
        let counts = tap_counts(&self.window, false);
        let sums = counts.iter().zip(&self.weights).map(|(&count, weight)| count as f32 * weight);
        sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-5)
    }

    fn weights_of(&self, part: WeightPart) -> Vec<f32> {
        self.weights.iter().map(|&weight| part.of(weight)).collect()
    }
}

impl LinearMap for AveragePooling {
    fn forward(&self, part: WeightPart, _bias: Option<Tensor>) -> Result<Forward> {
        let weights = self.weights_of(part);
        let window = self.window.clone();
        Ok(Box::new(move |inputs| {
            let input = &inputs[0];
            if let Some(axes) = axes_in_blocks(&window, input) {
                let shape = in_blocks(input.shape(), window.output_shape());
                return Tensor::written_by(&shape, |output| {
                    pooling::averages(&axes, &weights, input.data(), output);
                });
            }
            let mut output = Tensor::zeros(&with_spatial(input.shape(), window.output_shape()))?;
            let planes = output.data_mut().chunks_exact_mut(window.output_len().max(1));
            for (to, from) in planes.zip(input.data().chunks_exact(window.input_len().max(1))) {
                match window.axes.len() {
                    2 => for_each_row(&window, |row| row.zip(from, to, |to, from| *to += from)),
                    _ => window.for_each_tap(|output, input| to[output] += from[input]),
                }
                to.iter_mut().zip(&weights).for_each(|(to, weight)| *to *= weight);
            }
            Ok(output)
        }))
    }

    fn transposed(&self, part: WeightPart) -> Result<Transposed> {
        let weights = self.weights_of(part);
        let window = self.window.clone();
        Ok(Box::new(move |output| {
            if let Some(axes) = axes_in_blocks(&window, output) {
                let shape = in_blocks(output.shape(), window.input_shape());
                let output = output.data();
                return Ok(vec![Tensor::written_by(&shape, |input| {
                    pooling::averages_transposed(&axes, &weights, output, input);
                })?]);
            }
            let mut input = Tensor::zeros(&with_spatial(output.shape(), window.input_shape()))?;
            let planes = input.data_mut().chunks_exact_mut(window.input_len().max(1));
            for (to, from) in planes.zip(output.data().chunks_exact(window.output_len().max(1))) {
                window.for_each_tap(|output, input| to[input] += weights[output] * from[output]);
            }
            Ok(vec![input])
        }))
    }

    fn weight_signs(&self) -> Signs {
        Signs::of(&self.weights)
    }
}

/// How many taps of each window of a plane lie inside the input, or inside the padded input.
fn tap_counts(window: &Window, with_padding: bool) -> Vec<usize> {
    window.axes.iter().fold(vec![1], |counts, axis| {
        let along: Vec<usize> =
            (0..axis.output).map(|at| axis.tap_count(at, with_padding)).collect();
        counts.iter().flat_map(|count| along.iter().map(move |taps| count * taps)).collect()
    })
}

/// The windows on an image in blocks of channels, if `tensor` is one.
fn axes_in_blocks(window: &Window, tensor: &Tensor) -> Option<[WindowAxis; 2]> {
    match window.axes[..] {
        [vertical, horizontal] if tensor.shape().len() == 5 => Some([vertical, horizontal]),
        _ => None,
    }
}

/// The shape of an image in blocks with other spatial axes.
fn in_blocks(shape: &[usize], spatial: Vec<usize>) -> Vec<usize> {
    with_spatial(shape, spatial).into_iter().chain([LANES]).collect()
}

/// The batch and channel axes of `shape` with other spatial axes.
pub(crate) fn with_spatial(shape: &[usize], spatial: Vec<usize>) -> Vec<usize> {
    shape.iter().take(2).copied().chain(spatial).collect()
}
