//! `Attention` with a mask of truth values, which tract adds to the scores as 0 and 1: a mask is what is added,
//! `Where(mask, 0, −∞)`.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto};

use super::graph::{attribute, constant, node, number, producer};

/// The slot of the mask.
const MASK: usize = 3;

/// Makes summands of the masks of truth values.
pub(super) fn make_summands(graph: &mut GraphProto) {
    for place in (0..graph.node.len()).rev() {
        let attention = &graph.node[place];
        let Some(mask) = attention.input.get(MASK).cloned() else { continue };
        if attention.op_type != "Attention" || !is_boolean(graph, &mask) {
            continue;
        }
        let named = |piece: &str| format!("{}.{piece}", graph.node[place].name);
        let (zero, hidden, summand) = (named("open"), named("hidden"), named("mask"));
        graph.initializer.push(number(&zero, 0.0));
        graph.initializer.push(number(&hidden, f32::NEG_INFINITY));
        graph.node[place].input[MASK] = summand.clone();
        graph.node.insert(place, node(&summand, "Where", &[&mask, &zero, &hidden], &summand));
    }
}

/// Operators that give truth values.
const DECIDE: [&str; 11] = [
    "And",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "IsInf",
    "IsNaN",
    "Less",
    "LessOrEqual",
    "Not",
    "Or",
    "Xor",
];

/// Operators that only move what their first input holds.
const MOVE: [&str; 10] = [
    "Expand",
    "Flatten",
    "Gather",
    "Identity",
    "Reshape",
    "Slice",
    "Squeeze",
    "Transpose",
    "Trilu",
    "Unsqueeze",
];

/// Whether a value is known to hold truth values.
fn is_boolean(graph: &GraphProto, value: &str) -> bool {
    let is_bool = |number_type: i32| number_type == DataType::Bool as i32;
    if let Some(tensor) = constant(graph, value) {
        return is_bool(tensor.data_type);
    }
    let Some(node) = producer(graph, value) else { return false };
    let of_input = |slot: usize| node.input.get(slot).is_some_and(|input| is_boolean(graph, input));
    match node.op_type.as_str() {
        op if DECIDE.contains(&op) => true,
        op if MOVE.contains(&op) => of_input(0),
        "Concat" => of_input(0),
        "Where" => of_input(1),
        "Cast" => attribute(node, "to").is_some_and(|to| to.i == DataType::Bool as i64),
        "ConstantOfShape" => fills_with_bool(node),
        _ => false,
    }
}

fn fills_with_bool(node: &NodeProto) -> bool {
    let value = attribute(node, "value").and_then(|value| value.t.as_ref());
    value.is_some_and(|value| value.data_type == DataType::Bool as i32)
}
