//! The numbers of an input as a stored tensor of its number type.

use anyhow::{Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{TensorProto, ValueInfoProto};

use super::declared::{describe, is_float, is_whole, number_type};
use crate::tensor::Tensor;

/// Whole numbers beyond this one are not exact in single precision.
const LARGEST: f32 = 16_777_216.0;

/// Checks that numbers are what an input takes.
///
/// # Errors
/// When it takes whole numbers and gets others, or takes no numbers at all.
pub(super) fn check(input: &ValueInfoProto, values: &Tensor) -> Result<()> {
    let Some(number_type) = number_type(input) else {
        bail!("the input \"{}\" is not a tensor", input.name)
    };
    ensure!(
        is_float(number_type) || is_whole(number_type),
        "the model takes {}, which are no numbers: text must be turned into ids before",
        describe(input)
    );
    let data = values.data();
    let wrong = match is_whole(number_type) {
        true => data.iter().find(|value| value.fract() != 0.0 || !value.is_finite()),
        false => data.iter().find(|value| value.is_nan()),
    };
    if let Some(wrong) = wrong {
        bail!("the model takes {}, but is given the number {wrong}", describe(input));
    }
    let [low, high] = bounds(number_type);
    if let Some(wrong) = data.iter().find(|value| !(low..=high).contains(*value)) {
        bail!("the model takes {}, which the number {wrong} is beyond", describe(input));
    }
    Ok(())
}

/// The numbers that are taken.
fn bounds(number_type: DataType) -> [f32; 2] {
    match number_type {
        DataType::Bool => [0.0, 1.0],
        DataType::Uint8 => [0.0, 255.0],
        DataType::Int8 => [-128.0, 127.0],
        DataType::Uint16 => [0.0, 65_535.0],
        DataType::Int16 => [-32_768.0, 32_767.0],
        DataType::Uint32 | DataType::Uint64 => [0.0, LARGEST],
        DataType::Int32 | DataType::Int64 => [-LARGEST, LARGEST],
        _ => [f32::NEG_INFINITY, f32::INFINITY],
    }
}

/// A stored tensor in the place of an input. Floating point numbers of other types become float32, as all of the model.
///
/// # Errors
/// When the input takes no numbers.
pub(super) fn stored(input: &ValueInfoProto, values: &Tensor) -> Result<TensorProto> {
    let Some(number_type) = number_type(input) else {
        bail!("the input \"{}\" is not a tensor", input.name)
    };
    let data = values.data().iter();
    let (data_type, raw_data) = match number_type {
        DataType::Bool => (number_type, data.map(|&value| u8::from(value != 0.0)).collect()),
        DataType::Uint8 => (number_type, data.map(|&value| value as u8).collect()),
        DataType::Int8 => (number_type, data.flat_map(|&v| (v as i8).to_le_bytes()).collect()),
        DataType::Uint16 => (number_type, data.flat_map(|&v| (v as u16).to_le_bytes()).collect()),
        DataType::Int16 => (number_type, data.flat_map(|&v| (v as i16).to_le_bytes()).collect()),
        DataType::Uint32 => (number_type, data.flat_map(|&v| (v as u32).to_le_bytes()).collect()),
        DataType::Int32 => (number_type, data.flat_map(|&v| (v as i32).to_le_bytes()).collect()),
        DataType::Uint64 => (number_type, data.flat_map(|&v| (v as u64).to_le_bytes()).collect()),
        DataType::Int64 => (number_type, data.flat_map(|&v| (v as i64).to_le_bytes()).collect()),
        _ => (DataType::Float, data.flat_map(|value| value.to_le_bytes()).collect()),
    };
    Ok(TensorProto {
        name: input.name.clone(),
        dims: values.shape().iter().map(|&axis| axis as i64).collect(),
        data_type: data_type as i32,
        raw_data,
        ..TensorProto::default()
    })
}
