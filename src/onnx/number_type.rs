//! Makes a model of float16, bfloat16 or float64 one of float32, the only number type that relevance is computed in.
//!
//! tract would run such a model as it is, but not every operator (a Gemm's bias is multiplied by a
//! float32). So stored weights get a Cast behind them, and inputs and Casts are declared float32.

use std::collections::HashMap;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, type_proto};

use super::decode::Span;
use super::rewrite::inner_graphs_mut;

/// Rewrites the graph; what tract reads of it is float32 or no floating point number at all. Weights that were left in
/// the file get other names, by which `spans` has them then.
pub(super) fn make_float32(graph: &mut GraphProto, spans: &mut HashMap<String, Span>) {
    let mut casts = vec![];
    for weight in &mut graph.initializer {
        if is_other_float(weight.data_type) {
            let span = spans.remove(&weight.name);
            casts.push(cast_behind(&mut weight.name));
            spans.extend(span.map(|span| (weight.name.clone(), span)));
        }
    }
    for node in &mut graph.node {
        if node.op_type == "Cast" {
            let to = node.attribute.iter_mut().find(|attribute| attribute.name == "to");
            if let Some(to) = to.filter(|to| i32::try_from(to.i).is_ok_and(is_other_float)) {
                to.i = DataType::Float as i64;
            }
        }
        let value = node.attribute.iter().find_map(|attribute| attribute.t.as_ref());
        let is_constant = node.op_type == "Constant"
            && value.is_some_and(|value: &TensorProto| is_other_float(value.data_type));
        if let Some(output) = node.output.first_mut().filter(|_| is_constant) {
            casts.push(cast_behind(output));
        }
    }
    graph.node.splice(0..0, casts);
    for input in &mut graph.input {
        let declared = input.r#type.as_mut().and_then(|declared| declared.value.as_mut());
        if let Some(type_proto::Value::TensorType(tensor)) = declared
            && is_other_float(tensor.elem_type)
        {
            tensor.elem_type = DataType::Float as i32;
        }
    }
}

/// Makes float32 of the bfloat16 numbers that lie in the messages: tract has no such type.
pub(super) fn widen_bfloat16(model: &mut ModelProto) {
    model.graph.iter_mut().for_each(widen_in_graph);
    model.functions.iter_mut().for_each(|function| widen_in_nodes(&mut function.node));
}

fn widen_in_graph(graph: &mut GraphProto) {
    graph.initializer.iter_mut().for_each(widen_where_it_lies);
    widen_in_nodes(&mut graph.node);
}

fn widen_in_nodes(nodes: &mut [NodeProto]) {
    for node in nodes {
        let attributes = node.attribute.iter_mut();
        attributes.filter_map(|attribute| attribute.t.as_mut()).for_each(widen_where_it_lies);
        inner_graphs_mut(node).for_each(widen_in_graph);
    }
}

fn widen_where_it_lies(tensor: &mut TensorProto) {
    if !tensor.raw_data.is_empty() || !tensor.int32_data.is_empty() {
        widen(tensor);
    }
}

/// Makes float32 of a stored tensor of bfloat16, whose numbers are the upper halves of such.
pub(super) fn widen(tensor: &mut TensorProto) {
    if tensor.data_type != DataType::Bfloat16 as i32 {
        return;
    }
    let of_bytes = |&bytes: &[u8; 2]| u16::from_le_bytes(bytes);
    let halves: Vec<u16> = match tensor.raw_data.is_empty() {
        true => tensor.int32_data.iter().map(|&number| number as u16).collect(),
        false => tensor.raw_data.as_chunks().0.iter().map(of_bytes).collect(),
    };
    let whole = halves.iter().flat_map(|&half| (u32::from(half) << 16).to_le_bytes());
    tensor.raw_data = whole.collect();
    tensor.int32_data.clear();
    tensor.data_type = DataType::Float as i32;
}

fn is_other_float(data_type: i32) -> bool {
    [DataType::Float16, DataType::Bfloat16, DataType::Double].map(|t| t as i32).contains(&data_type)
}

/// Renames a value and returns the node that makes a float32 of it, under its old name.
fn cast_behind(value: &mut String) -> NodeProto {
    let name = std::mem::take(value);
    *value = format!("{name}.stored");
    let to = AttributeProto {
        name: "to".to_string(),
        i: DataType::Float as i64,
        r#type: tract_onnx::pb::attribute_proto::AttributeType::Int as i32,
        ..AttributeProto::default()
    };
    NodeProto {
        name: format!("{name}.float32"),
        op_type: "Cast".to_string(),
        input: vec![value.clone()],
        output: vec![name],
        attribute: vec![to],
        ..NodeProto::default()
    }
}
