//! The difference of a signal and its own maximum, which keeps exponentials from overflowing.

use anyhow::{Result, ensure};

use super::Operator;
use crate::tensor::Tensor;

/// `y = x − m`, where `m` is the maximum of elements of `x` and broadcasts to it.
///
/// Relevance: `x` gets all of it. The maximum counts as a constant, as it does in a softmax. A division by the difference
/// would have no value: it is 0 where `x` is the maximum.
#[derive(Clone, Debug)]
pub struct MaximumShift {
    /// The inputs' shapes; the first is the output's.
    pub input_shapes: [Vec<usize>; 2],
}

impl Operator for MaximumShift {
    fn forward(&self, mut inputs: Vec<Tensor>) -> Result<Tensor> {
        ensure!(inputs.len() == 2, "a difference has two operands, not {}", inputs.len());
        let maximum = inputs.remove(1);
        let mut difference = inputs.remove(0);
        difference.combine_broadcast(&maximum, |to, from| *to -= from)?;
        Ok(difference)
    }

    fn gradient(&self, _: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let by_maximum = relevance.summed_to(&self.input_shapes[1])?.map(|value| -value)?;
        Ok(vec![relevance, by_maximum])
    }

    fn gradient_reads(&self) -> super::GradientReads {
        super::GradientReads::Nothing
    }

    fn signal(&self) -> Option<usize> {
        Some(0)
    }

    fn share(&self, relevance: &Tensor) -> Result<Vec<Tensor>> {
        Ok(vec![relevance.clone(), Tensor::zeros(&self.input_shapes[1])?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signal_takes_all_and_the_gradient_is_that_of_a_difference() {
        let shift = MaximumShift { input_shapes: [vec![2, 2], vec![2, 1]] };
        let x = Tensor::new(&[2, 2], &[6.0, 3.0, -1.0, 4.0]).unwrap();
        let inputs = vec![x, Tensor::new(&[2, 1], &[6.0, 4.0]).unwrap()];
        assert_eq!(shift.forward(inputs.clone()).unwrap().data(), &[0.0, -3.0, -5.0, 0.0]);
        let relevance = Tensor::new(&[2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let gradient = shift.gradient(&inputs, relevance.clone()).unwrap();
        assert_eq!(gradient[0].data(), relevance.data());
        assert_eq!(gradient[1].data(), &[-3.0, -7.0]);
        let shares = shift.share(&relevance).unwrap();
        assert_eq!((shares[0].data(), shares[1].data()), (relevance.data(), &[0.0f32, 0.0][..]));
    }
}
