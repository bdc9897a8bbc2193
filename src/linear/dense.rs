//! Fully connected layers: ONNX `Gemm`, and `MatMul` with constant weights.

use anyhow::{Context, Result};
use tract_core::prelude::tract_ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul};

use super::{Forward, LinearMap, Signs, Transposed, WeightPart};
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
            let weight = matrix(weight.data(), outputs, inputs)?;
            let input = rows(tensors[0].data(), inputs)?;
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
