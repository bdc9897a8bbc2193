//! Products and quotients of two signals.

use crate::emit::graph::Graph;
use crate::emit::value::Value;

pub(super) fn gradient(
    graph: &mut Graph,
    inputs: &[Value],
    relevance: &Value,
) -> Vec<Option<Value>> {
    let by = |place: usize| {
        let handed = graph.multiply(relevance, &inputs[1 - place]);
        Some(graph.summed_to(&handed, &inputs[place].axes))
    };
    [0, 1].map(by).into()
}

pub(super) fn gradient_of_quotient(
    graph: &mut Graph,
    inputs: &[Value],
    relevance: &Value,
) -> Vec<Option<Value>> {
    let (dividend, divisor) = (&inputs[0], &inputs[1]);
    let by_dividend = graph.divide(relevance, divisor);
    let product = graph.multiply(&by_dividend, dividend);
    let quotient = graph.divide(&product, divisor);
    let by_divisor = graph.unary("Neg", &quotient);
    let by_divisor = graph.summed_to(&by_divisor, &divisor.axes);
    vec![Some(by_dividend), Some(by_divisor)]
}
