//! The largest elements of an axis, and elements taken at computed places.

use anyhow::{Result, ensure};

use super::function::as_whole_numbers;
use crate::emit::graph::{Attribute, Graph};
use crate::emit::value::{Value, axes_of};
use crate::operator::{Pick, PickedBy, TopElements, TopPositions};

/// The best elements of every row, and where along the axis they are; the axis of the value, and the value with it.
struct Best {
    values: Value,
    positions: Value,
    axis: usize,
}

fn best(graph: &mut Graph, top: &TopElements, input: &Value) -> Best {
    let whole = graph.reshaped(input, &top.input_shape);
    let count = graph.ints(&[top.count as i64]);
    let attributes = [
        ("axis", Attribute::Int(top.axis as i64 + 1)),
        ("largest", Attribute::Int(i64::from(top.is_largest))),
        ("sorted", Attribute::Int(1)),
    ];
    let outputs = graph.nodes("TopK", &[&whole.name, &count], &attributes, 2);
    let mut axes = top.input_shape.clone();
    axes[top.axis] = top.count;
    let value = |name: &String| Value {
        name: name.clone(),
        axes: axes.clone(),
        is_constant: input.is_constant,
    };
    Best { values: value(&outputs[0]), positions: value(&outputs[1]), axis: top.axis }
}

/// The elements themselves, and where they are.
pub(super) fn top_elements(graph: &mut Graph, top: &TopElements, input: &Value) -> (Value, usize) {
    let Best { values, axis, .. } = best(graph, top, input);
    let axes = axes_of(&values.axes);
    (graph.reshaped(&values, &axes), axis)
}

pub(super) fn top_positions(
    graph: &mut Graph,
    top: &TopPositions,
    input: &Value,
    axes: &[usize],
) -> Value {
    let Best { positions, .. } = best(graph, &top.elements, input);
    let numbers = graph.as_number(&positions);
    graph.reshaped(&numbers, axes)
}

/// Every chosen element gets the relevance of its place in the output.
pub(super) fn gradient_of_top(
    graph: &mut Graph,
    top: &TopElements,
    input: &Value,
    relevance: &Value,
) -> Value {
    let Best { positions, axis, .. } = best(graph, top, input);
    let whole = graph.reshaped(input, &top.input_shape);
    let relevance = graph.reshaped(relevance, &positions.axes);
    let zeros = graph.zeros_like(&whole);
    let operands = [zeros.name.as_str(), &positions.name, &relevance.name];
    let name =
        graph.node("ScatterElements", &operands, &[("axis", Attribute::Int(axis as i64 + 1))]);
    graph.reshaped(&whole.named(name), &input.axes)
}

/// The signal in a shape whose second axis is that which is picked from, and the places on it, in the shape of the
/// output.
struct Places {
    signal: Value,
    places: Value,
    axis: usize,
}

fn places(graph: &mut Graph, pick: &Pick, inputs: &[Value]) -> Places {
    let [shape, of_indices] = &pick.input_shapes;
    let product = |axes: &[usize]| axes.iter().product::<usize>();
    let indices = as_whole_numbers(graph, &inputs[1]);
    let indices = graph.reshaped(&indices, of_indices);
    match pick.by {
        PickedBy::Elements(axis) => {
            let signal = graph.reshaped(&inputs[0], shape);
            let places = counted_from_the_front(graph, &indices, shape[axis]);
            Places { signal, places, axis }
        }
        PickedBy::Slices(axis) => {
            let axes = [product(&shape[..axis]), shape[axis], product(&shape[axis + 1..])];
            let signal = graph.reshaped(&inputs[0], &axes);
            let places = counted_from_the_front(graph, &indices, shape[axis]);
            let count = product(of_indices);
            let places = graph.reshaped(&places, &[1, count, 1]);
            let places = graph.spread(&places, &[axes[0], count, axes[2]]);
            Places { signal, places, axis: 1 }
        }
        PickedBy::Tuples(batch) => {
            let depth = of_indices[of_indices.len() - 1];
            let picked = &shape[batch..batch + depth];
            let axes =
                [product(&shape[..batch]), product(picked), product(&shape[batch + depth..])];
            let signal = graph.reshaped(&inputs[0], &axes);
            let places = one_number(graph, &indices, picked);
            let count = product(of_indices) / depth.max(1) / axes[0].max(1);
            let places = graph.reshaped(&places, &[axes[0], count, 1]);
            let places = graph.spread(&places, &[axes[0], count, axes[2]]);
            Places { signal, places, axis: 1 }
        }
    }
}

