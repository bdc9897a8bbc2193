//! Whether stored tensors have as many numbers as their shapes say.

use anyhow::{Result, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, TensorProto};

use crate::onnx::external::is_external;
use crate::onnx::rewrite::inner_graphs;

/// Checks the tensors of a graph and of its nodes that are in the message; `is_left` says whose numbers are not.
///
/// # Errors
/// Names the first tensor that has others.
pub(in crate::onnx) fn check_data(
    graph: &GraphProto,
    is_left: &dyn Fn(&str) -> bool,
) -> Result<()> {
    let mut stored = graph.initializer.iter().filter(|tensor| !is_left(&tensor.name));
    stored.try_for_each(|tensor| check(tensor, &tensor.name))?;
    graph.node.iter().try_for_each(|node| {
        let attributes = node.attribute.iter();
        let mut tensors = attributes.flat_map(|held| held.t.iter().chain(&held.tensors));
        tensors.try_for_each(|tensor| check(tensor, &node.name))?;
        inner_graphs(node).try_for_each(|graph| check_data(graph, &|_| false))
    })
}

fn check(tensor: &TensorProto, name: &str) -> Result<()> {
    let number_type = DataType::try_from(tensor.data_type).ok();
    let Some(number_type) = number_type.filter(|_| !is_external(tensor)) else { return Ok(()) };
    let Some((size, listed)) = size_and_count(tensor, number_type) else { return Ok(()) };
    let bytes = if tensor.raw_data.is_empty() { listed * size } else { tensor.raw_data.len() };
    let needed = tensor.dims.iter().fold(1, |count: i128, &axis| count.saturating_mul(axis.into()));
    ensure!(
        needed < 0 || needed.saturating_mul(size as i128) == bytes as i128,
        "the stored tensor \"{name}\" has {} numbers, but its shape {:?} needs {needed}: the file is damaged",
        bytes / size,
        tensor.dims
    );
    Ok(())
}

/// The bytes of a number, and how many numbers are in the tensor's list; `None` for types whose numbers share bytes.
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
