//! What the file declares about its inputs: number types and axes, some of them by a symbol.

use anyhow::{Result, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Axis;
use tract_onnx::pb::{ValueInfoProto, type_proto};

/// The number type of an input; `None` where it is no tensor.
pub(in crate::onnx) fn number_type(input: &ValueInfoProto) -> Option<DataType> {
    let type_proto::Value::TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
    DataType::try_from(tensor.elem_type).ok()
}

/// Whether numbers of a type are floating point numbers.
pub(super) fn is_float(number_type: DataType) -> bool {
    use DataType::{Bfloat16, Double, Float, Float16};
    matches!(number_type, Float | Float16 | Bfloat16 | Double)
}

/// Whether numbers of a type are whole.
pub(super) fn is_whole(number_type: DataType) -> bool {
    use DataType::{Bool, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64};
    matches!(number_type, Bool | Int8 | Int16 | Int32 | Int64 | Uint8 | Uint16 | Uint32 | Uint64)
}

/// Fails for an input of a number type that is not read.
pub(super) fn check_type(input: &ValueInfoProto) -> Result<()> {
    let is_read = number_type(input).is_none_or(|kind| is_float(kind) || is_whole(kind));
    ensure!(
        is_read,
        "the input {} is of a type that is not read: export it with numbers",
        describe(input)
    );
    Ok(())
}

/// The word for a number type.
fn word(number_type: Option<DataType>) -> String {
    match number_type {
        Some(DataType::Float) => "float32".to_string(),
        Some(DataType::Double) => "float64".to_string(),
        Some(other) => format!("{other:?}").to_lowercase(),
        None => "no tensor".to_string(),
    }
}

/// An input as messages name it: `"mask" (int64 [1, sequence])`.
pub(super) fn describe(input: &ValueInfoProto) -> String {
    let axis = |dimension: &Dimension| match &dimension.value {
        Some(Axis::DimValue(length)) => length.to_string(),
        Some(Axis::DimParam(symbol)) if !symbol.is_empty() => symbol.clone(),
        _ => "?".to_string(),
    };
    let shape = match axes(input) {
        Some(axes) => format!("[{}]", axes.iter().map(axis).collect::<Vec<_>>().join(", ")),
        None => "of any shape".to_string(),
    };
    format!("\"{}\" ({} {shape})", input.name, word(number_type(input)))
}

/// Inputs as messages name them.
pub(super) fn describe_all<'a>(inputs: impl Iterator<Item = &'a ValueInfoProto>) -> String {
    inputs.map(describe).collect::<Vec<_>>().join(", ")
}

/// The axes that an input is declared with.
pub(super) fn axes(input: &ValueInfoProto) -> Option<&[Dimension]> {
    let type_proto::Value::TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
    Some(&tensor.shape.as_ref()?.dim)
}

/// The axes that an input is declared with, to be changed.
pub(super) fn axes_mut(input: &mut ValueInfoProto) -> Option<&mut Vec<Dimension>> {
    let type_proto::Value::TensorType(tensor) = input.r#type.as_mut()?.value.as_mut()?;
    Some(&mut tensor.shape.as_mut()?.dim)
}
