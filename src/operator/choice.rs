//! The choice between two signals, element by element: ONNX `Where` with a computed condition.

use anyhow::{Result, ensure};

use super::Operator;
use crate::tensor::Tensor;

/// `y = a` where the condition is not 0, else `b`; all three broadcast to the output.
///
/// Relevance: the chosen signal gets all of it. The condition has the gradient 0 and gets none.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The shapes of the condition and of the two signals.
    pub input_shapes: [Vec<usize>; 3],
    /// The output's shape.
    pub output_shape: Vec<usize>,
}

impl Choice {
    /// An input, broadcast to the output's shape.
    fn spread(&self, input: &Tensor) -> Result<Tensor> {
        if input.shape() == self.output_shape {
            return Ok(input.clone());
        }
        let mut output = Tensor::zeros(&self.output_shape)?;
        output.combine_broadcast(input, |to, from| *to = from)?;
        Ok(output)
    }
}

impl Operator for Choice {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        ensure!(inputs.len() == 3, "a choice has three inputs, not {}", inputs.len());
        let mut output = self.spread(&inputs[0])?;
        let (a, b) = (self.spread(&inputs[1])?, self.spread(&inputs[2])?);
        output.combine([&a, &b], |condition, [a, b]| if condition != 0.0 { a } else { b })?;
        Ok(output)
    }

    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let condition = self.spread(&inputs[0])?;
        let (mut to_a, mut to_b) = (relevance.clone(), relevance);
        to_a.combine([&condition], |r, [condition]| if condition != 0.0 { r } else { 0.0 })?;
        to_b.combine([&condition], |r, [condition]| if condition != 0.0 { 0.0 } else { r })?;
        let [of_condition, of_a, of_b] = &self.input_shapes;
        Ok(vec![Tensor::zeros(of_condition)?, to_a.summed_to(of_a)?, to_b.summed_to(of_b)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_signal_is_copied_and_takes_all() {
        let vector = |numbers: &[f32]| Tensor::new(&[numbers.len()], numbers).unwrap();
        let inputs = [vector(&[1.0, 0.0, 1.0]), vector(&[2.0, f32::NAN, 3.0]), vector(&[5.0])];
        let choice = Choice { input_shapes: [vec![3], vec![3], vec![1]], output_shape: vec![3] };
        assert_eq!(choice.forward(inputs.to_vec()).unwrap().data(), [2.0, 5.0, 3.0]);
        let handed = choice.gradient(&inputs, vector(&[10.0, 20.0, 30.0])).unwrap();
        assert_eq!(handed[0].data(), [0.0; 3]);
        assert_eq!(handed[1].data(), [10.0, 0.0, 30.0]);
        assert_eq!(handed[2].data(), [20.0]);
        assert!(choice.forward(inputs[..2].to_vec()).is_err());
    }
}
