//! Scales and shifts per channel.

use crate::emit::graph::Graph;
use crate::emit::value::Value;
use crate::operator::Affine;

pub(super) fn forward(graph: &mut Graph, affine: &Affine, input: &Value) -> Value {
    let scaled = gradient(graph, affine, input);
    match &affine.shift {
        Some(shift) => graph.with_constant("Add", &scaled, shift),
        None => scaled,
    }
}

pub(super) fn gradient(graph: &mut Graph, affine: &Affine, relevance: &Value) -> Value {
    match &affine.scale {
        Some(scale) => graph.with_constant("Mul", relevance, scale),
        None => relevance.clone(),
    }
}
