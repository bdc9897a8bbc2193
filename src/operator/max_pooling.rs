//! Max pooling: the largest of a window; the winner takes all the relevance.

use anyhow::Result;

use super::Operator;
use super::activation::single;
use crate::linear::Window;
use crate::tensor::Tensor;

/// ONNX `MaxPool` and, with a window as large as the plane, `GlobalMaxPool`: `[N, C, spatial...]`.
#[derive(Clone, Debug)]
pub struct MaxPooling {
    /// The spatial geometry.
    pub window: Window,
    /// Shape of the input.
    pub input_shape: Vec<usize>,
    /// Shape of the output.
    pub output_shape: Vec<usize>,
}

impl MaxPooling {
    /// Calls `take(output, input)` with the winner of every window of one plane; the first of equals wins.
    fn for_each_winner(&self, plane: &[f32], winners: &mut [usize]) {
        winners.fill(usize::MAX);
        self.window.for_each_tap(|output, input| {
            let winner = &mut winners[output];
            if *winner == usize::MAX || plane[input] > plane[*winner] {
                *winner = input;
            }
        });
    }
}

impl Operator for MaxPooling {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let input = single(inputs)?;
        let mut output = Tensor::filled(&self.output_shape, f32::NEG_INFINITY)?;
        let planes = output.data_mut().chunks_exact_mut(self.window.output_len().max(1));
        for (to, from) in planes.zip(input.data().chunks_exact(self.window.input_len().max(1))) {
            self.window.for_each_tap(|output, input| {
                if from[input] > to[output] || from[input].is_nan() {
                    to[output] = from[input];
                }
            });
        }
        Ok(output)
    }

    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let mut result = Tensor::zeros(&self.input_shape)?;
        let mut winners = vec![usize::MAX; self.window.output_len()];
        let (input_len, output_len) = (self.window.input_len(), self.window.output_len());
        let planes = inputs[0].data().chunks_exact(input_len.max(1));
        let relevance = relevance.data().chunks_exact(output_len.max(1));
        let results = result.data_mut().chunks_exact_mut(input_len.max(1));
        for ((to, plane), relevance) in results.zip(planes).zip(relevance) {
            self.for_each_winner(plane, &mut winners);
            for (&winner, &relevance) in winners.iter().zip(relevance) {
                if let Some(to) = to.get_mut(winner) {
                    *to += relevance;
                }
            }
        }
        Ok(vec![result])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::WindowAxis;

    #[test]
    fn the_first_of_equals_takes_all() {
        let axis = WindowAxis { input: 4, output: 2, kernel: 2, stride: 2, ..WindowAxis::POINT };
        let pooling = MaxPooling {
            window: Window { axes: vec![axis] },
            input_shape: vec![1, 1, 4],
            output_shape: vec![1, 1, 2],
        };
        let input = Tensor::new(&[1, 1, 4], &[3.0, 3.0, -2.0, -1.0]).unwrap();
        let output = pooling.forward(vec![input.clone()]).unwrap();
        assert_eq!(output.data(), &[3.0, -1.0]);
        let relevance = Tensor::new(&[1, 1, 2], &[5.0, 7.0]).unwrap();
        let back = pooling.gradient(&[input], relevance).unwrap();
        assert_eq!(back[0].data(), &[5.0, 0.0, 0.0, 7.0]);
    }
}
