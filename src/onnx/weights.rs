//! The numbers that a model stores: read once, straight into the tensors that the layers will hold, or left where
//! they are until a layer needs them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use tract_core::internal::TypedFact;
use tract_core::ops::konst::Const;
use tract_core::prelude::{DatumType, Tensor as TractTensor};
use tract_hir::infer::InferenceModel;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto, TensorShapeProto, TypeProto};
use tract_onnx::pb::{ValueInfoProto, type_proto};
use tract_onnx::{data_resolver, model::ParseResult, tensor::load_tensor};

use super::bytes::Bytes;
use super::decode::Span;
use super::external::ExternalData;
use super::number_type::widen;
use crate::linear::Weight;
use crate::tensor::{LazyTensor, Store, View};

/// Bytes of a weight that are worth leaving where they are stored.
const LARGE: u64 = 1 << 14;

/// Bytes of a weight that is multiplied where it lies. Smaller ones gain little, and a file that is cut while a piece of
/// it is mapped ends the process.
const MAPPED: u64 = 1 << 23;

/// The stored tensors of floating point numbers.
pub(super) struct Weights {
    /// Those that were read, by name.
    pub read: BTreeMap<String, Arc<TractTensor>>,
    /// The others. In the graph, inputs behind all others stand in for them, in this order.
    pub left: Vec<Weight>,
}

/// Where the weights of a file lie.
pub(super) struct Places<'a> {
    pub bytes: &'a Arc<Bytes>,
    /// Where each initializer was left in the file that was, by name.
    pub spans: &'a HashMap<String, Span>,
    /// The files beside it.
    pub external: &'a mut ExternalData,
}

impl Weights {
    /// Takes the weights out of the graph, where inputs stand in for them. With `leaves`, large weights of linear
    /// layers are not read yet.
    ///
    /// # Errors
    /// When the file cannot be read, or a weight is not what its shape says.
    pub fn take(graph: &mut GraphProto, places: Places, leaves: bool) -> Result<Weights> {
        let mut weights = Weights { read: BTreeMap::new(), left: vec![] };
        let mut known = HashSet::new();
        let names = if leaves { names_of_weights(graph) } else { HashSet::new() };
        let can_be_left = |stored: &TensorProto| {
            stored.data_type == DataType::Float as i32 && names.contains(&stored.name)
        };
        for stored in std::mem::take(&mut graph.initializer) {
            let place = match places.spans.get(&stored.name).copied() {
                Some(span) => Some(Part { bytes: places.bytes.clone(), span }),
                None => places.external.place(&stored)?.map(|(bytes, span)| Part { bytes, span }),
            };
            let name = stored.name.clone();
            let reading = || format!("reading the weight \"{name}\"");
            ensure!(known.insert(name.clone()), "two weights are called \"{name}\"");
            match place {
                place if stored.data_type == DataType::Bfloat16 as i32 => {
                    let mut stored = stored;
                    if let Some(Part { bytes, span }) = place {
                        let length = usize::try_from(span.length).with_context(reading)?;
                        stored.raw_data = vec![0; length];
                        bytes.read(span.offset, &mut stored.raw_data).with_context(reading)?;
                        stored.data_location = None;
                    }
                    widen(&mut stored);
                    let values = load_tensor(&*data_resolver::default(), &stored, None);
                    stand_in(graph, declared(&name, stored.data_type, None));
                    weights.read.insert(name.clone(), Arc::new(values.with_context(reading)?));
                }
                place if !is_weight(&stored) => {
                    graph.initializer.push(completed(stored, place).with_context(reading)?);
                }
                Some(place) if place.is_large() && can_be_left(&stored) => {
                    let shape = place.shape(&stored).with_context(reading)?;
                    stand_in(graph, declared(&name, stored.data_type, Some(&shape)));
                    weights.left.push(Arc::new(LazyTensor::new(shape, Box::new(place))).into());
                }
                place => {
                    let values = match place {
                        Some(place) => place.read_tensor(&stored),
                        None => load_tensor(&*data_resolver::default(), &stored, None),
                    };
                    stand_in(graph, declared(&name, stored.data_type, None));
                    weights.read.insert(name.clone(), Arc::new(values.with_context(reading)?));
                }
            }
        }
        Ok(weights)
    }

