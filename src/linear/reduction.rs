//! Sums and means over neighbouring axes: ONNX `GlobalAveragePool`, `ReduceMean`, `ReduceSum`.

use anyhow::Result;
use onnxplain_kernels::nchwc::{LANES, pooling};

use super::{Forward, LinearMap, Signs, Transposed, WeightPart};
use crate::tensor::{Tensor, sum_of};

/// `y = weight · Σ x` over neighbouring axes, whose length becomes one.
#[derive(Clone, Debug)]
pub struct Reduction {
    /// The first axis summed over.
    pub first_axis: usize,
    /// The number of axes summed over.
    pub axis_count: usize,
    /// 1 for a sum, 1 / elements for a mean.
    pub weight: f32,
    /// Shape of the input.
    pub input_shape: Vec<usize>,
}

impl Reduction {
    /// Whether it is a mean, not a sum.
    pub fn is_mean(&self) -> bool {
        let (length, _) = self.length_and_stride();
        (self.weight * length as f32 - 1.0).abs() < 1e-5
    }

    /// Whether the input is an image in blocks of channels, summed over its pixels.
    fn is_in_blocks(&self) -> bool {
        let is_of_pixels = (self.first_axis, self.axis_count) == (2, 2);
        is_of_pixels && self.input_shape.len() == 5 && self.input_shape[4] == LANES
    }

    fn output_shape(&self) -> Vec<usize> {
        let mut shape = self.input_shape.clone();
        shape[self.first_axis..][..self.axis_count].fill(1);
        shape
    }

    /// Elements that are summed, and the distance between them.
    fn length_and_stride(&self) -> (usize, usize) {
        let end = self.first_axis + self.axis_count;
        let length = self.input_shape[self.first_axis..end].iter().product();
        (length, self.input_shape[end..].iter().product())
    }
}

impl LinearMap for Reduction {
    fn forward(&self, part: WeightPart, _bias: Option<Tensor>) -> Result<Forward> {
        let weight = part.of(self.weight);
        let shape = self.output_shape();
        let (length, stride) = self.length_and_stride();
        let is_in_blocks = self.is_in_blocks();
        Ok(Box::new(move |inputs| {
            if is_in_blocks {
                let input = inputs[0].data();
                return Tensor::written_by(&shape, |output| pooling::sums(weight, input, output));
            }
            let mut output = Tensor::zeros(&shape)?;
            let blocks = inputs[0].data().chunks_exact((length * stride).max(1));
            for (to, block) in output.data_mut().chunks_exact_mut(stride.max(1)).zip(blocks) {
                sum_rows(block, to);
                to.iter_mut().for_each(|to| *to *= weight);
            }
            Ok(output)
        }))
    }

    fn transposed(&self, part: WeightPart) -> Result<Transposed> {
        let weight = part.of(self.weight);
        let shape = self.input_shape.clone();
        let (length, stride) = self.length_and_stride();
        let is_in_blocks = self.is_in_blocks();
        Ok(Box::new(move |output| {
            let output = output.data();
            Ok(vec![Tensor::written_by(&shape, |input| {
                if is_in_blocks {
                    return pooling::spread(weight, output, input);
                }
                let blocks = input.chunks(length * stride);
                for (block, from) in blocks.zip(output.chunks_exact(stride.max(1))) {
                    if let [from] = from {
                        block.fill(weight * from);
                        continue;
                    }
                    for row in block.chunks(stride) {
                        row.write_with(|at| weight * from[at]);
                    }
                }
            })?])
        }))
    }

    fn weight_signs(&self) -> Signs {
        Signs::of(&[self.weight])
    }
}

/// Adds up the rows of `block`. Rows of one element are added up in double precision.
fn sum_rows(block: &[f32], sums: &mut [f32]) {
    if let [sum] = sums {
        *sum = sum_of(block) as f32;
        return;
    }
    for row in block.chunks_exact(sums.len().max(1)) {
        sums.iter_mut().zip(row).for_each(|(to, from)| *to += from);
    }
}
