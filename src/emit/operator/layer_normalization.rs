//! LayerNormalization and RMSNormalization.

use crate::emit::graph::{Attribute, Graph};
use crate::emit::value::Value;
use crate::operator::LayerNormalization;

/// What the forward pass leaves: `(x − mean) / deviation` and `1 / deviation`, with the elements of a group along some
/// axes.
struct Normalized {
    value: Value,
    inverse: Value,
    over: Vec<usize>,
}

/// The axes of the value that are normalised over, behind that of the batch; the value is reshaped where it has none.
fn grouped(
    graph: &mut Graph,
    norm: &LayerNormalization,
    value: &Value,
    shape: &[usize],
) -> (Value, Vec<usize>) {
    let is_batch = usize::from(shape.first() == Some(&1));
    if let Some((first, count)) = norm.axes(shape)
        && first >= is_batch
    {
        return (value.clone(), (first - is_batch..first - is_batch + count).collect());
    }
    let (length, stride) = norm.length_and_stride;
    let outer = value.len() / (length * stride).max(1);
    (graph.reshaped(value, &[outer, length, stride]), vec![1])
}

fn normalized(
    graph: &mut Graph,
    norm: &LayerNormalization,
    input: &Value,
    shape: &[usize],
) -> Normalized {
    let (value, over) = grouped(graph, norm, input, shape);
    if let Some(normalized) = as_one_node(graph, norm, &value, &over) {
        return normalized;
    }
    let centred = match norm.is_centred {
        true => {
            let mean = graph.mean(&value, &over);
            graph.subtract(&value, &mean)
        }
        false => value,
    };
    let squares = graph.multiply(&centred, &centred);
    let variance = graph.mean(&squares, &over);
    let variance = graph.shifted(&variance, norm.epsilon);
    let deviation = graph.unary("Sqrt", &variance);
    let mut inverse = graph.unary("Reciprocal", &deviation);
    if norm.epsilon == 0.0 {
        // Equal elements become zeros.
        let is_zero = graph.with_number("Equal", &deviation, 0.0);
        let zero = graph.number(0.0);
        let name = graph.node("Where", &[&is_zero.name, &zero, &inverse.name], &[]);
        inverse = inverse.named(name);
    }
    let value = graph.multiply(&centred, &inverse);
    Normalized { value, inverse, over }
}

/// ONNX's own node, whose further outputs are the mean and `1 / deviation`.
fn as_one_node(
    graph: &mut Graph,
    norm: &LayerNormalization,
    value: &Value,
    over: &[usize],
) -> Option<Normalized> {
    let is_last = over.last() == Some(&(value.axes.len().checked_sub(1)?));
    let has_node = graph.dialect.opset >= 17 && !graph.dialect.is_portable;
    if !(norm.is_centred && norm.epsilon > 0.0 && is_last && has_node) {
        return None;
    }
    let first = *over.first()?;
    let axes = &value.axes[first..];
    let ones = graph.floats(axes, &vec![1.0; axes.iter().product()]);
    let attributes = [
        ("axis", Attribute::Int(first as i64 - value.axes.len() as i64)),
        ("epsilon", Attribute::Float(norm.epsilon)),
    ];
    let outputs = graph.nodes("LayerNormalization", &[&value.name, &ones], &attributes, 3);
    let mut statistics = value.clone();
    over.iter().for_each(|&axis| statistics.axes[axis] = 1);
    Some(Normalized {
        value: value.named(outputs[0].clone()),
        inverse: statistics.named(outputs[2].clone()),
        over: over.to_vec(),
    })
}

pub(super) fn forward(
    graph: &mut Graph,
    norm: &LayerNormalization,
    input: &Value,
    shape: &[usize],
) -> Value {
    let Normalized { value, .. } = normalized(graph, norm, input, shape);
    let mut output = graph.reshaped(&value, &input.axes);
    for (operator, constant) in [("Mul", &norm.scale), ("Add", &norm.shift)] {
        if let Some(constant) = constant {
            output = graph.with_constant(operator, &output, constant);
        }
    }
    output
}

/// `Jᵀ relevance`; with `is_frozen` the deviation is a coefficient.
pub(super) fn gradient(
    graph: &mut Graph,
    norm: &LayerNormalization,
    (input, shape): (&Value, &[usize]),
    relevance: &Value,
    is_frozen: bool,
) -> Value {
    let Normalized { value, inverse, over } = normalized(graph, norm, input, shape);
    let scaled = match &norm.scale {
        Some(scale) => graph.with_constant("Mul", relevance, scale),
        None => relevance.clone(),
    };
    let scaled = graph.reshaped(&scaled, &value.axes);
    let mut handed = scaled.clone();
    if norm.is_centred {
        let mean = graph.mean(&scaled, &over);
        handed = graph.subtract(&handed, &mean);
    }
    if !is_frozen {
        let product = graph.multiply(&scaled, &value);
        let slope = graph.mean(&product, &over);
        let share = graph.multiply(&value, &slope);
        handed = graph.subtract(&handed, &share);
    }
    let handed = graph.multiply(&handed, &inverse);
    graph.reshaped(&handed, &input.axes)
}
