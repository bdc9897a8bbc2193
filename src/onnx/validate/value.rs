//! What is known of a value before anything is computed: its shape, its number type, and its numbers where they are few.

use tract_core::prelude::f16;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{TensorProto, ValueInfoProto, type_proto};

/// The most numbers of a value that are followed: shapes, axes, factors.
const MOST_NUMBERS: usize = 4096;

/// What is known of a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Value {
    /// Its shape; `None` where it is not known.
    pub shape: Option<Vec<usize>>,
    /// Where the shape is not known: the elements that it has at least, unless it is empty.
    pub least_elements: u128,
    /// Its numbers in row-major order, where they are known and few.
    pub numbers: Option<Vec<f64>>,
    /// The type of its numbers.
    pub number_type: Option<DataType>,
    /// Whether it does not depend on the model's input.
    pub is_constant: bool,
}

impl Value {
    /// A value of which nothing is known.
    pub fn unknown() -> Value {
        Value::default()
    }

    /// A value of a shape.
    pub fn of(shape: impl Into<Option<Vec<usize>>>) -> Value {
        Value { shape: shape.into(), ..Value::default() }
    }

    /// The same with a shape that is not known, but whose lengths multiply to so much at least.
    pub fn at_least(self, lengths: impl IntoIterator<Item = i64>) -> Value {
        let lengths = lengths.into_iter().map(|length| length.max(1).unsigned_abs());
        let least_elements =
            lengths.fold(1, |count: u128, length| count.saturating_mul(length.into()));
        Value { shape: None, numbers: None, least_elements, ..self }
    }

    /// A value of a shape whose numbers are known; they are dropped where they are many or do not fit the shape.
    pub fn of_numbers(shape: Vec<usize>, numbers: Option<Vec<f64>>) -> Value {
        let fits = |numbers: &Vec<f64>| {
            numbers.len() <= MOST_NUMBERS && numbers.len() as u128 == element_count(&shape)
        };
        Value { numbers: numbers.filter(fits), ..Value::of(shape) }
    }

    /// The same with another number type.
    pub fn typed(self, number_type: DataType) -> Value {
        Value { number_type: Some(number_type), ..self }
    }

    /// What a stored tensor is.
    pub fn stored(tensor: &TensorProto) -> Value {
        let shape = tensor.dims.iter().map(|&axis| usize::try_from(axis).ok()).collect();
        let number_type = DataType::try_from(tensor.data_type).ok();
        let shape: Option<Vec<usize>> = shape;
        let Some(shape) = shape else { return Value::unknown() };
        let numbers = number_type.and_then(|number_type| stored_numbers(tensor, number_type));
        let numbers =
            numbers.filter(|_| tensor.data_location != Some(DataLocation::External as i32));
        Value { number_type, is_constant: true, ..Value::of_numbers(shape, numbers) }
    }

    /// The number type that an input is declared with.
    pub fn declared_type(input: &ValueInfoProto) -> Option<DataType> {
        let type_proto::Value::TensorType(tensor) = input.r#type.as_ref()?.value.as_ref()?;
        DataType::try_from(tensor.elem_type).ok()
    }

    /// Whether its numbers are whole.
    pub fn is_whole(&self) -> bool {
        use DataType::{Bool, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64};
        let whole = [Bool, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64];
        self.number_type.is_some_and(|number_type| whole.contains(&number_type))
    }

    /// The bytes that it takes in memory, or takes at least where its shape is not known.
    pub fn bytes(&self) -> u128 {
        let size = byte_size(self.number_type.unwrap_or(DataType::Float));
        let count = self.shape.as_ref().map_or(self.least_elements, |shape| element_count(shape));
        count.saturating_mul(size)
    }

    /// Its numbers as whole numbers, as `as` converts them.
    pub fn whole_numbers(&self) -> Option<Vec<i64>> {
        Some(self.numbers.as_ref()?.iter().map(|&number| number as i64).collect())
    }
}

/// The number of elements of a tensor.
pub(in crate::onnx) fn element_count(shape: &[usize]) -> u128 {
    shape.iter().fold(1, |count: u128, &axis| count.saturating_mul(axis as u128))
}

/// Bytes of a number in memory.
fn byte_size(number_type: DataType) -> u128 {
    use DataType as D;
    match number_type {
        D::Bool | D::Int8 | D::Uint8 => 1,
        D::Float16 | D::Bfloat16 | D::Int16 | D::Uint16 => 2,
        D::Double | D::Int64 | D::Uint64 | D::Complex64 => 8,
        D::Complex128 => 16,
        D::Uint4 | D::Int4 | D::Float4e2m1 => 1,
        _ => 4,
    }
}

