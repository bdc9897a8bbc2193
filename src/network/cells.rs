//! Layers that read single elements some apart: 1 × 1 convolutions and poolings with a stride, slices with a step.

use super::Op;
use crate::linear::{Window, WindowAxis};
use crate::operator::Routing;

impl Op {
    /// The cells of a layer that reads single elements some apart: each goes from an element that is read to the next one.
    /// The axes are those behind the batch and the channels.
    pub(crate) fn cells(&self) -> Option<Window> {
        let axes = match self {
            Op::Convolution(map) if !map.is_transposed => sampled(&map.window)?,
            Op::AveragePooling(map) => sampled(&map.window)?,
            Op::MaxPooling(map) => sampled(&map.window)?,
            Op::Routing(routing) => sliced(routing)?,
            _ => return None,
        };
        let is_sampling = axes.iter().any(|axis| axis.stride > 1);
        is_sampling.then(|| Window { axes: axes.into_iter().map(cell).collect() })
    }
}

/// An axis along which every `stride`-th element is read, from the first one on.
struct Sampled {
    length: usize,
    stride: usize,
}

fn cell(Sampled { length, stride }: Sampled) -> WindowAxis {
    let output = length.div_ceil(stride);
    let pad_after = output * stride - length;
    WindowAxis {
        input: length,
        output,
        kernel: stride,
        stride,
        dilation: 1,
        pad_before: 0,
        pad_after,
    }
}

/// The axes of windows of one element.
fn sampled(window: &Window) -> Option<Vec<Sampled>> {
    let is_single = |axis: &WindowAxis| {
        axis.kernel == 1 && axis.pad_before == 0 && axis.output == axis.input.div_ceil(axis.stride)
    };
    let axes = window.axes.iter();
    let axes = axes.map(|axis| Sampled { length: axis.input, stride: axis.stride });
    window.axes.iter().all(is_single).then(|| axes.collect())
}

/// The steps of a slice that begins at the first element of every axis.
fn sliced(routing: &Routing) -> Option<Vec<Sampled>> {
    let (input, output) = (&routing.input_shape, &routing.output_shape);
    let sources = routing.sources.as_ref()?;
    if input.len() != output.len() || input.len() < 3 || input[..2] != output[..2] {
        return None;
    }
    let steps = input.iter().zip(output).map(|(&input, &output)| input.div_ceil(output.max(1)));
    let steps: Vec<usize> = steps.collect();
    let mut expected = vec![0];
    for (axis, (&length, &step)) in input.iter().zip(&steps).enumerate() {
        if length.div_ceil(step.max(1)) != output[axis] {
            return None;
        }
        let along = |&at: &usize| (0..output[axis]).map(move |read| at * length + read * step);
        expected = expected.iter().flat_map(along).collect();
    }
    let is_slice = expected.len() == sources.len()
        && expected.iter().zip(sources).all(|(&expected, &source)| expected == source as usize);
    let axes = input.iter().zip(&steps).skip(2);
    let axes = axes.map(|(&length, &stride)| Sampled { length, stride });
    is_slice.then(|| axes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A routing whose output elements are those at these places along the last axes of `[1, 2, 5, 4]`.
    fn routing(rows: &[usize], columns: &[usize]) -> Op {
        let mut sources = vec![];
        for plane in 0..2 {
            for row in rows {
                sources
                    .extend(columns.iter().map(|column| ((plane * 5 + row) * 4 + column) as u32));
            }
        }
        let output = [1, 2, rows.len(), columns.len()];
        Op::Routing(Routing::from_sources("Slice", &[1, 2, 5, 4], &output, sources))
    }

    #[test]
    fn slices_with_steps_from_the_first_element() {
        let strides = |op: Op| -> Option<Vec<usize>> {
            Some(op.cells()?.axes.iter().map(|axis| axis.stride).collect())
        };
        assert_eq!(strides(routing(&[0, 2, 4], &[0, 2])), Some(vec![2, 2]));
        assert_eq!(strides(routing(&[0, 1, 2, 3, 4], &[0, 2])), Some(vec![1, 2]));
        assert_eq!(strides(routing(&[0, 3], &[0, 1, 2, 3])), Some(vec![3, 1]));
        let none = [
            routing(&[1, 3], &[0, 2]),
            routing(&[0, 1, 2, 3, 4], &[0, 1, 2, 3]),
            routing(&[0, 1, 2], &[0, 1]),
            routing(&[4, 2, 0], &[0, 2]),
            Op::Routing(Routing::transpose("Transpose", &[1, 2, 4, 4], &[0, 1, 3, 2])),
        ];
        assert!(none.into_iter().all(|op| op.cells().is_none()));
    }
}
