//! Local response normalisation across channels (AlexNet, GoogLeNet, CaffeNet).

use anyhow::Result;

use super::Operator;
use super::activation::single;
use crate::tensor::Tensor;

/// ONNX `LRN`: `y_c = x_c / (bias + alpha / size · Σ x²)^beta`, the sum over `size` neighbouring channels.
#[derive(Clone, Debug)]
pub struct ResponseNormalization {
    /// Weight of the sum of squares.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// The divisor if all neighbouring channels are 0.
    pub bias: f32,
    /// Channels that are summed.
    pub size: usize,
}

impl ResponseNormalization {
    /// The divisors, before the exponent: `bias + alpha / size · Σ x²`.
    fn divisors(&self, input: &Tensor) -> Result<Tensor> {
        let squares = input.map(|x| x * x)?;
        let factor = self.alpha / self.size as f32;
        let sums = self.sum_neighbours(&squares, false)?;
        sums.map(|sum| self.bias + factor * sum)
    }

    /// `values`, divided by the divisors of the signal.
    fn divide(&self, values: &mut Tensor, divisors: &Tensor) -> Result<()> {
        values.combine_broadcast(divisors, |to, divisor| *to *= divisor.powf(-self.beta))
    }

    /// For each channel, the sum over its neighbouring channels; with `backwards`, over all channels whose neighbour it is.
    fn sum_neighbours(&self, values: &Tensor, backwards: bool) -> Result<Tensor> {
        let shape = values.shape();
        let channels = shape[1];
        let plane = shape[2..].iter().product::<usize>().max(1);
        let (before, after) = ((self.size - 1) / 2, self.size / 2);
        let (before, after) = if backwards { (after, before) } else { (before, after) };
        let mut sums = Tensor::zeros(shape)?;
        let samples = sums.data_mut().chunks_exact_mut((channels * plane).max(1));
        for (to, from) in samples.zip(values.data().chunks_exact((channels * plane).max(1))) {
            for channel in 0..channels {
                let to = &mut to[channel * plane..][..plane];
                let last = (channel + after).min(channels - 1);
                for neighbour in channel.saturating_sub(before)..=last {
                    let from = &from[neighbour * plane..][..plane];
                    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
                }
            }
        }
        Ok(sums)
    }
}

impl Operator for ResponseNormalization {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let mut signal = single(inputs)?;
        let divisors = self.divisors(&signal)?;
        self.divide(&mut signal, &divisors)?;
        Ok(signal)
    }

    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let input = &inputs[0];
        let divisors = self.divisors(input)?;
        let mut direct = relevance.clone();
        self.divide(&mut direct, &divisors)?;
        let mut through_sum = relevance;
        through_sum.combine_broadcast(input, |to, x| *to *= x)?;
        through_sum
            .combine_broadcast(&divisors, |to, divisor| *to *= divisor.powf(-self.beta - 1.0))?;
        let mut through_sum = self.sum_neighbours(&through_sum, true)?;
        let factor = -2.0 * self.alpha * self.beta / self.size as f32;
        through_sum.combine_broadcast(input, |to, x| *to *= factor * x)?;
        direct.add_assign(&through_sum)?;
        Ok(vec![direct])
    }

    fn is_linear_in_signal(&self) -> bool {
        true
    }

    fn gradient_of_signal(&self, inputs: &[Tensor], mut relevance: Tensor) -> Result<Vec<Tensor>> {
        self.divide(&mut relevance, &self.divisors(&inputs[0])?)?;
        Ok(vec![relevance])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let layer = ResponseNormalization { alpha: 0.5, beta: 0.75, bias: 1.0, size: 3 };
        let input = [0.5f32, -1.0, 2.0, 0.7];
        let value = |input: &[f32]| {
            layer.forward(vec![Tensor::new(&[1, 4, 1], input).unwrap()]).unwrap().data()[1]
        };
        let tensor = Tensor::new(&[1, 4, 1], &input).unwrap();
        let seed = Tensor::new(&[1, 4, 1], &[0.0, 1.0, 0.0, 0.0]).unwrap();
        let gradient = layer.gradient(&[tensor], seed).unwrap();
        for at in 0..4 {
            let (mut up, mut down) = (input, input);
            up[at] += 1e-2;
            down[at] -= 1e-2;
            let slope = (value(&up) - value(&down)) / 2e-2;
            assert!((slope - gradient[0].data()[at]).abs() < 1e-4);
        }
    }
}
