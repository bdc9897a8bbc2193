//! The largest or smallest elements of an axis, in order: ONNX `TopK`.

use anyhow::{Result, ensure};

use super::Operator;
use super::activation::single;
use crate::tensor::Tensor;

/// The `count` largest (or smallest) elements of every row of an axis, the best first.
///
/// Relevance: every chosen element gets that of its place in the output.
#[derive(Clone, Debug)]
pub struct TopElements {
    /// The axis.
    pub axis: usize,
    /// How many elements of each row are chosen.
    pub count: usize,
    /// Whether the largest are chosen, and not the smallest.
    pub is_largest: bool,
    /// The input's shape.
    pub input_shape: Vec<usize>,
}

impl TopElements {
    fn output_shape(&self) -> Vec<usize> {
        let mut shape = self.input_shape.clone();
        shape[self.axis] = self.count;
        shape
    }

    /// Where along the axis the elements are that are kept.
    pub(super) fn positions(&self, input: &Tensor) -> Result<Tensor> {
        let (length, stride) = (
            self.input_shape[self.axis],
            self.input_shape[self.axis + 1..].iter().product::<usize>(),
        );
        let mut output = Tensor::zeros(&self.output_shape())?;
        let to = output.data_mut();
        self.for_each_kept(input.data(), |output, kept| {
            to[output] = (kept / stride % length) as f32
        });
        Ok(output)
    }

    /// Calls `visit(index in the output, index in the input)` for every chosen element.
    fn for_each_kept(&self, input: &[f32], mut visit: impl FnMut(usize, usize)) {
        let length = self.input_shape[self.axis];
        let stride: usize = self.input_shape[self.axis + 1..].iter().product();
        let blocks = input.len() / (length * stride).max(1);
        for row in 0..blocks * stride {
            let (block, offset) = (row / stride, row % stride);
            let place = |at: usize| (block * length + at) * stride + offset;
            let mut order: Vec<usize> = (0..length).collect();
            // Equal elements stay in their order.
            order.sort_by(|&a, &b| {
                let order = input[place(a)].total_cmp(&input[place(b)]);
                if self.is_largest { order.reverse() } else { order }
            });
            for (rank, &at) in order.iter().take(self.count).enumerate() {
                visit((block * self.count + rank) * stride + offset, place(at));
            }
        }
    }
}

impl Operator for TopElements {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let input = single(inputs)?;
        ensure!(
            input.shape() == self.input_shape && self.count <= self.input_shape[self.axis],
            "cannot choose {} elements of an axis of {:?}",
            self.count,
            input.shape()
        );
        let mut output = Tensor::zeros(&self.output_shape())?;
        let to = output.data_mut();
        self.for_each_kept(input.data(), |output, kept| to[output] = input.data()[kept]);
        Ok(output)
    }

    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let mut handed = Tensor::zeros(&self.input_shape)?;
        let (to, from) = (handed.data_mut(), relevance.data());
        self.for_each_kept(inputs[0].data(), |output, kept| to[kept] = from[output]);
        Ok(vec![handed])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_take_all() {
        let input = Tensor::new(&[1, 4, 2], &[1.0, 8.0, 3.0, 6.0, 3.0, 7.0, 2.0, 5.0]).unwrap();
        let largest =
            TopElements { axis: 1, count: 2, is_largest: true, input_shape: vec![1, 4, 2] };
        let output = largest.forward(vec![input.clone()]).unwrap();
        assert_eq!((output.shape(), output.data()), (&[1, 2, 2][..], &[3.0, 8.0, 3.0, 7.0][..]));
        let relevance = Tensor::new(&[1, 2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let handed = largest.gradient(std::slice::from_ref(&input), relevance).unwrap();
        assert_eq!(handed[0].data(), [0.0, 2.0, 1.0, 0.0, 3.0, 4.0, 0.0, 0.0]);
        let smallest = TopElements { is_largest: false, count: 1, ..largest };
        assert_eq!(smallest.forward(vec![input]).unwrap().data(), [1.0, 5.0]);
    }
}