/// The numbers of a stored tensor that lie in the message.
fn stored_numbers(tensor: &TensorProto, number_type: DataType) -> Option<Vec<f64>> {
    if tensor.raw_data.len() > MOST_NUMBERS * 8 {
        return None;
    }
    fn raw<const SIZE: usize>(bytes: &[u8], number: fn([u8; SIZE]) -> f64) -> Vec<f64> {
        bytes.as_chunks().0.iter().map(|&bytes| number(bytes)).collect()
    }
    let bytes = tensor.raw_data.as_slice();
    let whole = tensor.int32_data.iter();
    let unsigned = tensor.uint64_data.iter();
    let numbers = match number_type {
        DataType::Int64 => raw(bytes, |b| i64::from_le_bytes(b) as f64),
        DataType::Uint64 => raw(bytes, |b| u64::from_le_bytes(b) as f64),
        DataType::Int32 => raw(bytes, |b| i32::from_le_bytes(b).into()),
        DataType::Uint32 => raw(bytes, |b| u32::from_le_bytes(b).into()),
        DataType::Int16 => raw(bytes, |b| i16::from_le_bytes(b).into()),
        DataType::Uint16 => raw(bytes, |b| u16::from_le_bytes(b).into()),
        DataType::Int8 => raw(bytes, |b| i8::from_le_bytes(b).into()),
        DataType::Bool | DataType::Uint8 => raw(bytes, |[byte]| byte.into()),
        DataType::Float16 => raw(bytes, |b| f16::from_le_bytes(b).to_f64()),
        DataType::Bfloat16 => raw(bytes, |b| of_bfloat16(u16::from_le_bytes(b))),
        DataType::Float => raw(bytes, |b| f32::from_le_bytes(b).into()),
        DataType::Double => raw(bytes, f64::from_le_bytes),
        _ => return None,
    };
    if !bytes.is_empty() {
        return Some(numbers);
    }
    Some(match number_type {
        DataType::Int64 => tensor.int64_data.iter().map(|&number| number as f64).collect(),
        DataType::Uint64 | DataType::Uint32 => unsigned.map(|&number| number as f64).collect(),
        DataType::Float16 => whole.map(|&bits| f16::from_bits(bits as u16).to_f64()).collect(),
        DataType::Bfloat16 => whole.map(|&bits| of_bfloat16(bits as u16)).collect(),
        DataType::Float => tensor.float_data.iter().map(|&number| number.into()).collect(),
        DataType::Double => tensor.double_data.clone(),
        _ => whole.map(|&number| number.into()).collect(),
    })
}

/// A bfloat16 is the upper half of a float.
fn of_bfloat16(bits: u16) -> f64 {
    f32::from_bits(u32::from(bits) << 16).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_vector_is_read_from_either_field() {
        let mut tensor = TensorProto {
            dims: vec![2],
            data_type: DataType::Int64 as i32,
            int64_data: vec![3, i64::MAX],
            ..TensorProto::default()
        };
        let value = Value::stored(&tensor);
        assert_eq!(value.whole_numbers().unwrap(), [3, i64::MAX]);
        tensor.raw_data =
            [3, i64::MAX].iter().flat_map(|number: &i64| number.to_le_bytes()).collect();
        tensor.int64_data.clear();
        assert_eq!(Value::stored(&tensor), value);
        assert_eq!(value.bytes(), 16);
        tensor.dims = vec![3];
        assert_eq!(Value::stored(&tensor).numbers, None);
        tensor.dims = vec![-1];
        assert_eq!(Value::stored(&tensor), Value::unknown());
    }

    #[test]
    fn numbers_of_every_type_are_read() {
        let read = |data_type: DataType, raw_data: &[u8]| {
            let (data_type, raw_data) = (data_type as i32, raw_data.to_vec());
            Value::stored(&TensorProto { data_type, raw_data, ..TensorProto::default() }).numbers
        };
        assert_eq!(
            read(DataType::Uint64, &(1_u64 << 40).to_le_bytes()),
            Some(vec![f64::exp2(40.0)])
        );
        assert_eq!(read(DataType::Uint32, &u32::MAX.to_le_bytes()), Some(vec![4_294_967_295.0]));
        assert_eq!(read(DataType::Int16, &(-3_i16).to_le_bytes()), Some(vec![-3.0]));
        assert_eq!(read(DataType::Uint16, &65_535_u16.to_le_bytes()), Some(vec![65_535.0]));
        assert_eq!(read(DataType::Int8, &[0xfe]), Some(vec![-2.0]));
        assert_eq!(read(DataType::Uint8, &[0xfe]), Some(vec![254.0]));
        assert_eq!(read(DataType::Float16, &[0x00, 0xc1]), Some(vec![-2.5]));
        assert_eq!(read(DataType::Bfloat16, &[0x20, 0xc0]), Some(vec![-2.5]));
        let listed = TensorProto {
            data_type: DataType::Float16 as i32,
            int32_data: vec![0xc100],
            ..TensorProto::default()
        };
        assert_eq!(Value::stored(&listed).numbers, Some(vec![-2.5]));
    }

    #[test]
    fn the_bytes_of_a_huge_shape_do_not_overflow() {
        let huge = Value::of(vec![usize::MAX; 9]);
        assert_eq!(huge.bytes(), u128::MAX);
        assert_eq!(Value::unknown().at_least([i64::MAX; 9]).bytes(), u128::MAX);
        assert_eq!(Value::unknown().at_least([3, -1, 0, 5]).bytes(), 60);
        assert_eq!(Value::unknown().bytes(), 0);
    }
}
