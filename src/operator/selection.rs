//! Which element is largest, and elements taken at computed places: ONNX `ArgMax`, the indices of `TopK`, `Gather` and
//! `GatherElements` whose indices depend on the picture.

use anyhow::{Result, ensure};

use super::Operator;
use super::activation::single;
use super::top_elements::TopElements;
use crate::tensor::Tensor;

/// The positions of the largest or smallest elements of an axis, the best first.
///
/// Relevance: none, since a position only jumps.
#[derive(Clone, Debug)]
pub struct TopPositions {
    /// The elements that are meant.
    pub elements: TopElements,
    /// The output's shape: without the axis, where it is one position that is asked for.
    pub output_shape: Vec<usize>,
}

impl Operator for TopPositions {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let input = single(inputs)?;
        self.elements.positions(&input)?.reshaped(&self.output_shape)
    }

    fn gradient(&self, _: &[Tensor], _: Tensor) -> Result<Vec<Tensor>> {
        Ok(vec![Tensor::zeros(&self.elements.input_shape)?])
    }
}

/// What the indices of a [`Pick`] mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickedBy {
    /// A position along this axis for every element of the output: `GatherElements`.
    Elements(usize),
    /// A position along this axis, whose place the axes of the indices take: `Gather`.
    Slices(usize),
    /// Positions along all axes behind so many, as the last axis of the indices: `GatherND`.
    Tuples(usize),
}

/// Elements of a signal, taken at the positions that another one says.
///
/// Relevance: what was taken takes all of it; the indices, which jump, get nothing.
#[derive(Clone, Debug)]
pub struct Pick {
    /// What the indices mean.
    pub by: PickedBy,
    /// The shapes of the signal and of the indices.
    pub input_shapes: [Vec<usize>; 2],
    /// The output's shape.
    pub output_shape: Vec<usize>,
}

impl Pick {
    /// Calls `visit(place in the output, place in the input)` for every element.
    fn for_each(&self, indices: &[f32], mut visit: impl FnMut(usize, usize)) -> Result<()> {
        let [shape, of_indices] = &self.input_shapes;
        let mut place = vec![0usize; self.output_shape.len()];
        for output in 0..self.output_shape.iter().product() {
            // The axes of the output in front of the picked ones, which indices, and the first axis behind.
            let (before, picked, behind) = match self.by {
                PickedBy::Elements(axis) => (axis, output..output + 1, axis + 1),
                PickedBy::Slices(axis) => {
                    let behind = axis + of_indices.len();
                    let at = offset(&place[axis..behind], of_indices);
                    (axis, at..at + 1, behind)
                }
                PickedBy::Tuples(batch) => {
                    let behind = of_indices.len() - 1;
                    let (at, depth) = (offset(&place[..behind], of_indices), of_indices[behind]);
                    (batch, at * depth..(at + 1) * depth, behind)
                }
            };
            let positions = indices[picked].iter().zip(&shape[before..]);
            let positions = positions.map(|(&index, &length)| position(index, length));
            let positions = positions.collect::<Result<Vec<usize>>>()?;
            let coordinates = place[..before].iter().chain(&positions).chain(&place[behind..]);
            visit(output, coordinates.zip(shape).fold(0, |at, (&own, &length)| at * length + own));
            advance(&mut place, &self.output_shape);
        }
        Ok(())
    }
}

/// The position along an axis that an index means, which counts from the end where it is negative.
fn position(index: f32, length: usize) -> Result<usize> {
    let counted = if index < 0.0 { index + length as f32 } else { index };
    ensure!(counted >= 0.0 && counted < length as f32, "the index {index} of {length}");
    Ok(counted as usize)
}

/// The number of an element in natural order.
fn offset(place: &[usize], shape: &[usize]) -> usize {
    place.iter().zip(shape).fold(0, |at, (&own, &length)| at * length + own)
}

/// The next element in natural order.
fn advance(place: &mut [usize], shape: &[usize]) {
    for (own, &length) in place.iter_mut().zip(shape).rev() {
        *own += 1;
        if *own < length {
            return;
        }
        *own = 0;
    }
}

impl Operator for Pick {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let [signal, indices] = inputs.as_slice() else {
            anyhow::bail!("elements are picked of one signal by one other, not {}", inputs.len());
        };
        ensure!(
            signal.shape() == self.input_shapes[0] && indices.shape() == self.input_shapes[1],
            "indices {:?} do not fit {:?}",
            indices.shape(),
            signal.shape()
        );
        let mut output = Tensor::zeros(&self.output_shape)?;
        let to = output.data_mut();
        self.for_each(indices.data(), |output, input| to[output] = signal.data()[input])?;
        Ok(output)
    }

    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        let mut handed = Tensor::zeros(&self.input_shapes[0])?;
        let to = handed.data_mut();
        self.for_each(inputs[1].data(), |output, input| to[input] += relevance.data()[output])?;
        Ok(vec![handed, Tensor::zeros(&self.input_shapes[1])?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_found_and_picked() {
        let input = Tensor::new(&[1, 2, 3], &[1.0, 5.0, 3.0, 9.0, 7.0, 8.0]).unwrap();
        let elements =
            TopElements { axis: 2, count: 2, is_largest: true, input_shape: vec![1, 2, 3] };
        let top = TopPositions { elements, output_shape: vec![1, 2, 2] };
        let positions = top.forward(vec![input.clone()]).unwrap();
        assert_eq!(positions.data(), [1.0, 2.0, 0.0, 2.0]);
        let (shapes, output_shape) = ([vec![1, 2, 3], vec![1, 2, 2]], vec![1, 2, 2]);
        let pick = Pick { by: PickedBy::Elements(2), input_shapes: shapes, output_shape };
        let inputs = [input, positions];
        assert_eq!(pick.forward(inputs.to_vec()).unwrap().data(), [5.0, 3.0, 9.0, 8.0]);
        let relevance = Tensor::new(&[1, 2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let handed = pick.gradient(&inputs, relevance).unwrap();
        assert_eq!(handed[0].data(), [0.0, 1.0, 2.0, 3.0, 0.0, 4.0]);
        assert_eq!(handed[1].data(), [0.0; 4]);
    }

    #[test]
    fn slices_stand_where_the_axis_stood() {
        let signal = Tensor::new(&[1, 3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let indices = Tensor::new(&[2], &[2.0, -3.0]).unwrap();
        let (shapes, output_shape) = ([vec![1, 3, 2], vec![2]], vec![1, 2, 2]);
        let pick = Pick { by: PickedBy::Slices(1), input_shapes: shapes, output_shape };
        let output = pick.forward(vec![signal.clone(), indices]).unwrap();
        assert_eq!(output.data(), [5.0, 6.0, 1.0, 2.0]);
        let beyond = Tensor::new(&[2], &[3.0, 0.0]).unwrap();
        assert!(pick.forward(vec![signal, beyond]).is_err());
    }

    #[test]
    fn tuples_of_indices_stand_for_elements() {
        let signal = Tensor::new(&[1, 3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let indices = Tensor::new(&[2, 2], &[0.0, 2.0, 0.0, 0.0]).unwrap();
        let (shapes, output_shape) = ([vec![1, 3, 2], vec![2, 2]], vec![2, 2]);
        let pick = Pick { by: PickedBy::Tuples(0), input_shapes: shapes, output_shape };
        assert_eq!(pick.forward(vec![signal, indices]).unwrap().data(), [5.0, 6.0, 1.0, 2.0]);
    }
}
