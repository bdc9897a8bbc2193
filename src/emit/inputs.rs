//! The inputs of the graph, and how the network's inputs are made of them.

use anyhow::{Result, ensure};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{TensorShapeProto, TypeProto, ValueInfoProto, type_proto};

use super::graph::{Attribute, Graph};
use super::spec::{GraphInput, InputContent, Output, Picture, Spec, TARGET, Target};
use super::value::{Cut, FLOAT, Value, axes_of};
use crate::network::Layer;

/// Takes the names of inputs and outputs.
///
/// # Errors
/// When the model's input has the name of something else in the graph.
pub(super) fn reserve(graph: &mut Graph, spec: &Spec) -> Result<()> {
    let own = Output::ALL.map(Output::name);
    for input in &spec.inputs {
        ensure!(
            input.name != TARGET && !own.contains(&input.name.as_str()),
            "the model's input is called \"{}\", which is the name of something else in the graph; give it another name",
            input.name
        );
        graph.reserve(&input.name);
    }
    own.iter().chain([&TARGET]).for_each(|name| graph.reserve(name));
    Ok(())
}

/// The network's inputs.
pub(super) fn read(graph: &mut Graph, spec: &Spec, network: &[Layer]) -> Vec<Value> {
    let inputs = spec.inputs.iter().zip(network);
    inputs.map(|(input, layer)| read_one(graph, input, &axes_of(&layer.shape))).collect()
}

fn read_one(graph: &mut Graph, input: &GraphInput, axes: &[usize]) -> Value {
    let given = Value { name: input.name.clone(), axes: axes.to_vec(), is_constant: false };
    graph.enter("input");
    match &input.content {
        InputContent::Floats => given,
        InputContent::Bytes => as_floats(graph, &given),
        InputContent::Picture(picture) => {
            let given = Value { axes: picture_axes(picture, axes), ..given };
            let floats = as_floats(graph, &given);
            let floats = reordered(graph, picture, &floats);
            let numbers = |numbers: &[f32]| graph.floats(&[numbers.len()], numbers);
            let [factors, summands] =
                [&picture.factors, &picture.summands].map(|it| it.as_slice()).map(numbers);
            let scaled = graph.node("Mul", &[&floats.name, &factors], &[]);
            let shifted = graph.node("Add", &[&scaled, &summands], &[]);
            let value = floats.named(shifted);
            match picture.has_channels_first {
                true => graph.transposed(&value, &[2, 0, 1]),
                false => value,
            }
        }
    }
}

/// Relevance of the network's input as the graph's input is arranged.
pub(super) fn arranged_as_given(graph: &mut Graph, input: &GraphInput, relevance: &Value) -> Value {
    let InputContent::Picture(picture) = &input.content else { return relevance.clone() };
    let value = match picture.has_channels_first {
        true => graph.transposed(relevance, &[1, 2, 0]),
        false => relevance.clone(),
    };
    reordered(graph, picture, &value)
}

/// Height, width and channels of a picture, whose network has the given axes.
fn picture_axes(picture: &Picture, axes: &[usize]) -> Vec<usize> {
    match (picture.has_channels_first, axes) {
        (true, &[channels, height, width]) => vec![height, width, channels],
        _ => axes.to_vec(),
    }
}

/// The channels, which are last, in the network's order or back.
fn reordered(graph: &mut Graph, picture: &Picture, value: &Value) -> Value {
    let axis = value.axes.len() - 1;
    let count = value.axes[axis];
    match picture.is_reversed {
        true => graph.slice(value, Cut { axis, start: count - 1, count, step: -1 }),
        false => value.clone(),
    }
}

fn as_floats(graph: &mut Graph, value: &Value) -> Value {
    let name = graph.node("Cast", &[&value.name], &[("to", Attribute::Int(FLOAT))]);
    value.named(name)
}

/// The inputs as the file declares them.
pub(super) fn declared(spec: &Spec, network: &[Layer]) -> Vec<ValueInfoProto> {
    let own = spec.inputs.iter().zip(network).map(|(input, layer)| {
        let axes = axes_of(&layer.shape);
        match &input.content {
            InputContent::Floats => value_info(&input.name, &axes, DataType::Float),
            InputContent::Bytes => value_info(&input.name, &axes, DataType::Uint8),
            InputContent::Picture(picture) => {
                value_info(&input.name, &picture_axes(picture, &axes), DataType::Uint8)
            }
        }
    });
    let target = (spec.target == Target::Input).then(|| value_info(TARGET, &[], DataType::Int64));
    own.chain(target).collect()
}

/// Whether an input holds floating-point numbers.
pub(super) fn is_float(input: &ValueInfoProto) -> bool {
    let value = input.r#type.as_ref().and_then(|declared| declared.value.as_ref());
    matches!(value, Some(type_proto::Value::TensorType(tensor)) if tensor.elem_type == DataType::Float as i32)
}

/// A value with the open axis `N` in front.
pub(super) fn value_info(name: &str, axes: &[usize], number_type: DataType) -> ValueInfoProto {
    let dimension =
        |value: dimension::Value| Dimension { value: Some(value), ..Dimension::default() };
    let batch = dimension(dimension::Value::DimParam("N".to_string()));
    let axes = axes.iter().map(|&axis| dimension(dimension::Value::DimValue(axis as i64)));
    let tensor = type_proto::Tensor {
        elem_type: number_type as i32,
        shape: Some(TensorShapeProto { dim: std::iter::once(batch).chain(axes).collect() }),
    };
    ValueInfoProto {
        name: name.to_string(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}

/// The numbers of a picture's preparation: `(byte · scale − mean) / std` as `factor · byte + summand`.
impl Picture {
    /// Factors and summands of every channel of the network, in its order.
    pub fn new(scale: f64, mean: &[f64], std: &[f64]) -> Picture {
        Picture {
            factors: std.iter().map(|std| (scale / std) as f32).collect(),
            summands: mean.iter().zip(std).map(|(mean, std)| (-mean / std) as f32).collect(),
            is_reversed: false,
            has_channels_first: true,
        }
    }
}
