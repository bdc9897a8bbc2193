//! Fully connected layers: ONNX `Gemm`, and `MatMul` with constant weights.

use anyhow::{Result, ensure};
use onnxplain_kernels::gemm::{Matrices, RightOperand};
use onnxplain_kernels::gemv;

use super::weight::Rows;
use super::{Forward, LinearMap, Signs, Transposed, Weight, WeightPart, part_of_tensor};
use crate::parallel::{for_each_chunk, map_heavy_chunks};
use crate::tensor::Tensor;

/// `y = W x + b` over the last axes: `[..., I]` to `[..., O]`, the same for every position of the leading ones.
#[derive(Clone, Debug)]
pub struct Dense {
    /// `[O, I]`.
    pub weight: Weight,
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

    fn positions(&self) -> usize {
        self.input_shape.iter().product::<usize>() / self.inputs().max(1)
    }

    /// The bias, where [`Dense::unbiased`] can take it from the output: with a single position.
    pub(crate) fn separable_bias(&self) -> Option<&Tensor> {
        let bias = self.bias.as_ref()?;
        let is_one_an_output = bias.len() == self.outputs() && !self.weight.is_empty();
        (self.positions() == 1 && is_one_an_output).then_some(bias)
    }

    /// `W x` from `output = W x + bias`, which saves reading all weights again. Where the bias is so much larger that
    /// it took digits with it, the sum is made anew.
    ///
    /// # Errors
    /// When the weight cannot be read.
    pub(crate) fn unbiased(
        weight: &Weight,
        bias: &Tensor,
        input: &Tensor,
        output: &Tensor,
    ) -> Result<Tensor> {
        let mut unbiased = output.clone();
        unbiased.combine_broadcast(bias, |y, bias| *y -= bias)?;
        let correct = |row: usize, sums: &mut [f32]| {
            let is_exact = bias.data()[row].abs() <= LARGER * sums[0].abs();
            if !is_exact {
                sums[0] = gemv::row_product(&Rows(weight), row, input.data())?;
            }
            Ok(())
        };
        let rows = map_heavy_chunks(unbiased.data_mut(), 1, input.len(), correct);
        rows.into_iter().collect::<Result<()>>()?;
        Ok(unbiased)
    }

    /// `part(W) x` or, with `is_transposed`, `part(W)ᵀ y` at every position.
    fn product(&self, part: WeightPart, is_transposed: bool) -> Result<Product> {
        let (outputs, inputs) = (self.outputs(), self.inputs());
        let from_len = if is_transposed { outputs } else { inputs };
        let positions = self.positions();
        if self.weight.is_empty() {
            return Ok(Box::new(|_, _| Ok(())));
        }
        if positions == 1 {
            // Used once a pass, the weights are not worth a packed copy: their part is taken while they are read.
            let weight = self.weight.clone();
            return Ok(Box::new(move |from, to| {
                ensure!(from.len() == from_len, "a dense layer met {} numbers", from.len());
                match is_transposed {
                    true => gemv::transposed_product(&Rows(&weight), part, from, to),
                    false => gemv::product(&Rows(&weight), part, from, to),
                }
            }));
        }
        if positions < outputs.min(inputs) {
            return Ok(Box::new(product_with_large_weights(
                self.weight.clone(),
                part,
                is_transposed,
                positions,
            )));
        }
        let weight = part_of_tensor(part, &self.weight.load()?)?;
        let weight = Matrices::new(weight.data(), outputs, inputs)?;
        let weight = if is_transposed { weight } else { weight.transposed() };
        let weight = RightOperand::new(weight)?;
        Ok(Box::new(move |from, to| {
            Ok(weight.multiply(Matrices::new(from, positions, from_len)?, to)?)
        }))
    }
}

/// How much larger than a sum a bias can be that is taken from both: a few times what the sum was rounded by.
const LARGER: f32 = 8.0;

