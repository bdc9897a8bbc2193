//! Whether stored tensors have numbers of a type that is read, and as many as their shapes say.

use anyhow::{Context, Result, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};

use super::describe;
use crate::onnx::external::is_external;
use crate::onnx::rewrite::inner_graphs;

/// Checks the tensors of a model and of its nodes that are in the message; `is_left` says whose numbers are not.
///
/// # Errors
/// Names the first tensor that has others.
pub(in crate::onnx) fn check_data(
    model: &ModelProto,
    is_left: &dyn Fn(&str) -> bool,
) -> Result<()> {
    model.graph.as_ref().map_or(Ok(()), |graph| in_graph(graph, is_left))?;
    model.functions.iter().try_for_each(|function| in_nodes(&function.node))
}

fn in_graph(graph: &GraphProto, is_left: &dyn Fn(&str) -> bool) -> Result<()> {
    for tensor in &graph.initializer {
        let told = format!("the stored tensor \"{}\"", tensor.name);
        check_type(tensor).with_context(|| format!("{told} is not valid"))?;
        if !is_left(&tensor.name) {
            check_count(tensor, &told)?;
        }
    }
    in_nodes(&graph.node)
}

fn in_nodes(nodes: &[NodeProto]) -> Result<()> {
    for node in nodes {
        let attributes = node.attribute.iter();
        for tensor in attributes.flat_map(|held| held.t.iter().chain(&held.tensors)) {
            let told = format!("a tensor that {} holds", describe(node));
            check_type(tensor).with_context(|| format!("{told} is not valid"))?;
            check_count(tensor, &told)?;
        }
        inner_graphs(node).try_for_each(|graph| in_graph(graph, &|_| false))?;
    }
    Ok(())
}

/// Fails where the numbers of a tensor are of a type that is not read.
fn check_type(tensor: &TensorProto) -> Result<()> {
    let number_type = number_type("its number type", tensor.data_type.into())?;
    ensure!(
        number_type != DataType::String || tensor.raw_data.is_empty(),
        "its words are stored as raw bytes: the file is damaged"
    );
    Ok(())
}

/// The type of numbers that ONNX writes so, unless it is not read; `what` says what it is the type of.
pub(super) fn number_type(what: &str, written: i64) -> Result<DataType> {
    let known = i32::try_from(written).ok().and_then(|written| DataType::try_from(written).ok());
    let known = known.filter(|known| *known != DataType::Undefined);
    let known =
        known.with_context(|| format!("{what} is {written}, which is no number type of ONNX"))?;
    let is_read =
        known == DataType::String || size_and_count(&TensorProto::default(), known).is_some();
    ensure!(
        is_read,
        "{what} is {}, which is not read: export the model in float32, or quantized to 8 bits",
        known.as_str_name().to_lowercase()
    );
    Ok(known)
}

fn check_count(tensor: &TensorProto, told: &str) -> Result<()> {
    let number_type = DataType::try_from(tensor.data_type).ok();
    let Some(number_type) = number_type.filter(|_| !is_external(tensor)) else { return Ok(()) };
    let Some((size, listed)) = size_and_count(tensor, number_type) else { return Ok(()) };
    let bytes = if tensor.raw_data.is_empty() { listed * size } else { tensor.raw_data.len() };
    let needed = tensor.dims.iter().fold(1, |count: i128, &axis| count.saturating_mul(axis.into()));
    ensure!(
        needed < 0 || needed.saturating_mul(size as i128) == bytes as i128,
        "{told} has {} numbers, but its shape {:?} needs {needed}: the file is damaged",
        bytes / size,
        tensor.dims
    );
    Ok(())
}

/// The bytes of a number, and how many numbers are in the tensor's list; `None` for types that are not read.
fn size_and_count(tensor: &TensorProto, number_type: DataType) -> Option<(usize, usize)> {
    use DataType as D;
    Some(match number_type {
        D::Float => (4, tensor.float_data.len()),
        D::Double => (8, tensor.double_data.len()),
        D::Int64 => (8, tensor.int64_data.len()),
        D::Uint64 => (8, tensor.uint64_data.len()),
        D::Uint32 => (4, tensor.uint64_data.len()),
        D::Int32 => (4, tensor.int32_data.len()),
        D::Int16 | D::Uint16 | D::Float16 | D::Bfloat16 => (2, tensor.int32_data.len()),
        D::Int8 | D::Uint8 | D::Bool => (1, tensor.int32_data.len()),
        _ => return None,
    })
}
