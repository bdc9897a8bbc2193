//! The numbers that a model stores: read once, straight into the tensors that the layers will hold.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use tract_core::internal::TypedFact;
use tract_core::ops::konst::Const;
use tract_core::prelude::{DatumType, Tensor as TractTensor};
use tract_hir::infer::InferenceModel;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{GraphProto, TensorProto, TypeProto, ValueInfoProto, type_proto};
use tract_onnx::{data_resolver, model::ParseResult, tensor::load_tensor};

use super::decode::{Bytes, Span};

/// The stored tensors of floating point numbers, by name.
#[derive(Clone)]
pub(super) struct Weights(pub BTreeMap<String, Arc<TractTensor>>);

impl Weights {
    /// Reads the weights and takes them out of the graph, where inputs stand in for them.
    ///
    /// # Errors
    /// When the file cannot be read, or a weight is not what its shape says.
    pub fn take(
        graph: &mut GraphProto,
        left: &[Option<Span>],
        bytes: &Bytes,
        directory: &str,
    ) -> Result<Weights> {
        let mut weights = BTreeMap::new();
        for (place, mut stored) in std::mem::take(&mut graph.initializer).into_iter().enumerate() {
            let span = left.get(place).copied().flatten();
            let read = || format!("reading the weight \"{}\"", stored.name);
            if !is_weight(&stored) {
                if let Some(Span { offset, length }) = span {
                    let mut raw = vec![0; usize::try_from(length)?];
                    bytes.read(offset, &mut raw).with_context(read)?;
                    stored.raw_data = raw;
                }
                graph.initializer.push(stored);
                continue;
            }
            let values = match span {
                Some(span) => read_tensor(&stored, bytes, span).with_context(read)?,
                None => match external_span(&stored, directory) {
                    Some((file, span)) => read_tensor(&stored, &file, span).with_context(read)?,
                    None => load_tensor(&*data_resolver::default(), &stored, Some(directory))
                        .with_context(read)?,
                },
            };
            if !graph.input.iter().any(|input| input.name == stored.name) {
                graph.input.push(declared(&stored));
            }
            weights.insert(stored.name, Arc::new(values));
        }
        Ok(Weights(weights))
    }

    /// Puts the weights in the place of the inputs that stand in for them.
    ///
    /// # Errors
    /// When a name stands for something else too.
    pub fn wire(&self, parsed: ParseResult) -> Result<InferenceModel> {
        let ParseResult { mut model, outlets_by_name, .. } = parsed;
        for (name, values) in &self.0 {
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

fn declared(stored: &TensorProto) -> ValueInfoProto {
    let tensor = type_proto::Tensor { elem_type: stored.data_type, shape: None };
    let value = Some(type_proto::Value::TensorType(tensor));
    ValueInfoProto {
        name: stored.name.clone(),
        r#type: Some(TypeProto { value, ..TypeProto::default() }),
        ..ValueInfoProto::default()
    }
}

/// The tensor whose numbers lie in a part of a file.
fn read_tensor(stored: &TensorProto, bytes: &Bytes, span: Span) -> Result<TractTensor> {
    let number_type = DatumType::try_from(DataType::try_from(stored.data_type)?)?;
    let shape: Vec<usize> =
        stored.dims.iter().map(|&axis| usize::try_from(axis)).collect::<Result<_, _>>()?;
    // Before memory is asked for: a damaged shape may be of any size.
    let expected = byte_count(&shape, number_type).context("its shape is beyond all memory")?;
    ensure!(
        expected == span.length,
        "a tensor of shape {shape:?} takes {expected} bytes, but {} are stored",
        span.length
    );
    let mut tensor = TractTensor::zero_dt(number_type, &shape)?;
    bytes.read(span.offset, tensor.as_bytes_mut())?;
    Ok(tensor)
}

fn byte_count(shape: &[usize], number_type: DatumType) -> Option<u64> {
    let size = number_type.size_of();
    let bytes = shape.iter().try_fold(size, |bytes, &axis| bytes.checked_mul(axis))?;
    u64::try_from(bytes).ok()
}

/// Where a tensor lies that is stored in a file beside the model; `None` where it does not or is not found there, which
/// tract has words for.
fn external_span(stored: &TensorProto, directory: &str) -> Option<(Bytes, Span)> {
    if stored.data_location != Some(DataLocation::External as i32) {
        return None;
    }
    let entry = |key: &str| stored.external_data.iter().find(|entry| entry.key == key);
    let directory = if directory.is_empty() { "." } else { directory };
    let directory = Path::new(directory).canonicalize().ok()?;
    // Through links too it must not leave the folder.
    let path = directory.join(&entry("location")?.value).canonicalize().ok()?;
    let file = File::open(path.starts_with(&directory).then_some(path)?).ok()?;
    let offset = entry("offset").map_or(Some(0), |entry| entry.value.parse().ok())?;
    let rest = file.metadata().ok()?.len().checked_sub(offset)?;
    let length = entry("length").map_or(Some(rest), |entry| entry.value.parse().ok())?;
    (length <= rest).then_some((Bytes::File(file), Span { offset, length }))
}
