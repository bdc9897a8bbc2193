//! Softmax and its logarithm.

use crate::emit::graph::{Attribute, Graph};
use crate::emit::value::Value;
use crate::operator::Softmax;

/// The elements that are normalised together as one axis: the value in such a shape, and the axis.
fn grouped(graph: &mut Graph, softmax: &Softmax, value: &Value) -> (Value, usize) {
    let (length, stride) = softmax.length_and_stride;
    let behind = |axis: usize| value.axes[axis + 1..].iter().product::<usize>();
    let is_axis = |axis: &usize| value.axes[*axis] == length && behind(*axis) == stride;
    if let Some(axis) = (0..value.axes.len()).find(is_axis) {
        return (value.clone(), axis);
    }
    let outer = value.len() / (length * stride).max(1);
    (graph.reshaped(value, &[outer, length, stride]), 1)
}

fn probabilities(graph: &mut Graph, softmax: &Softmax, value: &Value, operator: &str) -> Value {
    let (grouped, axis) = grouped(graph, softmax, value);
    let name = graph.node(operator, &[&grouped.name], &[("axis", Attribute::Int(axis as i64 + 1))]);
    let mut result = grouped.named(name);
    if softmax.is_guarded {
        // Elements that are all −∞ have no softmax: it counts as 0.
        let is_none = graph.unary("IsNaN", &result);
        let zero = graph.number(0.0);
        let name = graph.node("Where", &[&is_none.name, &zero, &result.name], &[]);
        result = result.named(name);
    }
    graph.reshaped(&result, &value.axes)
}

pub(super) fn forward(graph: &mut Graph, softmax: &Softmax, input: &Value) -> Value {
    match softmax.is_logarithm {
        true => probabilities(graph, softmax, input, "LogSoftmax"),
        false => probabilities(graph, softmax, input, "Softmax"),
    }
}

/// `R − s ΣR`, where `s` is the softmax of the input.
pub(super) fn centred(
    graph: &mut Graph,
    softmax: &Softmax,
    input: &Value,
    relevance: &Value,
) -> Value {
    let s = probabilities(graph, softmax, input, "Softmax");
    let (relevance, axis) = grouped(graph, softmax, relevance);
    let (s, _) = grouped(graph, softmax, &s);
    let sum = graph.summed(&relevance, &[axis]);
    let share = graph.multiply(&s, &sum);
    let rest = graph.subtract(&relevance, &share);
    graph.reshaped(&rest, &input.axes)
}

/// `s ⊙ (R − Σ s R)`; for the logarithm `R − s ΣR`.
pub(super) fn gradient(
    graph: &mut Graph,
    softmax: &Softmax,
    input: &Value,
    relevance: &Value,
) -> Value {
    if softmax.is_logarithm {
        return centred(graph, softmax, input, relevance);
    }
    let s = probabilities(graph, softmax, input, "Softmax");
    let (relevance, axis) = grouped(graph, softmax, relevance);
    let (s, _) = grouped(graph, softmax, &s);
    let product = graph.multiply(&relevance, &s);
    let sum = graph.summed(&product, &[axis]);
    let rest = graph.subtract(&relevance, &sum);
    let handed = graph.multiply(&s, &rest);
    graph.reshaped(&handed, &input.axes)
}
