//! Interpolation: ONNX `Resize` and `Upsample`, as one small matrix per axis.

use anyhow::Result;

use super::{Forward, LinearMap, Signs, Transposed, WeightPart};
use crate::tensor::Tensor;

/// A separable linear map: every axis has its own interpolation matrix.
#[derive(Clone, Debug)]
pub struct Resampling {
    /// The axes that change, each with its matrix.
    pub axes: Vec<ResampledAxis>,
    /// Shape of the input.
    pub input_shape: Vec<usize>,
}

/// One interpolated axis.
#[derive(Clone, Debug)]
pub struct ResampledAxis {
    /// Which axis.
    pub axis: usize,
    /// Length of the input.
    pub input: usize,
    /// For each output position, the input positions it reads and their weights.
    pub taps: Vec<Vec<(usize, f32)>>,
}

impl ResampledAxis {
    /// Multiplies one axis of `tensor` with the matrix, or with its transpose if `backwards` is set.
    fn apply(&self, tensor: &Tensor, part: WeightPart, backwards: bool) -> Result<Tensor> {
        let (from_length, to_length) = match backwards {
            false => (self.input, self.taps.len()),
            true => (self.taps.len(), self.input),
        };
        let mut shape = tensor.shape().to_vec();
        shape[self.axis] = to_length;
        let inner: usize = shape[self.axis + 1..].iter().product();
        let mut result = Tensor::zeros(&shape)?;
        let blocks = result.data_mut().chunks_exact_mut((to_length * inner).max(1));
        for (to, from) in blocks.zip(tensor.data().chunks_exact((from_length * inner).max(1))) {
            for (output, taps) in self.taps.iter().enumerate() {
                for &(input, weight) in taps {
                    let (source, target) =
                        if backwards { (output, input) } else { (input, output) };
                    let weight = part.of(weight);
                    let from = &from[source * inner..][..inner];
                    let to = &mut to[target * inner..][..inner];
                    to.iter_mut().zip(from).for_each(|(to, from)| *to += weight * from);
                }
            }
        }
        Ok(result)
    }
}

impl LinearMap for Resampling {
    fn forward(&self, part: WeightPart, _bias: Option<Tensor>) -> Result<Forward> {
        let axes = self.axes.clone();
        Ok(Box::new(move |inputs| {
            axes.iter().enumerate().try_fold(inputs[0].clone(), |tensor, (index, axis)| {
                axis.apply(&tensor, part_of_axis(part, index), false)
            })
        }))
    }

    fn transposed(&self, part: WeightPart) -> Result<Transposed> {
        let axes = self.axes.clone();
        Ok(Box::new(move |output| {
            let back = |tensor: Tensor, (index, axis): (usize, &ResampledAxis)| {
                axis.apply(&tensor, part_of_axis(part, index), true)
            };
            Ok(vec![axes.iter().enumerate().rev().try_fold(output.clone(), back)?])
        }))
    }

    fn weight_signs(&self) -> Signs {
        // A weight of the whole map is the product of one weight of each axis.
        let signs = self.axes.iter().map(|axis| {
            let weights: Vec<f32> = axis.taps.iter().flatten().map(|tap| tap.1).collect();
            Signs::of(&weights)
        });
        let one = Signs { positive: true, negative: false };
        signs.fold(one, |a, b| Signs {
            positive: (a.positive && b.positive) || (a.negative && b.negative),
            negative: (a.positive && b.negative) || (a.negative && b.positive),
        })
    }
}

/// The part to take of the weights of an axis. A weight of the whole map is the product of one weight of each axis: the
/// square of the product is the product of the squares, but a factor must be applied to one axis only.
fn part_of_axis(part: WeightPart, index: usize) -> WeightPart {
    match part {
        WeightPart::Squared | WeightPart::One => part,
        _ if index == 0 => part,
        _ => WeightPart::Plain,
    }
}
