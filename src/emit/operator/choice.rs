//! The choice between two signals by a condition.

use crate::emit::graph::Graph;
use crate::emit::value::{Value, axes_of};
use crate::operator::Choice;

pub(super) fn forward(graph: &mut Graph, choice: &Choice, inputs: &[Value]) -> Value {
    let is_zero = graph.with_number("Equal", &inputs[0], 0.0);
    let chosen = graph.choice(&is_zero, &inputs[2], &inputs[1]);
    graph.spread(&chosen, &axes_of(&choice.output_shape))
}

/// The chosen signal gets all of it, the condition nothing.
pub(super) fn gradient(
    graph: &mut Graph,
    inputs: &[Value],
    relevance: &Value,
) -> Vec<Option<Value>> {
    let is_zero = graph.mask("Equal", &inputs[0], 0.0);
    let to_other = graph.multiply(relevance, &is_zero);
    let to_first = graph.subtract(relevance, &to_other);
    let first = graph.summed_to(&to_first, &inputs[1].axes);
    let other = graph.summed_to(&to_other, &inputs[2].axes);
    vec![None, Some(first), Some(other)]
}
