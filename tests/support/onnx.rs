//! Builds small ONNX models, byte by byte as an exporter would write them.

use std::path::Path;

use onnxplain::onnx::{LoadOptions, Model};
use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};

/// The length of an axis of an input: a number, or a symbol.
#[derive(Clone, Copy)]
pub enum Axis {
    Fixed(i64),
    Symbol(&'static str),
}

/// A graph that grows node by node; every method that adds a value returns its name.
#[derive(Clone)]
pub struct Graph {
    pub proto: GraphProto,
    pub opset: i64,
}

impl Graph {
    pub fn new(opset: i64) -> Graph {
        Graph { proto: GraphProto { name: "test".to_string(), ..GraphProto::default() }, opset }
    }

    /// A graph with the input `x` of numbers of the given shape.
    pub fn with_input(opset: i64, shape: &[usize]) -> Graph {
        let mut graph = Graph::new(opset);
        graph.input("x", &fixed(shape), DataType::Float);
        graph
    }

    pub fn input(&mut self, name: &str, axes: &[Axis], number_type: DataType) -> String {
        self.proto.input.push(value_info(name, axes, number_type));
        name.to_string()
    }

    pub fn output(&mut self, name: &str) {
        self.proto.output.push(value_info(name, &[], DataType::Float));
    }

    /// A stored tensor.
    pub fn tensor(&mut self, tensor: TensorProto) -> String {
        self.proto.initializer.push(tensor);
        self.proto.initializer.last().unwrap().name.clone()
    }

    /// A stored tensor of `f32`.
    pub fn floats(&mut self, shape: &[usize], values: &[f32]) -> String {
        let name = format!("w{}", self.proto.initializer.len());
        self.tensor(float_tensor(&name, shape, values))
    }

    /// A stored vector of `i64`.
    pub fn ints(&mut self, values: &[i64]) -> String {
        let name = format!("w{}", self.proto.initializer.len());
        self.tensor(TensorProto {
            name,
            dims: vec![values.len() as i64],
            data_type: DataType::Int64 as i32,
            int64_data: values.to_vec(),
            ..TensorProto::default()
        })
    }

    /// A node of one output, both named after the operator and its place.
    pub fn node(&mut self, op: &str, inputs: &[&str], attributes: &[AttributeProto]) -> String {
        let name = format!("{}_{}", op.to_lowercase(), self.proto.node.len());
        let output = format!("{name}_out");
        self.named_node(&name, op, inputs, &[&output], attributes);
        output
    }

    pub fn named_node(
        &mut self,
        name: &str,
        op: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[AttributeProto],
    ) {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        self.proto.node.push(NodeProto {
            name: name.to_string(),
            op_type: op.to_string(),
            input: owned(inputs),
            output: owned(outputs),
            attribute: attributes.to_vec(),
            ..NodeProto::default()
        });
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.bytes_with(vec![])
    }

    /// The file, with local functions.
    pub fn bytes_with(&self, functions: Vec<FunctionProto>) -> Vec<u8> {
        let model = ModelProto {
            functions,
            ir_version: 7,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: self.opset }],
            producer_name: "onnxplain tests".to_string(),
            graph: Some(self.proto.clone()),
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }

    pub fn load(&self) -> anyhow::Result<Model> {
        self.load_with(&LoadOptions::default())
    }

    pub fn load_with(&self, options: &LoadOptions) -> anyhow::Result<Model> {
        load_bytes(&self.bytes(), options)
    }
}

/// Writes a file into a fresh folder and loads it.
pub fn load_bytes(bytes: &[u8], options: &LoadOptions) -> anyhow::Result<Model> {
    let folder = tempfile::tempdir().unwrap();
    load_in(folder.path(), bytes, options)
}

/// Writes a file into a folder and loads it.
pub fn load_in(folder: &Path, bytes: &[u8], options: &LoadOptions) -> anyhow::Result<Model> {
    let path = folder.join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    Model::load(&path, options)
}

pub fn fixed(shape: &[usize]) -> Vec<Axis> {
    shape.iter().map(|&length| Axis::Fixed(length as i64)).collect()
}

fn value_info(name: &str, axes: &[Axis], number_type: DataType) -> ValueInfoProto {
    let dimension = |axis: &Axis| Dimension {
        value: Some(match axis {
            Axis::Fixed(length) => dimension::Value::DimValue(*length),
            Axis::Symbol(symbol) => dimension::Value::DimParam(symbol.to_string()),
        }),
        ..Dimension::default()
    };
    let shape = TensorShapeProto { dim: axes.iter().map(dimension).collect() };
    let tensor = type_proto::Tensor {
        elem_type: number_type as i32,
        shape: (!axes.is_empty()).then_some(shape),
    };
    let value = Some(type_proto::Value::TensorType(tensor));
    let r#type = Some(TypeProto { value, ..TypeProto::default() });
    ValueInfoProto { name: name.to_string(), r#type, ..ValueInfoProto::default() }
}

pub fn float_tensor(name: &str, shape: &[usize], values: &[f32]) -> TensorProto {
    assert_eq!(shape.iter().product::<usize>(), values.len());
    TensorProto {
        name: name.to_string(),
        dims: dims(shape),
        data_type: DataType::Float as i32,
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

pub fn dims(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|&length| length as i64).collect()
}

/// A tensor of `f32` that is stored in a file of its own.
pub fn external_tensor(name: &str, shape: &[usize], location: &str, offset: usize) -> TensorProto {
    let length = shape.iter().product::<usize>() * 4;
    let entry = |key: &str, value: String| StringStringEntryProto { key: key.to_string(), value };
    TensorProto {
        name: name.to_string(),
        dims: dims(shape),
        data_type: DataType::Float as i32,
        data_location: Some(DataLocation::External as i32),
        external_data: vec![
            entry("location", location.to_string()),
            entry("offset", offset.to_string()),
            entry("length", length.to_string()),
        ],
        ..TensorProto::default()
    }
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: name.to_string(), r#type: kind as i32, ..AttributeProto::default() }
}

pub fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: value, ..attribute(name, AttributeType::Int) }
}

pub fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.to_vec(), ..attribute(name, AttributeType::Ints) }
}

pub fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: value, ..attribute(name, AttributeType::Float) }
}

pub fn floats(name: &str, values: &[f32]) -> AttributeProto {
    AttributeProto { floats: values.to_vec(), ..attribute(name, AttributeType::Floats) }
}

pub fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto { s: value.as_bytes().to_vec(), ..attribute(name, AttributeType::String) }
}

pub fn tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto { t: Some(value), ..attribute(name, AttributeType::Tensor) }
}