/// The product at fewer positions than there are features, as in the blocks of a transformer: it is the
/// signal that is packed, since it is smaller, and the weights are read as they lie.
fn product_with_large_weights(
    weight: Weight,
    part: WeightPart,
    is_transposed: bool,
    positions: usize,
) -> impl Fn(&[f32], &mut [f32]) -> Result<()> + Send + Sync {
    move |from, to| {
        let weight = weight.load()?;
        let [outputs, inputs] = [weight.shape()[0], weight.shape()[1]];
        let weight = Matrices::new(weight.data(), outputs, inputs)?.part(part);
        let weight = if is_transposed { weight.transposed() } else { weight };
        let from_len = from.len() / positions;
        let signal = RightOperand::new(Matrices::new(from, positions, from_len)?.transposed())?;
        let mut columns = vec![0.0; to.len()];
        signal.multiply(weight, &mut columns)?;
        transpose(&columns, positions, to);
        Ok(())
    }
}

/// Rows and columns that are transposed together: they stay in the first cache.
const TILE: usize = 16;

/// Writes a matrix of the given number of columns, column by column, over `to`.
fn transpose(from: &[f32], columns: usize, to: &mut [f32]) {
    let rows = to.len() / columns.max(1);
    for_each_chunk(to, TILE * rows, |index, to| {
        let first = index * TILE;
        for start in (0..rows).step_by(TILE) {
            for (offset, to) in to.chunks_exact_mut(rows).enumerate() {
                let end = rows.min(start + TILE);
                for (row, to) in (start..end).zip(&mut to[start..end]) {
                    *to = from[row * columns + first + offset];
                }
            }
        }
    });
}

/// Writes the product with the first slice over the second.
type Product = Box<dyn Fn(&[f32], &mut [f32]) -> Result<()> + Send + Sync>;

impl LinearMap for Dense {
    fn forward(&self, part: WeightPart, bias: Option<Tensor>) -> Result<Forward> {
        let output_shape = self.output_shape.clone();
        let product = self.product(part, false)?;
        Ok(Box::new(move |tensors| {
            let mut output = Tensor::zeros(&output_shape)?;
            product(tensors[0].data(), output.data_mut())?;
            if let Some(bias) = &bias {
                output.combine_broadcast(bias, |to, from| *to += from)?;
            }
            Ok(output)
        }))
    }

    fn transposed(&self, part: WeightPart) -> Result<Transposed> {
        let input_shape = self.input_shape.clone();
        let product = self.product(part, true)?;
        Ok(Box::new(move |output| {
            let mut input = Tensor::zeros(&input_shape)?;
            product(output.data(), input.data_mut())?;
            Ok(vec![input])
        }))
    }

    fn weight_signs(&self) -> Signs {
        self.weight.signs()
    }

    fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    fn parameter_count(&self) -> usize {
        self.weight.len() + self.bias.as_ref().map_or(0, Tensor::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bias_is_taken_from_the_output_unless_it_took_digits_with_it() {
        // The second sum is 1/1024: beside a bias of 3e6 nothing is left of it.
        let weight = Weight::from(Tensor::new(&[2, 2], &[3.0, -1.0, 0.25, 0.125]).unwrap());
        let input = Tensor::new(&[1, 2], &[1.0 / 256.0, 0.0]).unwrap();
        for bias in [[0.5, 1.0 / 512.0], [0.5, 3e6]] {
            let bias = Tensor::new(&[1, 2], &bias).unwrap();
            let map = Dense {
                weight: weight.clone(),
                bias: Some(bias.clone()),
                input_shape: vec![1, 2],
                output_shape: vec![1, 2],
            };
            let forward = map.forward(WeightPart::Plain, Some(bias.clone())).unwrap();
            let output = forward(std::slice::from_ref(&input)).unwrap();
            assert!(map.separable_bias().is_some());
            let unbiased = Dense::unbiased(&weight, &bias, &input, &output).unwrap();
            assert_eq!(unbiased.data(), [3.0 / 256.0, 1.0 / 1024.0]);
        }
    }
}