    /// Puts the weights that were read in the place of the inputs that stand in for them.
    ///
    /// # Errors
    /// When a name stands for something else too.
    pub fn wire(&self, parsed: ParseResult) -> Result<InferenceModel> {
        let ParseResult { mut model, outlets_by_name, .. } = parsed;
        for (name, values) in &self.read {
            let outlet = outlets_by_name.get(name).copied();
            let place = model.inputs.iter().position(|&input| Some(input) == outlet);
            let Some((outlet, place)) = outlet.zip(place) else {
                bail!("the name \"{name}\" stands for a weight and for something else");
            };
            model.inputs.remove(place);
            let fact = TypedFact::try_from(Arc::clone(values))?;
            model.set_outlet_fact(outlet, fact.into())?;
            model.nodes[outlet.node].op = Const::new(Arc::clone(values))?.into();
        }
        Ok(model)
    }
}

/// Whether a stored tensor holds numbers of a type that tract computes with.
fn is_weight(stored: &TensorProto) -> bool {
    [DataType::Float, DataType::Float16, DataType::Double]
        .map(|number_type| number_type as i32)
        .contains(&stored.data_type)
}

/// An input of a number type, which is that of a [`TensorProto`].
pub(super) fn declared(name: &str, number_type: i32, shape: Option<&[usize]>) -> ValueInfoProto {
    let dimension = |&length: &usize| {
        let value = Some(dimension::Value::DimValue(length as i64));
        Dimension { value, ..Dimension::default() }
    };
    let shape = shape.map(|shape| TensorShapeProto { dim: shape.iter().map(dimension).collect() });
    let tensor = type_proto::Tensor { elem_type: number_type, shape };
    let value = Some(type_proto::Value::TensorType(tensor));
    ValueInfoProto {
        name: name.to_string(),
        r#type: Some(TypeProto { value, ..TypeProto::default() }),
        ..ValueInfoProto::default()
    }
}

/// The names of tensors that are weights of convolutions and dense layers, and nothing else.
fn names_of_weights(graph: &GraphProto) -> HashSet<String> {
    let reads_outside = |node: &NodeProto| {
        node.attribute.iter().any(|value| value.g.is_some() || !value.graphs.is_empty())
    };
    // Inner graphs read what they like.
    if graph.node.iter().any(reads_outside) {
        return HashSet::new();
    }
    let is_weight = |node: &NodeProto, slot: usize| {
        slot == 1 && ["Conv", "Gemm", "MatMul"].contains(&node.op_type.as_str())
    };
    let (mut weights, mut others) = (HashSet::new(), HashSet::new());
    others.extend(graph.output.iter().map(|output| &output.name));
    for node in &graph.node {
        for (slot, name) in node.input.iter().enumerate() {
            if is_weight(node, slot) { &mut weights } else { &mut others }.insert(name);
        }
    }
    weights.difference(&others).map(|name| name.to_string()).collect()
}

/// A tensor that is no weight, with its numbers.
fn completed(mut stored: TensorProto, place: Option<Part>) -> Result<TensorProto> {
    if let Some(Part { bytes, span }) = place {
        stored.raw_data = vec![0; usize::try_from(span.length)?];
        bytes.read(span.offset, &mut stored.raw_data)?;
        stored.data_location = None;
        stored.external_data.clear();
    }
    Ok(stored)
}

/// Puts an input in the place of a weight, behind all other inputs.
fn stand_in(graph: &mut GraphProto, declared: ValueInfoProto) {
    graph.input.retain(|input| input.name != declared.name);
    graph.input.push(declared);
}

