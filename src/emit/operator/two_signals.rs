//! Elementwise functions of two signals: maximum, minimum, comparisons, powers, remainders.

use anyhow::Result;

use super::function::{binary, slope_values};
use crate::emit::graph::Graph;
use crate::emit::value::Value;
use crate::operator::TwoSignals;

pub(super) fn forward(graph: &mut Graph, function: &TwoSignals, inputs: &[Value]) -> Value {
    let result = binary(graph, function.operation, &inputs[0], &inputs[1]);
    Value { axes: inputs[0].axes.clone(), ..result }
}

pub(super) fn gradient(
    graph: &mut Graph,
    function: &TwoSignals,
    inputs: &[Value],
    relevance: &Value,
) -> Result<Vec<Option<Value>>> {
    let (a, b) = (&inputs[0], &inputs[1]);
    let y = forward(graph, function, inputs);
    let slopes = slope_values(graph, function.operation, (a, b), &y);
    // Of equal signals each gets half, so that no relevance is lost.
    let half = function.has_winner().then(|| {
        let equal = graph.binary("Equal", a, b);
        let equal = graph.as_number(&equal);
        graph.scaled(&equal, 0.5)
    });
    let handed = slopes.map(|slope| {
        let slope = match (&half, slope?) {
            (Some(half), slope) => graph.add(&slope, half),
            (None, slope) => slope,
        };
        Some(graph.multiply(relevance, &slope))
    });
    Ok(handed.into())
}