/// Tuples of positions as one, counted through the axes of these lengths.
fn one_number(graph: &mut Graph, indices: &Value, lengths: &[usize]) -> Value {
    let last = indices.axes.len() - 1;
    let numbers: Vec<i64> = lengths.iter().map(|&length| length as i64).collect();
    let lengths_name = graph.ints(&numbers);
    let indices = wrapped(graph, indices, &lengths_name);
    let mut stride = 1;
    let strides = numbers.iter().rev().map(|length| {
        let own = stride;
        stride *= length;
        own
    });
    let mut strides: Vec<i64> = strides.collect();
    strides.reverse();
    let strides = graph.ints(&strides);
    let name = graph.node("Mul", &[&indices.name, &strides], &[]);
    graph.summed(&indices.named(name), &[last])
}

/// Positions below 0 count from the end.
fn counted_from_the_front(graph: &mut Graph, indices: &Value, length: usize) -> Value {
    let length = graph.shaped_ints(&[], &[length as i64]);
    wrapped(graph, indices, &length)
}

fn wrapped(graph: &mut Graph, indices: &Value, lengths: &str) -> Value {
    let zero = graph.shaped_ints(&[], &[0]);
    let is_below = graph.node("Less", &[&indices.name, &zero], &[]);
    let counted = graph.node("Add", &[&indices.name, lengths], &[]);
    let name = graph.node("Where", &[&is_below, &counted, &indices.name], &[]);
    indices.named(name)
}

pub(super) fn picked(
    graph: &mut Graph,
    pick: &Pick,
    inputs: &[Value],
    axes: &[usize],
) -> Result<Value> {
    let Places { signal, places, axis } = places(graph, pick, inputs);
    let (signal, places) = of_one_batch(graph, signal, places, inputs);
    let attributes = [("axis", Attribute::Int(axis as i64 + 1))];
    let name = graph.node("GatherElements", &[&signal.name, &places.name], &attributes);
    Ok(graph.reshaped(&places.named(name), axes))
}

/// A constant signal, or constant places, for every picture.
fn of_one_batch(
    graph: &mut Graph,
    signal: Value,
    places: Value,
    inputs: &[Value],
) -> (Value, Value) {
    match inputs.iter().find(|input| !input.is_constant) {
        Some(like) => (graph.repeated(&signal, &like.name), graph.repeated(&places, &like.name)),
        None => (signal, places),
    }
}

/// What was taken takes all of it; the places get nothing.
pub(super) fn gradient_of_pick(
    graph: &mut Graph,
    pick: &Pick,
    inputs: &[Value],
    relevance: &Value,
) -> Result<Vec<Option<Value>>> {
    ensure!(
        !graph.dialect.is_portable,
        "its relevance is added up at computed places, for which portable graphs have no operator: leave --portable out"
    );
    let Places { signal, places, axis } = places(graph, pick, inputs);
    let (signal, places) = of_one_batch(graph, signal, places, inputs);
    let zeros = graph.zeros_like(&signal);
    let relevance = graph.reshaped(relevance, &places.axes);
    let attributes =
        [("axis", Attribute::Int(axis as i64 + 1)), ("reduction", Attribute::Text("add"))];
    let operands = [zeros.name.as_str(), &places.name, &relevance.name];
    let name = graph.node("ScatterElements", &operands, &attributes);
    Ok(vec![Some(graph.reshaped(&signal.named(name), &inputs[0].axes)), None])
}
