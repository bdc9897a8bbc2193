//! Conversions between real numbers and whole numbers of few bits.

use anyhow::{Result, ensure};
use tract_onnx::pb::tensor_proto::DataType;

use super::node::{Node, axis};
use super::value::Value;

/// Fails where there is not a scale for every element of the axis, or every block of them.
fn check_scale(node: &Node) -> Result<()> {
    let (Some(shape), Some(scale)) = (node.shape(0)?, node.shape(1)?) else { return Ok(()) };
    let block = node.int_from("block_size", 0, 0)?;
    if scale.is_empty() || block > 0 {
        return Ok(());
    }
    if scale == [1] {
        return Ok(());
    }
    let axis = axis(node.int("axis")?.unwrap_or(1), shape.len(), "axis")?;
    ensure!(
        scale == [shape[axis]],
        "its scale has the shape {scale:?}, but axis {axis} of its input {shape:?} has {} elements",
        shape[axis]
    );
    Ok(())
}

/// `QuantizeLinear`.
pub(super) fn quantize(node: &Node) -> Result<Vec<Value>> {
    check_scale(node)?;
    let number_type = node.optional(2).and_then(|zero| zero.number_type).unwrap_or(DataType::Uint8);
    Ok(vec![Value { numbers: None, ..node.input(0)?.clone() }.typed(number_type)])
}

/// `DequantizeLinear`.
pub(super) fn dequantize(node: &Node) -> Result<Vec<Value>> {
    check_scale(node)?;
    Ok(vec![Value { numbers: None, ..node.input(0)?.clone() }.typed(DataType::Float)])
}

/// `DynamicQuantizeLinear`: the numbers, their scale and their zero.
pub(super) fn dynamic_quantize(node: &Node) -> Result<Vec<Value>> {
    let value = Value { numbers: None, ..node.input(0)?.clone() };
    let scalar = |number_type| Value::of(vec![]).typed(number_type);
    Ok(vec![value.typed(DataType::Uint8), scalar(DataType::Float), scalar(DataType::Uint8)])
}
