//! Stored tensors of a graph: numbers that are held in memory, and weights that are read when the file is written.

use anyhow::Result;
use tract_core::prelude::f16;
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::linear::Weight;

/// What is stored: tensors of the same content are the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Content {
    /// The shape and the bits of every number.
    Floats(Vec<usize>, Vec<u32>),
    Ints(Vec<usize>, Vec<i64>),
    /// The shape and the place of the numbers in memory.
    Weight(Vec<usize>, usize),
}

impl Content {
    pub fn floats(shape: &[usize], numbers: &[f32]) -> Content {
        Content::Floats(shape.to_vec(), numbers.iter().map(|number| number.to_bits()).collect())
    }

    /// Weights are told apart by where they are, so that they need not be read.
    pub fn of_weight(weight: &Weight) -> Content {
        Content::Weight(weight.shape().to_vec(), weight.identity())
    }
}

/// A stored tensor.
#[derive(Clone, Debug)]
pub(super) struct Initializer {
    pub name: String,
    pub dims: Vec<usize>,
    /// Whether floating-point numbers are written with 16 bits.
    pub is_half: bool,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    Weight(Weight),
}

impl Initializer {
    pub fn of_content(name: &str, content: &Content) -> Initializer {
        let (dims, data) = match content {
            Content::Floats(dims, bits) => {
                (dims, Data::Floats(bits.iter().map(|&bits| f32::from_bits(bits)).collect()))
            }
            Content::Ints(dims, numbers) => (dims, Data::Ints(numbers.clone())),
            // Weights have their own constructor.
            Content::Weight(dims, _) => (dims, Data::Floats(vec![])),
        };
        Initializer { name: name.to_string(), dims: dims.clone(), is_half: false, data }
    }

    pub fn of_weight(name: &str, weight: Weight) -> Initializer {
        let dims = weight.shape().to_vec();
        Initializer { name: name.to_string(), dims, is_half: false, data: Data::Weight(weight) }
    }

    /// Bytes that it takes in the file.
    pub fn size(&self) -> u64 {
        let elements = self.dims.iter().map(|&axis| axis as u64).product::<u64>();
        elements
            * match (&self.data, self.is_half) {
                (Data::Ints(_), _) => 8,
                (_, false) => 4,
                (_, true) => 2,
            }
    }

    /// Whether it holds floating-point numbers.
    pub fn is_float(&self) -> bool {
        !matches!(self.data, Data::Ints(_))
    }

    /// The numbers as the file has them.
    ///
    /// # Errors
    /// When the weight cannot be read from the model's file any more.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        Ok(match &self.data {
            Data::Floats(numbers) => self.little_endian(numbers),
            Data::Ints(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Data::Weight(weight) => self.little_endian(weight.load()?.data()),
        })
    }

    /// The message without its numbers.
    pub fn header(&self) -> TensorProto {
        let number_type = match (self.is_float(), self.is_half) {
            (false, _) => DataType::Int64,
            (true, false) => DataType::Float,
            (true, true) => DataType::Float16,
        };
        TensorProto {
            name: self.name.clone(),
            dims: self.dims.iter().map(|&axis| axis as i64).collect(),
            data_type: number_type as i32,
            ..TensorProto::default()
        }
    }

    fn little_endian(&self, numbers: &[f32]) -> Vec<u8> {
        match self.is_half {
            true => {
                numbers.iter().flat_map(|&number| f16::from_f32(number).to_le_bytes()).collect()
            }
            false => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        }
    }
}
