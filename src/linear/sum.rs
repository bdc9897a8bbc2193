//! Sums of signals: residual additions, `Add` and `Sub` of two branches, n-ary `Sum`.

use anyhow::Result;

use super::{Forward, LinearMap, Signs, Transposed, WeightPart};
use crate::tensor::Tensor;

/// `y = Σ c_i x_i`, each input broadcasting to the output.
#[derive(Clone, Debug)]
pub struct Sum {
    /// One coefficient per input: 1, or −1 for an input that is subtracted.
    pub coefficients: Vec<f32>,
    /// The inputs' shapes.
    pub input_shapes: Vec<Vec<usize>>,
    /// The output's shape.
    pub output_shape: Vec<usize>,
}

impl Sum {
    fn parts(&self, part: WeightPart) -> Vec<f32> {
        self.coefficients.iter().map(|&coefficient| part.of(coefficient)).collect()
    }
}

impl LinearMap for Sum {
    fn forward(&self, part: WeightPart, _bias: Option<Tensor>) -> Result<Forward> {
        let coefficients = self.parts(part);
        let shape = self.output_shape.clone();
        if let [first, second] = coefficients[..]
            && self.input_shapes.iter().all(|input| *input == shape)
        {
            return Ok(Box::new(move |inputs| {
                let mut output = inputs[0].clone();
                output.combine([&inputs[1]], |a, [b]| first * a + second * b)?;
                Ok(output)
            }));
        }
        Ok(Box::new(move |inputs| {
            let mut output = Tensor::zeros(&shape)?;
            for (index, (input, coefficient)) in inputs.iter().zip(&coefficients).enumerate() {
                match index {
                    0 => output.combine_broadcast(input, |to, from| *to = coefficient * from)?,
                    _ => output.combine_broadcast(input, |to, from| *to += coefficient * from)?,
                }
            }
            Ok(output)
        }))
    }

    fn transposed(&self, part: WeightPart) -> Result<Transposed> {
        let coefficients = self.parts(part);
        let shapes = self.input_shapes.clone();
        Ok(Box::new(move |output| {
            let branch = |(shape, &coefficient): (&Vec<usize>, &f32)| {
                let share = output.summed_to(shape)?;
                if coefficient == 1.0 { Ok(share) } else { share.map(|value| coefficient * value) }
            };
            shapes.iter().zip(&coefficients).map(branch).collect()
        }))
    }

    fn weight_signs(&self) -> Signs {
        Signs::of(&self.coefficients)
    }
}
