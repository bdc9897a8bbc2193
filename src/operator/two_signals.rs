//! Elementwise functions of two signals that are neither a sum nor a product: maximum, minimum, comparisons, powers,
//! remainders.

use anyhow::{Result, bail, ensure};

use super::{Binary, Operator};
use crate::tensor::Tensor;

/// `y = operation(a, b)` for two signals of one shape.
///
/// Relevance: of a power the base takes all, the exponent is a coefficient, as the divisor of a quotient is.
#[derive(Clone, Debug)]
pub struct TwoSignals {
    /// What it computes.
    pub operation: Binary,
}

impl TwoSignals {
    /// Whether it is the maximum or minimum: the chosen signal gets all relevance; equal ones get half each.
    pub fn has_winner(&self) -> bool {
        matches!(self.operation, Binary::Max | Binary::Min)
    }

    /// The derivatives by both signals. Where the signals of a maximum or minimum are equal, both are ½, so that no
    /// relevance is lost.
    fn slopes(&self, a: f32, b: f32) -> (f32, f32) {
        match a == b && self.has_winner() {
            true => (0.5, 0.5),
            false => self.operation.derivatives(a, b),
        }
    }
}

impl Operator for TwoSignals {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let [a, b] = inputs.as_slice() else {
            bail!("a function of two signals got {} inputs", inputs.len());
        };
        ensure!(
            a.shape() == b.shape(),
            "two signals have different shapes: {:?} and {:?}",
            a.shape(),
            b.shape()
        );
        let mut output = a.clone();
        output.combine([b], |a, [b]| self.operation.value(a, b))?;
        Ok(output)
    }

    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let (mut to_a, mut to_b) = (relevance.clone(), relevance);
        // Relevance becomes 0 where the slope is 0, even if it is infinite.
        let times = |r: f32, slope: f32| if slope == 0.0 { 0.0 } else { r * slope };
        to_a.combine([&inputs[0], &inputs[1]], |r, [a, b]| times(r, self.slopes(a, b).0))?;
        to_b.combine([&inputs[0], &inputs[1]], |r, [a, b]| times(r, self.slopes(a, b).1))?;
        Ok(vec![to_a, to_b])
    }

    fn signal(&self) -> Option<usize> {
        Some(0)
    }

    fn share(&self, relevance: &Tensor) -> Result<Vec<Tensor>> {
        Ok(vec![relevance.clone(), Tensor::zeros(relevance.shape())?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(numbers: &[f32]) -> Tensor {
        Tensor::new(&[numbers.len()], numbers).unwrap()
    }

    #[test]
    fn the_winner_takes_all_and_equals_share() {
        let inputs = [vector(&[1.0, 4.0, 2.0]), vector(&[3.0, -1.0, 2.0])];
        let larger = TwoSignals { operation: Binary::Max };
        assert_eq!(larger.forward(inputs.to_vec()).unwrap().data(), [3.0, 4.0, 2.0]);
        let handed = larger.gradient(&inputs, vector(&[1.0, 10.0, 100.0])).unwrap();
        assert_eq!(handed[0].data(), [0.0, 10.0, 50.0]);
        assert_eq!(handed[1].data(), [1.0, 0.0, 50.0]);
    }

    #[test]
    fn a_power_has_both_derivatives() {
        let inputs = [vector(&[2.0]), vector(&[3.0])];
        let power = TwoSignals { operation: Binary::Pow };
        assert_eq!(power.forward(inputs.to_vec()).unwrap().data(), [8.0]);
        let slopes = power.gradient(&inputs, vector(&[1.0])).unwrap();
        assert!((slopes[0].data()[0] - 12.0).abs() < 1e-5);
        assert!((slopes[1].data()[0] - 8.0 * 2f32.ln()).abs() < 1e-5);
    }
}
