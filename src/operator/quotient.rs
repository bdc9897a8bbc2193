//! The quotient of two signals.

use anyhow::{Result, ensure};

use super::Operator;
use crate::tensor::Tensor;

/// `y = a / b`; `b` may broadcast to `a`.
///
/// Relevance: the dividend gets all of it. The divisor counts as a coefficient, as the standard deviation of a
/// LayerNormalization does (Ali et al. 2022).
#[derive(Clone, Debug)]
pub struct Quotient {
    /// The inputs' shapes; the first is the output's.
    pub input_shapes: [Vec<usize>; 2],
}

impl Operator for Quotient {
    fn forward(&self, mut inputs: Vec<Tensor>) -> Result<Tensor> {
        ensure!(inputs.len() == 2, "a quotient has two operands, not {}", inputs.len());
        let divisor = inputs.remove(1);
        let mut quotient = inputs.remove(0);
        quotient.combine_broadcast(&divisor, |to, from| *to /= from)?;
        Ok(quotient)
    }

    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let (dividend, divisor) = (&inputs[0], &inputs[1]);
        let mut by_dividend = relevance;
        by_dividend.combine_broadcast(divisor, |to, from| *to /= from)?;
        let mut by_divisor = by_dividend.clone();
        by_divisor.combine_broadcast(dividend, |to, from| *to *= -from)?;
        by_divisor.combine_broadcast(divisor, |to, from| *to /= from)?;
        Ok(vec![by_dividend, by_divisor.summed_to(&self.input_shapes[1])?])
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
    fn value_and_gradient() {
        let quotient = Quotient { input_shapes: [vec![2], vec![1]] };
        let inputs =
            vec![Tensor::new(&[2], &[6.0, 3.0]).unwrap(), Tensor::new(&[1], &[2.0]).unwrap()];
        assert_eq!(quotient.forward(inputs.clone()).unwrap().data(), &[3.0, 1.5]);
        let ones = Tensor::filled(&[2], 1.0).unwrap();
        let gradient = quotient.gradient(&inputs, ones).unwrap();
        assert_eq!(gradient[0].data(), &[0.5, 0.5]);
        assert_eq!(gradient[1].data(), &[-2.25]);
        let shares = quotient.share(&Tensor::filled(&[2], 1.0).unwrap()).unwrap();
        assert_eq!((shares[0].data(), shares[1].data()), (&[1.0f32, 1.0][..], &[0.0f32][..]));
    }
}
