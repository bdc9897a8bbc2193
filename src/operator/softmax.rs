//! Softmax and log-softmax over one axis.

use anyhow::Result;

use super::Operator;
use super::activation::single;
use crate::tensor::Tensor;

/// ONNX `Softmax`, `LogSoftmax`.
#[derive(Clone, Debug)]
pub struct Softmax {
    /// Elements that are normalised together, and the distance between them.
    pub length_and_stride: (usize, usize),
    /// Whether the result is the logarithm.
    pub is_logarithm: bool,
}

impl Softmax {
    /// A softmax over `axis` of a tensor of the given shape.
    pub fn new(shape: &[usize], axis: usize, is_logarithm: bool) -> Softmax {
        let stride = shape[axis + 1..].iter().product();
        Softmax { length_and_stride: (shape[axis], stride), is_logarithm }
    }

    /// Calls `work` with the positions of every group of elements that are normalised together.
    fn for_each_group(&self, len: usize, mut work: impl FnMut(&mut dyn Iterator<Item = usize>)) {
        let (length, stride) = self.length_and_stride;
        for block in (0..len).step_by((length * stride).max(1)) {
            for offset in 0..stride {
                work(&mut (0..length).map(|at| block + offset + at * stride));
            }
        }
    }

    fn probabilities(&self, tensor: &mut Tensor) {
        let (len, data) = (tensor.len(), tensor.data_mut());
        self.for_each_group(len, |positions| {
            let positions: Vec<usize> = positions.collect();
            let highest = positions.iter().fold(f32::NEG_INFINITY, |high, &at| high.max(data[at]));
            let sum: f32 = positions.iter().map(|&at| (data[at] - highest).exp()).sum();
            positions.iter().for_each(|&at| data[at] = (data[at] - highest).exp() / sum);
        });
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
        let mut softmax = inputs[0].clone();
        self.probabilities(&mut softmax);
        let s = softmax.data();
        let (len, r) = (relevance.len(), relevance.data_mut());
        self.for_each_group(len, |positions| {
            let positions: Vec<usize> = positions.collect();
            let weight = |at: usize| if self.is_logarithm { 1.0 } else { s[at] };
            let total: f32 = positions.iter().map(|&at| weight(at) * r[at]).sum();
            for &at in &positions {
                r[at] =
                    if self.is_logarithm { r[at] - s[at] * total } else { s[at] * (r[at] - total) };
            }
        });
        Ok(vec![relevance])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
