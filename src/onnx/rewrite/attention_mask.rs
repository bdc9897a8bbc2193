//! `Attention` with a mask of truth values, which tract adds to the scores as 0 and 1: a mask is what is added,
//! `Where(mask, 0, −∞)`.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, TensorProto};

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
    let mut value = value;
    // A broken file may compute a value from itself: the walk takes no more steps than there are nodes.
    for _ in 0..=graph.node.len() {
        if let Some(tensor) = constant(graph, value) {
            return is_bool(tensor);
        }
        let Some(node) = producer(graph, value) else { return false };
        let slot = match node.op_type.as_str() {
            op if DECIDE.contains(&op) => return true,
            op if MOVE.contains(&op) => 0,
            "Concat" => 0,
            "Where" => 1,
            "Cast" => {
                return attribute(node, "to").is_some_and(|to| to.i == DataType::Bool as i64);
            }
            "ConstantOfShape" => {
                return attribute(node, "value")
                    .and_then(|fill| fill.t.as_ref())
                    .is_some_and(is_bool);
            }
            _ => return false,
        };
        let Some(input) = node.input.get(slot) else { return false };
        value = input;
    }
    false
}

fn is_bool(tensor: &TensorProto) -> bool {
    tensor.data_type == DataType::Bool as i32
}
