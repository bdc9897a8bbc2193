//! Softmax and log-softmax over one axis.

use anyhow::Result;

use super::Operator;
use super::activation::single;
use super::groups::{for_each_group, over_axes};
use crate::tensor::Tensor;

/// ONNX `Softmax`, `LogSoftmax`.
#[derive(Clone, Debug)]
pub struct Softmax {
    /// The number of elements that are normalised together, and their distance in memory.
    pub length_and_stride: (usize, usize),
    /// Whether the result is the logarithm.
    pub is_logarithm: bool,
    /// Whether a group whose elements are all −∞ gives 0 instead of NaN. Exporters write such a guard around attention
    /// whose mask can exclude all elements of a row.
    pub is_guarded: bool,
}

impl Softmax {
    /// A softmax over `axis` of a tensor of the given shape.
    pub fn new(shape: &[usize], axis: usize, is_logarithm: bool) -> Softmax {
        let length_and_stride = over_axes(shape, axis, 1);
        Softmax { length_and_stride, is_logarithm, is_guarded: false }
    }

    fn probabilities(&self, tensor: &mut Tensor) {
        for_each_group(self.length_and_stride, tensor, None, |row, _| {
            let highest = row.iter().fold(f32::NEG_INFINITY, |high, &value| high.max(value));
            if self.is_guarded && highest == f32::NEG_INFINITY {
                return row.fill(0.0);
            }
            row.iter_mut().for_each(|value| *value = (*value - highest).exp());
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|value| *value /= sum);
        });
    }

    /// `R − s ΣR`, where `s` is the softmax of the input.
    fn centred(&self, input: &Tensor, mut relevance: Tensor) -> Tensor {
        let mut softmax = input.clone();
        self.probabilities(&mut softmax);
        for_each_group(self.length_and_stride, &mut relevance, Some(&softmax), |row, softmax| {
            let total: f32 = row.iter().sum();
            row.iter_mut().zip(softmax).for_each(|(r, s)| *r -= s * total);
        });
        relevance
    }
}

impl Operator for Softmax {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let mut result = single(inputs)?;
        self.probabilities(&mut result);
        if self.is_logarithm {
            result.data_mut().iter_mut().for_each(|value| *value = value.ln());
        }
        Ok(result)
    }

    /// `s ⊙ (R − Σ s R)`; for the logarithm `R − s ΣR`.
    fn gradient(&self, inputs: &[Tensor], mut relevance: Tensor) -> Result<Vec<Tensor>> {
        if self.is_logarithm {
            return Ok(vec![self.centred(&inputs[0], relevance)]);
        }
        let mut softmax = inputs[0].clone();
        self.probabilities(&mut softmax);
        for_each_group(self.length_and_stride, &mut relevance, Some(&softmax), |row, softmax| {
            let total: f32 = row.iter().zip(softmax).map(|(r, s)| r * s).sum();
            row.iter_mut().zip(softmax).for_each(|(r, s)| *r = s * (*r - total));
        });
        Ok(vec![relevance])
    }

    /// `R − s ΣR` (Achtibat et al. 2024, AttnLRP, proposition 3.1).
    fn relative_gradient(
        &self,
        inputs: &[Tensor],
        relevance: &Tensor,
    ) -> Result<Option<Vec<Tensor>>> {
        let is_probability = !self.is_logarithm;
        Ok(is_probability.then(|| vec![self.centred(&inputs[0], relevance.clone())]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guarded_softmax_of_a_closed_row_is_zero() {
        let closed = Tensor::filled(&[1, 3], f32::NEG_INFINITY).unwrap();
        let plain = Softmax::new(&[1, 3], 1, false);
        assert!(plain.forward(vec![closed.clone()]).unwrap().data()[0].is_nan());
        let guarded = Softmax { is_guarded: true, ..plain };
        assert_eq!(guarded.forward(vec![closed]).unwrap().data(), [0.0; 3]);
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let input = [0.3f32, -0.8, 1.1];
        for is_logarithm in [false, true] {
            let softmax = Softmax::new(&[1, 3], 1, is_logarithm);
            let value = |input: &[f32]| {
                softmax.forward(vec![Tensor::new(&[1, 3], input).unwrap()]).unwrap().data()[1]
            };
            let tensor = Tensor::new(&[1, 3], &input).unwrap();
            let seed = Tensor::new(&[1, 3], &[0.0, 1.0, 0.0]).unwrap();
            let gradient = softmax.gradient(&[tensor], seed).unwrap();
            for at in 0..3 {
                let (mut up, mut down) = (input, input);
                up[at] += 1e-2;
                down[at] -= 1e-2;
                let slope = (value(&up) - value(&down)) / 2e-2;
                assert!((slope - gradient[0].data()[at]).abs() < 1e-4);
            }
        }
    }
}
