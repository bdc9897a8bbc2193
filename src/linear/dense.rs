//! Fully connected layers: ONNX `Gemm`, and `MatMul` with constant weights.

use anyhow::{Result, ensure};
use onnxplain_kernels::gemm::{Matrices, RightOperand};
use onnxplain_kernels::{AlignedBuf, Output, gemv};

use super::weight::Rows;
use super::{Forward, LinearMap, Signs, Transposed, Weight, WeightPart, part_of_tensor};
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

    /// `part(W) x` or, with `is_transposed`, `part(W)ᵀ y` at every position.
    fn product(&self, part: WeightPart, is_transposed: bool) -> Result<Product> {
        let (outputs, inputs) = (self.outputs(), self.inputs());
        let from_len = if is_transposed { outputs } else { inputs };
        let positions = self.positions();
        if self.weight.is_empty() {
            return Ok(Box::new(|_, to| {
                to.fill(0.0);
                Ok(())
            }));
        }
        if positions == 1 {
            // Every weight is used once, so packing would not pay. The part is computed while the weights are read.
            let weight = self.weight.clone();
            return Ok(Box::new(move |from, to| {
                ensure!(
                    from.len() == from_len,
                    "a dense layer of {from_len} inputs got {} numbers",
                    from.len()
                );
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

/// The product where there are fewer positions than features, as in the blocks of a transformer. The signal is packed,
/// because it is smaller, and the weights are not.
fn product_with_large_weights(
    weight: Weight,
    part: WeightPart,
    is_transposed: bool,
    positions: usize,
) -> impl Fn(&[f32], Output<'_>) -> Result<()> + Send + Sync {
    move |from, to| {
        let weight = weight.load()?;
        let [outputs, inputs] = [weight.shape()[0], weight.shape()[1]];
        let weight = Matrices::new(weight.data(), outputs, inputs)?.part(part);
        let weight = if is_transposed { weight.transposed() } else { weight };
        let from_len = from.len() / positions;
        let signal = RightOperand::new(Matrices::new(from, positions, from_len)?.transposed())?;
        let (columns, done) =
            AlignedBuf::written(to.len(), |columns| signal.multiply(weight, columns));
        done?;
        transpose(&columns, positions, to);
        Ok(())
    }
}

/// Rows and columns that are transposed together: they stay in the first cache.
const TILE: usize = 16;

/// Writes a matrix of the given number of columns, column by column, to `to`.
fn transpose(from: &[f32], columns: usize, to: Output<'_>) {
    let rows = to.len() / columns.max(1);
    to.for_each_chunk(TILE * rows, 1, |index, to| {
        let (first, to) = (index * TILE, to.fill(0.0));
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

/// Writes the product with a signal.
type Product = Box<dyn Fn(&[f32], Output<'_>) -> Result<()> + Send + Sync>;

impl LinearMap for Dense {
    fn forward(&self, part: WeightPart, bias: Option<Tensor>) -> Result<Forward> {
        let output_shape = self.output_shape.clone();
        let product = self.product(part, false)?;
        Ok(Box::new(move |tensors| {
            let product = |output: Output<'_>| product(tensors[0].data(), output);
            let (mut output, ()) = Tensor::written(&output_shape, product)?;
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
            let product = |input: Output<'_>| product(output.data(), input);
            Ok(vec![Tensor::written(&input_shape, product)?.0])
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
