//! Concatenation.

use crate::emit::graph::Graph;
use crate::emit::value::{Cut, Value};
use crate::operator::Concat;

pub(super) fn forward(
    graph: &mut Graph,
    concat: &Concat,
    inputs: &[Value],
    axes: &[usize],
) -> Value {
    let like = inputs.iter().find(|input| !input.is_constant).map(|input| input.name.clone());
    let parts = inputs.iter().zip(&concat.input_shapes).map(|(input, shape)| {
        let whole = whole(graph, concat, input, shape);
        match &like {
            Some(like) => graph.repeated(&whole, like),
            None => whole,
        }
    });
    let parts: Vec<Value> = parts.collect();
    let joined = graph.concat(&parts, axis(concat));
    graph.reshaped(&joined, axes)
}

pub(super) fn gradient(
    graph: &mut Graph,
    concat: &Concat,
    inputs: &[Value],
    relevance: &Value,
) -> Vec<Option<Value>> {
    let counts: Vec<usize> = concat.input_shapes.iter().map(|shape| shape[concat.axis]).collect();
    let axis = axis(concat);
    let relevance = match concat.axis == 0 && counts.iter().sum::<usize>() == 1 {
        true => relevance.clone(),
        false => with_axis(graph, concat, relevance, counts.iter().sum()),
    };
    let mut start = 0;
    let mut parts = vec![];
    for (input, count) in inputs.iter().zip(counts) {
        let part = graph.slice(&relevance, Cut { axis, start, count, step: 1 });
        parts.push(Some(graph.reshaped(&part, &input.axes)));
        start += count;
    }
    parts
}

/// The axis of the concatenation behind the batch.
fn axis(concat: &Concat) -> usize {
    match (concat.axis, concat.input_shapes[0][0]) {
        (0, _) => 0,
        (axis, 1) => axis - 1,
        (axis, _) => axis,
    }
}

/// An input with the axis of the concatenation, which is that of the batch where it is the first.
fn whole(graph: &mut Graph, concat: &Concat, input: &Value, shape: &[usize]) -> Value {
    if concat.axis == 0 { graph.reshaped(input, shape) } else { input.clone() }
}

/// The output in the same way.
fn with_axis(graph: &mut Graph, concat: &Concat, value: &Value, count: usize) -> Value {
    if concat.axis != 0 {
        return value.clone();
    }
    let mut axes = concat.input_shapes[0].clone();
    axes[0] = count;
    graph.reshaped(value, &axes)
}
