//! Local response normalisation: sums over neighbouring channels are a product with a matrix of a band of ones.

use crate::emit::graph::Graph;
use crate::emit::value::Value;
use crate::operator::ResponseNormalization;

/// For each channel the sum over its neighbours; with `is_transposed` over all channels whose neighbour it is.
fn neighbours(
    graph: &mut Graph,
    norm: &ResponseNormalization,
    value: &Value,
    is_transposed: bool,
) -> Value {
    let channels = value.axes[0];
    let (before, after) = ((norm.size - 1) / 2, norm.size / 2);
    let is_neighbour = |of: usize, other: usize| other + before >= of && other <= of + after;
    let band = (0..channels * channels).map(|at| {
        let (row, column) = (at / channels, at % channels);
        let neighbours =
            if is_transposed { is_neighbour(column, row) } else { is_neighbour(row, column) };
        f32::from(neighbours)
    });
    let band: Vec<f32> = band.collect();
    let band = graph.floats(&[channels, channels], &band);
    let plane = value.axes[1..].iter().product();
    let rows = graph.reshaped(value, &[channels, plane]);
    let name = graph.node("MatMul", &[&band, &rows.name], &[]);
    graph.reshaped(&rows.named(name), &value.axes)
}

/// `bias + alpha / size · Σ x²`.
fn divisors(graph: &mut Graph, norm: &ResponseNormalization, input: &Value) -> Value {
    let squares = graph.multiply(input, input);
    let sums = neighbours(graph, norm, &squares, false);
    let scaled = graph.scaled(&sums, norm.alpha / norm.size as f32);
    graph.shifted(&scaled, norm.bias)
}

pub(super) fn forward(graph: &mut Graph, norm: &ResponseNormalization, input: &Value) -> Value {
    let divisors = divisors(graph, norm, input);
    let factors = graph.with_number("Pow", &divisors, -norm.beta);
    graph.multiply(input, &factors)
}

/// `Jᵀ relevance`; with `is_frozen` the divisors are coefficients.
pub(super) fn gradient(
    graph: &mut Graph,
    norm: &ResponseNormalization,
    input: &Value,
    relevance: &Value,
    is_frozen: bool,
) -> Value {
    let divisors = divisors(graph, norm, input);
    let factors = graph.with_number("Pow", &divisors, -norm.beta);
    let direct = graph.multiply(relevance, &factors);
    if is_frozen {
        return direct;
    }
    let product = graph.multiply(relevance, input);
    let steeper = graph.with_number("Pow", &divisors, -norm.beta - 1.0);
    let product = graph.multiply(&product, &steeper);
    let sums = neighbours(graph, norm, &product, true);
    let through_sum = graph.multiply(&sums, input);
    let through_sum = graph.scaled(&through_sum, -2.0 * norm.alpha * norm.beta / norm.size as f32);
    graph.add(&direct, &through_sum)
}
