//! Fully connected layers: ONNX `Gemm`, and `MatMul` with constant weights.

use anyhow::{Context, Result};
use tract_core::prelude::tract_ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul};

use super::{Forward, LinearMap, Signs, Transposed, WeightPart};
use crate::parallel::for_each_chunk;
use crate::tensor::Tensor;

/// `y = W x + b` over the last axes: `[..., I]` to `[..., O]`, the same for every position of the leading ones.
#[derive(Clone, Debug)]
pub struct Dense {
    /// `[O, I]`.
    pub weight: Tensor,
    /// Broadcasts to the output.
    pub bias: Option<Tensor>,
    /// Shape of the input; its trailing axes hold `I` elements.
    pub input_shape: Vec<usize>,
    /// Shape of the output; its trailing axes hold `O` elements.
    pub output_shape: Vec<usize>,
}

impl Dense {
    fn outputs(&self) -> usize {
        self.weight.shape()[0]
    }

    fn inputs(&self) -> usize {
        self.weight.shape()[1]
    }
}

impl LinearMap for Dense {
    fn forward(&self, part: WeightPart, bias: Option<Tensor>) -> Result<Forward> {
        let weight = part.of_tensor(&self.weight)?;
        let (outputs, inputs) = (self.outputs(), self.inputs());
        let output_shape = self.output_shape.clone();
        Ok(Box::new(move |tensors| {
            let mut output = Tensor::zeros(&output_shape)?;
            if let Some(bias) = &bias {
                output.combine_broadcast(bias, |to, from| *to = from)?;
            }
            let input = tensors[0].data();
            if input.len() == inputs && output.len() == outputs {
                add_product(weight.data(), input, output.data_mut());
                return Ok(output);
            }
            let (weight, input) = (matrix(weight.data(), outputs, inputs)?, rows(input, inputs)?);
            general_mat_mul(1.0, &input, &weight.t(), 1.0, &mut rows_mut(&mut output, outputs)?);
            Ok(output)
        }))
    }

    fn transposed(&self, part: WeightPart) -> Result<Transposed> {
        let weight = part.of_tensor(&self.weight)?;
        let (outputs, inputs) = (self.outputs(), self.inputs());
        let input_shape = self.input_shape.clone();
        Ok(Box::new(move |output| {
            let mut input = Tensor::zeros(&input_shape)?;
            if input.len() == inputs && output.len() == outputs {
                add_transposed_product(weight.data(), output.data(), input.data_mut());
                return Ok(vec![input]);
            }
            let weight = matrix(weight.data(), outputs, inputs)?;
            let output = rows(output.data(), outputs)?;
            general_mat_mul(1.0, &output, &weight, 0.0, &mut rows_mut(&mut input, inputs)?);
            Ok(vec![input])
        }))
    }

    fn weight_signs(&self) -> Signs {
        Signs::of(self.weight.data())
    }

    fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    fn parameter_count(&self) -> usize {
        self.weight.len() + self.bias.as_ref().map_or(0, Tensor::len)
    }
}

/// Independent partial sums of a product, which fill vector registers and round less than one sum.
const LANES: usize = 16;

/// `y += W x` for one vector. A matrix product would first pack all of `W`, to use it once.
fn add_product(weight: &[f32], input: &[f32], output: &mut [f32]) {
    let inputs = input.len();
    let rows_at_once = LANES;
    for_each_chunk(output, rows_at_once, |index, outputs| {
        let rows = weight[index * rows_at_once * inputs..].chunks_exact(inputs.max(1));
        for (output, row) in outputs.iter_mut().zip(rows) {
            *output += dot(row, input);
        }
    });
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest =
        a_blocks.remainder().iter().zip(b_blocks.remainder()).map(|(a, b)| a * b).sum::<f32>();
    for (a, b) in a_blocks.zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Columns that are added up together: they stay in the first cache.
const COLUMNS: usize = 1024;

/// Rows that are added up before they are added to the total, which rounds less than one sum.
const ROWS: usize = 256;

/// `x += Wᵀ y` for one vector; rows whose factor is 0, as behind a ReLU, are not read.
fn add_transposed_product(weight: &[f32], output: &[f32], input: &mut [f32]) {
    let inputs = input.len();
    for_each_chunk(input, COLUMNS, |index, columns| {
        let mut sums = [0.0f32; COLUMNS];
        let sums = &mut sums[..columns.len()];
        for (block, factors) in output.chunks(ROWS).enumerate() {
            sums.fill(0.0);
            for (row, &factor) in factors.iter().enumerate().filter(|(_, factor)| **factor != 0.0) {
                let start = (block * ROWS + row) * inputs + index * COLUMNS;
                let row = &weight[start..][..sums.len()];
                sums.iter_mut().zip(row).for_each(|(sum, weight)| *sum += factor * weight);
            }
            columns.iter_mut().zip(sums.iter()).for_each(|(column, sum)| *column += sum);
        }
    });
}

fn matrix(data: &[f32], rows: usize, columns: usize) -> Result<ArrayView2<'_, f32>> {
    ArrayView2::from_shape((rows, columns), data)
        .context("a dense layer met a tensor of another size")
}

fn rows(data: &[f32], columns: usize) -> Result<ArrayView2<'_, f32>> {
    matrix(data, data.len() / columns.max(1), columns)
}

fn rows_mut(tensor: &mut Tensor, columns: usize) -> Result<ArrayViewMut2<'_, f32>> {
    let count = tensor.len() / columns.max(1);
    ArrayViewMut2::from_shape((count, columns), tensor.data_mut())
        .context("a dense layer met a tensor of another size")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_vector_and_two_agree() {
        let numbers = |count: usize, step: usize| -> Vec<f32> {
            (0..count).map(|n| ((n * step) % 13) as f32 / 4.0 - 1.5).collect()
        };
        let (inputs, outputs) = (COLUMNS + 37, ROWS + 21);
        let weight = Tensor::new(&[outputs, inputs], &numbers(inputs * outputs, 5)).unwrap();
        let map = |positions: usize| Dense {
            weight: weight.clone(),
            bias: None,
            input_shape: vec![positions, inputs],
            output_shape: vec![positions, outputs],
        };
        let twice = |values: Vec<f32>| [values.clone(), values].concat();
        let (x, y) = (numbers(inputs, 3), numbers(outputs, 7));
        let x2 = Tensor::new(&[2, inputs], &twice(x.clone())).unwrap();
        let y2 = Tensor::new(&[2, outputs], &twice(y.clone())).unwrap();
        let x1 = Tensor::new(&[1, inputs], &x).unwrap();
        let y1 = Tensor::new(&[1, outputs], &y).unwrap();
        let forward = |map: Dense, x| map.forward(WeightPart::Plain, None).unwrap()(&[x]).unwrap();
        let back =
            |map: Dense, y| map.transposed(WeightPart::Plain).unwrap()(&y).unwrap().remove(0);
        // All products are multiples of 1/16 below 2²⁰: every order of summation gives the same.
        assert_eq!(forward(map(1), x1).data(), &forward(map(2), x2).data()[..outputs]);
        assert_eq!(back(map(1), y1).data(), &back(map(2), y2).data()[..inputs]);
    }
}
