//! Interpolation: a product with a small matrix along every axis.

use anyhow::Result;

use super::Part;
use crate::emit::graph::Graph;
use crate::emit::value::Value;
use crate::linear::{ResampledAxis, Resampling, WeightPart};

pub(super) fn forward(
    graph: &mut Graph,
    map: &Resampling,
    input: &Value,
    part: Part,
) -> Result<Value> {
    map.axes.iter().enumerate().try_fold(input.clone(), |value, (place, axis)| {
        Ok(along(graph, map, axis, &value, (part_of_axis(part, place), false)))
    })
}

pub(super) fn transposed(
    graph: &mut Graph,
    map: &Resampling,
    sums: &Value,
    part: Part,
) -> Result<Value> {
    map.axes.iter().enumerate().rev().try_fold(sums.clone(), |value, (place, axis)| {
        Ok(along(graph, map, axis, &value, (part_of_axis(part, place), true)))
    })
}

/// One axis multiplied with its matrix, or with the transpose.
fn along(
    graph: &mut Graph,
    map: &Resampling,
    of: &ResampledAxis,
    value: &Value,
    (part, is_transposed): (Part, bool),
) -> Value {
    let (outputs, inputs) = (of.taps.len(), of.input);
    let [rows, columns] = if is_transposed { [inputs, outputs] } else { [outputs, inputs] };
    let mut matrix = vec![0.0; rows * columns];
    for (output, taps) in of.taps.iter().enumerate() {
        for &(input, weight) in taps {
            let [row, column] = if is_transposed { [input, output] } else { [output, input] };
            matrix[row * columns + column] += part.of(weight);
        }
    }
    // The first axis of the network is that of the batch where its length is 1.
    let first = usize::from(map.input_shape[0] == 1);
    let axis = of.axis - first;
    let inner: usize = value.axes[axis + 1..].iter().product();
    let mut axes = value.axes.clone();
    axes[axis] = rows;
    let product = match inner {
        1 => {
            let lines = graph.merged(value, &[columns]);
            let matrix = graph.floats(&[columns, rows], &flipped(&matrix, rows, columns));
            let name = graph.node("MatMul", &[&lines.name, &matrix], &[]);
            Value { name, axes: vec![rows], is_constant: value.is_constant }
        }
        _ => {
            let blocks = graph.merged(value, &[columns, inner]);
            let matrix = graph.floats(&[rows, columns], &matrix);
            let name = graph.node("MatMul", &[&matrix, &blocks.name], &[]);
            Value { name, axes: vec![rows, inner], is_constant: value.is_constant }
        }
    };
    graph.merged(&product, &axes)
}

fn flipped(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|at| matrix[at % rows * columns + at / rows]).collect()
}

/// The part to take of the weights of an axis: a weight of the whole map is the product of one of each axis. Squares are
/// taken of every axis, a factor of one only.
fn part_of_axis(part: Part, place: usize) -> Part {
    match part.part {
        _ if place == 0 => part,
        WeightPart::Squared | WeightPart::One => part.part.into(),
        _ => Part::PLAIN,
    }
}
