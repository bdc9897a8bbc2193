//! Activations: as one node where ONNX has it, otherwise step by step.

use super::function::{derivative, evaluated};
use crate::emit::graph::Graph;
use crate::emit::value::Value;
use crate::operator::Activation;

pub(super) fn forward(graph: &mut Graph, activation: &Activation, input: &Value) -> Value {
    let function = &activation.function;
    match function.clip_bounds().filter(|_| !function.has_parameters()) {
        Some(bounds) => clipped(graph, input, bounds),
        None => evaluated(graph, function, input),
    }
}

/// Relevance times the derivative; at the bounds of a function that clips it is 0.
pub(super) fn gradient(
    graph: &mut Graph,
    activation: &Activation,
    (input, output): (&Value, &Value),
    relevance: &Value,
) -> Value {
    let function = &activation.function;
    let Some((low, high)) = function.clip_bounds().filter(|_| !function.has_parameters()) else {
        return match derivative(graph, function, input) {
            Some(slope) => graph.multiply(relevance, &slope),
            None => graph.scaled(relevance, 0.0),
        };
    };
    // The output is enough: where the input was clipped, it is a bound.
    let mut handed = relevance.clone();
    for (comparison, bound) in [("Greater", low), ("Less", high)] {
        if bound.is_finite() {
            let inside = graph.mask(comparison, output, bound);
            handed = graph.multiply(&handed, &inside);
        }
    }
    handed
}

fn clipped(graph: &mut Graph, input: &Value, (low, high): (f32, f32)) -> Value {
    if (low, high) == (0.0, f32::INFINITY) {
        return graph.positive(input);
    }
    let bound = |graph: &mut Graph, bound: f32| match bound.is_finite() {
        true => graph.number(bound),
        false => String::new(),
    };
    let (low, high) = (bound(graph, low), bound(graph, high));
    let operands: &[&str] = match high.is_empty() {
        true => &[&input.name, &low],
        false => &[&input.name, &low, &high],
    };
    let name = graph.node("Clip", operands, &[]);
    input.named(name)
}