/// A part of a file, the numbers of a tensor.
#[derive(Debug)]
struct Part {
    bytes: Arc<Bytes>,
    span: Span,
}

impl Part {
    /// Whether it is worth leaving where it is.
    fn is_large(&self) -> bool {
        self.span.length >= LARGE
    }

    /// The shape of the tensor.
    fn shape(&self, stored: &TensorProto) -> Result<Vec<usize>> {
        let number_type = number_type(stored)?;
        let shape: Vec<usize> =
            stored.dims.iter().map(|&axis| usize::try_from(axis)).collect::<Result<_, _>>()?;
        // Before memory is asked for: a damaged shape may be of any size.
        let expected = byte_count(&shape, number_type).context("its shape is beyond all memory")?;
        ensure!(
            expected == self.span.length,
            "a tensor of shape {shape:?} takes {expected} bytes, but {} are stored",
            self.span.length
        );
        Ok(shape)
    }

    fn read_tensor(&self, stored: &TensorProto) -> Result<TractTensor> {
        let mut tensor = TractTensor::zero_dt(number_type(stored)?, &self.shape(stored)?)?;
        self.bytes.read(self.span.offset, tensor.as_bytes_mut())?;
        Ok(tensor)
    }
}

impl Store for Part {
    fn read(&self, first: usize, numbers: &mut [f32]) -> Result<()> {
        let offset = self.span.offset + (first * size_of::<f32>()) as u64;
        self.bytes.read_late(offset, bytemuck::cast_slice_mut(numbers))
    }

    fn bytes(&self, first: usize, len: usize) -> Result<Option<View<'_>>> {
        let place = |numbers: usize| numbers * size_of::<f32>();
        let view = || self.bytes.view_late(self.span.offset + place(first) as u64, place(len));
        (self.span.length >= MAPPED).then(view).transpose()
    }
}

fn number_type(stored: &TensorProto) -> Result<DatumType> {
    DatumType::try_from(DataType::try_from(stored.data_type)?)
}

fn byte_count(shape: &[usize], number_type: DatumType) -> Option<u64> {
    let size = number_type.size_of();
    let bytes = shape.iter().try_fold(size, |bytes, &axis| bytes.checked_mul(axis))?;
    u64::try_from(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn weight(name: &str) -> TensorProto {
        TensorProto {
            name: name.to_string(),
            dims: vec![1],
            data_type: DataType::Float as i32,
            float_data: vec![0.5],
            ..TensorProto::default()
        }
    }

    #[test]
    fn a_name_stands_for_one_weight() {
        let bytes = Arc::new(Bytes::Memory(vec![]));
        let take = |names: &[&str]| {
            let mut external = ExternalData::beside(Path::new("model.onnx"));
            let places = Places { bytes: &bytes, spans: &HashMap::new(), external: &mut external };
            let initializer = names.iter().map(|name| weight(name)).collect();
            let mut graph = GraphProto { initializer, ..GraphProto::default() };
            Weights::take(&mut graph, places, true).map(|weights| weights.read.len())
        };
        assert_eq!(take(&["a", "b"]).unwrap(), 2);
        let told = take(&["a", "b", "a"]).unwrap_err().to_string();
        assert_eq!(told, "two weights are called \"a\"");
    }

    #[test]
    fn only_weights_of_linear_layers_are_left() {
        let node = |op_type: &str, input: &[&str]| NodeProto {
            op_type: op_type.to_string(),
            input: input.iter().map(ToString::to_string).collect(),
            ..NodeProto::default()
        };
        let graph = GraphProto {
            node: vec![
                node("Conv", &["x", "filters", "bias"]),
                node("Gemm", &["y", "matrix", "bias"]),
                node("MatMul", &["z", "shared"]),
                node("Add", &["z", "shared"]),
            ],
            ..GraphProto::default()
        };
        let mut names: Vec<String> = names_of_weights(&graph).into_iter().collect();
        names.sort();
        assert_eq!(names, ["filters", "matrix"]);
    }
}
