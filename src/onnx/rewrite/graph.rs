//! What rewrites have in common: looking things up in the messages of a graph, and making new ones.

use std::collections::HashSet;

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto};

/// The most numbers that a rewrite stores for a node. The sizes that it works with come out of the file.
pub(super) const MOST_STORED: usize = 1 << 26;

/// Whether so many rows, columns, ... are no more than that.
pub(super) fn can_be_stored(lengths: &[usize]) -> bool {
    let count = lengths.iter().try_fold(1_usize, |count, &length| count.checked_mul(length));
    count.is_some_and(|count| count <= MOST_STORED)
}

/// An attribute of a node.
pub(in crate::onnx) fn attribute<'a>(
    node: &'a NodeProto,
    name: &str,
) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// The graphs inside a node: branches and bodies.
pub(in crate::onnx) fn inner_graphs(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs))
}

/// The same, to be changed.
pub(in crate::onnx) fn inner_graphs_mut(
    node: &mut NodeProto,
) -> impl Iterator<Item = &mut GraphProto> {
    let attributes = node.attribute.iter_mut();
    attributes.flat_map(|attribute| attribute.g.iter_mut().chain(&mut attribute.graphs))
}

/// The values that a graph computes, stores or is given.
pub(super) fn defined(graph: &GraphProto) -> impl Iterator<Item = &str> {
    let computed = graph.node.iter().flat_map(|node| &node.output);
    let stored = graph.initializer.iter().map(|tensor| &tensor.name);
    let given = graph.input.iter().map(|input| &input.name);
    computed.chain(stored).chain(given).map(String::as_str).filter(|name| !name.is_empty())
}

/// The node that computes a value.
pub(in crate::onnx) fn producer<'a>(graph: &'a GraphProto, value: &str) -> Option<&'a NodeProto> {
    let makes = |node: &&NodeProto| node.output.iter().any(|output| output == value);
    graph.node.iter().find(makes).filter(|_| !value.is_empty())
}

/// The stored tensor that a value is: an initializer, or what a `Constant` holds.
pub(in crate::onnx) fn constant<'a>(graph: &'a GraphProto, value: &str) -> Option<&'a TensorProto> {
    let stored = graph.initializer.iter().find(|tensor| tensor.name == value);
    stored.or_else(|| {
        let node = producer(graph, value).filter(|node| node.op_type == "Constant")?;
        attribute(node, "value")?.t.as_ref()
    })
}

/// The values that a node reads, those that its inner graphs read from outside included.
pub(in crate::onnx) fn reads(node: &NodeProto) -> Vec<&str> {
    let mut names: Vec<&str> = node.input.iter().map(String::as_str).collect();
    names.extend(inner_graphs(node).flat_map(reads_of_graph));
    names.retain(|name| !name.is_empty());
    names
}

/// The values that a graph reads from outside.
fn reads_of_graph(graph: &GraphProto) -> Vec<&str> {
    let inner: HashSet<&str> = defined(graph).collect();
    let read = graph.node.iter().flat_map(reads);
    let outputs = graph.output.iter().map(|output| output.name.as_str());
    read.chain(outputs).filter(|name| !inner.contains(name)).collect()
}

/// A node of one output.
pub(in crate::onnx) fn node(name: &str, op_type: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        name: name.to_string(),
        op_type: op_type.to_string(),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.to_string()],
        ..NodeProto::default()
    }
}

/// A whole number as an attribute.
pub(in crate::onnx) fn whole_number(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_string(),
        i: value,
        r#type: AttributeType::Int as i32,
        ..AttributeProto::default()
    }
}

/// Whole numbers as an attribute.
pub(super) fn whole_number_list(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_string(),
        ints: values.to_vec(),
        r#type: AttributeType::Ints as i32,
        ..AttributeProto::default()
    }
}

/// A stored number.
pub(super) fn number(name: &str, value: f32) -> TensorProto {
    TensorProto {
        name: name.to_string(),
        data_type: DataType::Float as i32,
        float_data: vec![value],
        ..TensorProto::default()
    }
}

/// Stored numbers: a vector, or a tensor of the given shape.
pub(super) fn numbers(name: &str, values: &[f32], shape: Option<&[usize]>) -> TensorProto {
    let vector = [values.len()];
    TensorProto {
        name: name.to_string(),
        dims: shape.unwrap_or(&vector).iter().map(|&length| length as i64).collect(),
        data_type: DataType::Float as i32,
        float_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// A stored vector of whole numbers.
pub(in crate::onnx) fn whole_numbers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.to_string(),
        dims: vec![values.len() as i64],
        data_type: DataType::Int64 as i32,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// The numbers of a stored tensor of whole numbers that lies in the messages themselves; `None` where they are not as
/// many as its shape says.
pub(in crate::onnx) fn read_whole_numbers(tensor: &TensorProto) -> Option<Vec<i64>> {
    let count = tensor.dims.iter().try_fold(1_i64, |count, &axis| count.checked_mul(axis))?;
    let values: Vec<i64> = match tensor.int64_data.is_empty() {
        false => tensor.int64_data.clone(),
        true => {
            tensor.raw_data.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect()
        }
    };
    let is_whole = i64::try_from(values.len()).ok()? == count;
    (tensor.data_type == DataType::Int64 as i32 && is_whole).then_some(values)
}

/// Puts nodes in the place of one.
pub(super) fn replace(graph: &mut GraphProto, place: usize, nodes: Vec<NodeProto>) {
    graph.node.splice(place..=place, nodes);
}
