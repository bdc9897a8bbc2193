//! Fully connected layers, as matrix products with the weight as it is stored.

use super::bias::PerChannel;
use super::{Bias, Part};
use crate::emit::graph::{Attribute, Graph};
use crate::emit::value::Value;
use crate::linear::{Dense, WeightPart};

/// `part(W) x + bias`, in a shape of `axes`.
pub(super) fn forward(
    graph: &mut Graph,
    map: &Dense,
    input: &Value,
    (part, axes): (Part, &[usize]),
    bias: &Bias,
) -> Value {
    let [outputs, inputs] = [map.weight.shape()[0], map.weight.shape()[1]];
    let rows = rows_of(graph, input, inputs);
    if part.part == WeightPart::One {
        let sums = sum_of_rows(graph, &rows, part.factor);
        let sums = graph.spread(&sums, &[outputs]);
        let sums = like(graph, &sums, axes);
        return bias.added(graph, sums);
    }
    let numbers = bias.per_channel(outputs, |shape| covers_last_axes(shape, axes, outputs));
    let weight = part.of_weight(graph, &map.weight);
    let bias_name = match &numbers {
        PerChannel::Numbers(numbers) => Some(graph.floats(&[outputs], numbers)),
        _ => None,
    };
    let name = product_with_rows(graph, &rows.name, &weight, bias_name.as_deref());
    let output = Value { name, axes: vec![outputs], is_constant: input.is_constant };
    let output = like(graph, &output, axes);
    match numbers {
        PerChannel::Map => bias.added(graph, output),
        _ => output,
    }
}

/// `x Wᵀ + bias` for rows `x`.
fn product_with_rows(graph: &mut Graph, rows: &str, weight: &str, bias: Option<&str>) -> String {
    if !graph.dialect.is_half {
        let operands: Vec<&str> = [rows, weight].into_iter().chain(bias).collect();
        return graph.node("Gemm", &operands, &[("transB", Attribute::Int(1))]);
    }
    // tract has no Gemm in half precision.
    let columns = graph.node("Transpose", &[weight], &[("perm", Attribute::Ints(&[1, 0]))]);
    let product = graph.node("MatMul", &[rows, &columns], &[]);
    match bias {
        Some(bias) => graph.node("Add", &[&product, bias], &[]),
        None => product,
    }
}

/// `part(W)ᵀ s`, in a shape of `axes`.
pub(super) fn transposed(
    graph: &mut Graph,
    map: &Dense,
    sums: &Value,
    (part, axes): (Part, &[usize]),
) -> Value {
    let [outputs, inputs] = [map.weight.shape()[0], map.weight.shape()[1]];
    let rows = rows_of(graph, sums, outputs);
    if part.part == WeightPart::One {
        let sums = sum_of_rows(graph, &rows, part.factor);
        let sums = graph.spread(&sums, &[inputs]);
        return like(graph, &sums, axes);
    }
    let weight = part.of_weight(graph, &map.weight);
    let name = graph.node("MatMul", &[&rows.name, &weight], &[]);
    let handed = Value { name, axes: vec![inputs], is_constant: sums.is_constant };
    like(graph, &handed, axes)
}

/// Whether a bias of `outputs` numbers is one number for each output, the same at every position.
fn covers_last_axes(shape: &[usize], axes: &[usize], outputs: usize) -> bool {
    let mut own = shape.iter().copied().skip_while(|&length| length == 1);
    let own: Vec<usize> = own.by_ref().collect();
    let is_last = axes.len() >= own.len() && axes[axes.len() - own.len()..] == own[..];
    is_last && own.iter().product::<usize>() == outputs
}

/// All positions of all pictures as rows of so many numbers.
fn rows_of(graph: &mut Graph, value: &Value, length: usize) -> Value {
    if value.axes == [length] { value.clone() } else { graph.merged(value, &[length]) }
}

fn like(graph: &mut Graph, rows: &Value, axes: &[usize]) -> Value {
    if rows.axes == axes { rows.clone() } else { graph.merged(rows, axes) }
}

fn sum_of_rows(graph: &mut Graph, rows: &Value, factor: f32) -> Value {
    let sums = graph.summed(rows, &[0]);
    graph.scaled(&sums, factor)
}
