//! The matrix product of two signals: attention scores `Q·Kᵀ`, and their product with the values.

use anyhow::{Result, ensure};
use onnxplain_kernels::gemm::{Matrices, product};

use super::Operator;
use crate::tensor::Tensor;

/// `Y = A · B` for a batch of matrices: `[B, M, K]` and `[B, K, N]` to `[B, M, N]`.
#[derive(Clone, Debug)]
pub struct MatrixProduct {
    /// The index of the factor that is the signal, if the other one is attention weights from a softmax, which count as
    /// coefficients; `None` if both are signals.
    pub signal: Option<usize>,
    /// Number of matrices, `B`: the heads of attention.
    pub batch: usize,
    /// Rows of `A`: `M`.
    pub rows: usize,
    /// Columns of `A` and rows of `B`: `K`.
    pub inner: usize,
    /// Columns of `B`: `N`.
    pub columns: usize,
}

impl MatrixProduct {
    /// The shapes of the two factors.
    pub fn input_shapes(&self) -> [Vec<usize>; 2] {
        [vec![self.batch, self.rows, self.inner], vec![self.batch, self.inner, self.columns]]
    }

    /// The shape of the product.
    pub fn output_shape(&self) -> Vec<usize> {
        vec![self.batch, self.rows, self.columns]
    }

    /// `R Bᵀ`, the gradient of `A`.
    fn gradient_of_left(&self, right: &Tensor, relevance: &Tensor) -> Result<Tensor> {
        let [left_shape, _] = self.input_shapes();
        let relevance = Matrices::new(relevance.data(), self.rows, self.columns)?;
        let right = Matrices::new(right.data(), self.inner, self.columns)?.transposed();
        multiplied(relevance, right, &left_shape)
    }

    /// `Aᵀ R`, the gradient of `B`.
    fn gradient_of_right(&self, left: &Tensor, relevance: &Tensor) -> Result<Tensor> {
        let [_, right_shape] = self.input_shapes();
        let left = Matrices::new(left.data(), self.rows, self.inner)?.transposed();
        let relevance = Matrices::new(relevance.data(), self.rows, self.columns)?;
        multiplied(left, relevance, &right_shape)
    }
}

fn multiplied(left: Matrices, right: Matrices, shape: &[usize]) -> Result<Tensor> {
    Ok(Tensor::written(shape, |output| Ok(product(left, right, output)?))?.0)
}

impl Operator for MatrixProduct {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let [left, right] = inputs.as_slice() else {
            anyhow::bail!("a matrix product has two factors, not {}", inputs.len());
        };
        let shapes = [left.shape().to_vec(), right.shape().to_vec()];
        ensure!(shapes == self.input_shapes(), "the factors of a matrix product do not fit");
        let left = Matrices::new(left.data(), self.rows, self.inner)?;
        let right = Matrices::new(right.data(), self.inner, self.columns)?;
        multiplied(left, right, &self.output_shape())
    }

    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        Ok(vec![
            self.gradient_of_left(&inputs[1], &relevance)?,
            self.gradient_of_right(&inputs[0], &relevance)?,
        ])
    }

    fn is_linear_in_signal(&self) -> bool {
        true
    }

    fn signal(&self) -> Option<usize> {
        self.signal
    }

    fn gradient_of_signal(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let [left, right] = self.input_shapes();
        match self.signal {
            Some(0) => {
                Ok(vec![self.gradient_of_left(&inputs[1], &relevance)?, Tensor::zeros(&right)?])
            }
            Some(_) => {
                Ok(vec![Tensor::zeros(&left)?, self.gradient_of_right(&inputs[0], &relevance)?])
            }
            None => self.gradient(inputs, relevance),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(signal: Option<usize>) -> (MatrixProduct, Vec<Tensor>) {
        let product = MatrixProduct { signal, batch: 2, rows: 1, inner: 2, columns: 2 };
        let left = Tensor::new(&[2, 1, 2], &[1.0, 2.0, -1.0, 3.0]).unwrap();
        let right = Tensor::new(&[2, 2, 2], &[1.0, 0.0, 2.0, 1.0, 4.0, 1.0, 0.5, -2.0]).unwrap();
        (product, vec![left, right])
    }

    #[test]
    fn every_matrix_of_the_batch_is_multiplied() {
        let (product, inputs) = product(None);
        let output = product.forward(inputs).unwrap();
        assert_eq!(output.shape(), &[2, 1, 2]);
        assert_eq!(output.data(), &[5.0, 2.0, -2.5, -7.0]);
    }

    #[test]
    fn the_gradient_goes_both_ways_and_to_a_signal_only_one() {
        let (both, inputs) = product(None);
        let relevance = Tensor::new(&[2, 1, 2], &[1.0, 10.0, 1.0, 0.0]).unwrap();
        let gradient = both.gradient(&inputs, relevance.clone()).unwrap();
        assert_eq!(gradient[0].data(), &[1.0, 12.0, 4.0, 0.5]);
        assert_eq!(gradient[1].data(), &[1.0, 10.0, 2.0, 20.0, -1.0, 0.0, 3.0, 0.0]);
        let (values, inputs) = product(Some(1));
        let handed = values.gradient_of_signal(&inputs, relevance).unwrap();
        assert_eq!(handed[0].data(), &[0.0; 4]);
        assert_eq!(handed[1].data(), gradient[1].data());
    }

    #[test]
    fn factors_of_another_shape_are_refused() {
        let (product, inputs) = product(None);
        assert!(product.forward(vec![inputs[1].clone(), inputs[0].clone()]).is_err());
    }
}
