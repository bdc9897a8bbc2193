//! The product of two signals: squeeze-excite gates and other multiplicative interactions.

use anyhow::{Result, ensure};

use super::Operator;
use crate::tensor::Tensor;

/// `y = a · b`, one of which may broadcast to the other.
#[derive(Clone, Debug)]
pub struct Product {
    /// The index of the input that is the signal, if the other one is a gate (a coefficient in 0..1, or one number per
    /// channel); `None` if both are signals.
    pub signal: Option<usize>,
    /// The inputs' shapes.
    pub input_shapes: [Vec<usize>; 2],
}

impl Product {
    /// The index of an input that has the output's shape.
    fn larger(&self) -> usize {
        let len = |index: usize| self.input_shapes[index].iter().product::<usize>();
        usize::from(len(1) > len(0))
    }
}

impl Operator for Product {
    fn forward(&self, mut inputs: Vec<Tensor>) -> Result<Tensor> {
        ensure!(inputs.len() == 2, "a product has two factors, not {}", inputs.len());
        let mut product = inputs.swap_remove(self.larger());
        product.combine_broadcast(&inputs[0], |to, from| *to *= from)?;
        Ok(product)
    }

    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let by = |index: usize| {
            let other = &inputs[1 - index];
            let mut result = relevance.clone();
            result.combine_broadcast(other, |to, from| *to *= from)?;
            result.summed_to(&self.input_shapes[index])
        };
        (0..2).map(by).collect()
    }

    fn signal(&self) -> Option<usize> {
        self.signal
    }

    /// If one factor is a gate, the signal gets all relevance (Arras et al. 2017); otherwise each factor gets half
    /// (Achtibat et al. 2024, AttnLRP).
    fn share(&self, relevance: &Tensor) -> Result<Vec<Tensor>> {
        let share = |index: usize| match self.signal {
            Some(signal) if signal == index => relevance.summed_to(&self.input_shapes[index]),
            Some(_) => Tensor::zeros(&self.input_shapes[index]),
            None => relevance.map(|value| 0.5 * value)?.summed_to(&self.input_shapes[index]),
        };
        (0..2).map(share).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> (Product, Vec<Tensor>) {
        let product = Product { signal: Some(0), input_shapes: [vec![1, 2, 2], vec![1, 2, 1]] };
        let signal = Tensor::new(&[1, 2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let gate = Tensor::new(&[1, 2, 1], &[0.5, 2.0]).unwrap();
        (product, vec![signal, gate])
    }

    #[test]
    fn a_gate_scales_and_gets_nothing() {
        let (product, inputs) = gate();
        let output = product.forward(inputs).unwrap();
        assert_eq!(output.data(), &[0.5, 1.0, 6.0, 8.0]);
        let shares = product.share(&output).unwrap();
        assert_eq!(shares[0].data(), output.data());
        assert_eq!(shares[1].data(), &[0.0, 0.0]);
    }

    #[test]
    fn the_gradient_goes_both_ways() {
        let (product, inputs) = gate();
        let ones = Tensor::filled(&[1, 2, 2], 1.0).unwrap();
        let gradient = product.gradient(&inputs, ones).unwrap();
        assert_eq!(gradient[0].data(), &[0.5, 0.5, 2.0, 2.0]);
        assert_eq!(gradient[1].data(), &[3.0, 7.0]);
    }
}
