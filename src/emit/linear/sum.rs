//! Sums of signals, which broadcast.

use super::Part;
use crate::emit::graph::Graph;
use crate::emit::value::{Value, axes_of};
use crate::linear::Sum;

pub(super) fn forward(graph: &mut Graph, map: &Sum, inputs: &[Value], part: Part) -> Value {
    let mut sum: Option<Value> = None;
    for (input, &coefficient) in inputs.iter().zip(&map.coefficients) {
        let coefficient = part.of(coefficient);
        sum = Some(match (sum, coefficient) {
            (None, _) => graph.scaled(input, coefficient),
            (Some(sum), -1.0) => graph.subtract(&sum, input),
            (Some(sum), _) => {
                let summand = graph.scaled(input, coefficient);
                graph.add(&sum, &summand)
            }
        });
    }
    let axes = axes_of(&map.output_shape);
    match sum {
        Some(sum) => graph.spread(&sum, &axes),
        None => graph.ones(&axes),
    }
}

pub(super) fn transposed(graph: &mut Graph, map: &Sum, sums: &Value, part: Part) -> Vec<Value> {
    let share = |(shape, &coefficient): (&Vec<usize>, &f32)| {
        let axes = axes_of(shape);
        let share = graph.summed_to(sums, &axes);
        graph.scaled(&share, part.of(coefficient))
    };
    map.input_shapes.iter().zip(&map.coefficients).map(share).collect()
}
