//! Matrix products of two signals.

use crate::emit::graph::Graph;
use crate::emit::value::Value;

pub(super) fn forward(graph: &mut Graph, inputs: &[Value]) -> Value {
    product(graph, &inputs[0], &inputs[1])
}

/// `R Bᵀ` and `Aᵀ R`.
pub(super) fn gradient(
    graph: &mut Graph,
    inputs: &[Value],
    relevance: &Value,
) -> Vec<Option<Value>> {
    let (left, right) = (flipped(graph, &inputs[0]), flipped(graph, &inputs[1]));
    vec![Some(product(graph, relevance, &right)), Some(product(graph, &left, relevance))]
}

fn product(graph: &mut Graph, left: &Value, right: &Value) -> Value {
    let name = graph.node("MatMul", &[&left.name, &right.name], &[]);
    let mut axes = left.axes.clone();
    if let (Some(last), Some(columns)) = (axes.last_mut(), right.axes.last()) {
        *last = *columns;
    }
    Value { name, axes, is_constant: left.is_constant && right.is_constant }
}

/// With rows and columns exchanged.
fn flipped(graph: &mut Graph, value: &Value) -> Value {
    let rank = value.axes.len();
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 2, rank - 1);
    graph.transposed(value, &order)
}
