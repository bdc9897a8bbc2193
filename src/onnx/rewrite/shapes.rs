//! The shapes of all values of a graph, for an input of a given shape: what tract's analysis says, without weights.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use tract_core::internal::DimLike;
use tract_core::prelude::{DatumType, OutletId, Tensor};
use tract_hir::infer::{Factoid, InferenceFact, InferenceModel, InferenceModelExt};
use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto};

use super::domains::hide_unchecked;
use super::unused::drop_unused;
use crate::onnx::typed::into_typed;
use crate::onnx::validate::MemoryLimit;
use crate::onnx::weights::declared;

/// The shape of every value that has a known one, by name.
pub(in crate::onnx) type Shapes = HashMap<String, Vec<usize>>;

/// Analyses a graph whose input has the given name and shape.
///
/// # Errors
/// When the graph cannot be analysed with such an input.
pub(in crate::onnx) fn shapes(
    model: &ModelProto,
    reader: &Onnx,
    input: (&str, &[usize]),
) -> Result<Shapes> {
    let graph = model.graph.as_ref().context("the model has no graph")?;
    let (mut analysed, outlets) = parse(model, reader, outline(graph), input)?;
    analysed.analyse(false)?;
    let shape = |outlet| {
        let shape = analysed.outlet_fact(outlet).ok()?.shape.concretize()?;
        shape.iter().map(|axis| axis.to_usize().ok()).collect::<Option<Vec<usize>>>()
    };
    let known = outlets.into_iter().filter_map(|(name, outlet)| Some((name, shape(outlet)?)));
    Ok(known.collect())
}

/// The value of the graph that does not depend on more than the input's shape, where tract can tell it.
pub(super) fn known_value(
    model: &ModelProto,
    reader: &Onnx,
    (value, data_type): (&str, DataType),
    input: (&str, &[usize]),
) -> Option<Arc<Tensor>> {
    let mut graph = outline(model.graph.as_ref()?);
    graph.output = vec![declared(value, data_type as i32, None)];
    drop_unused(&mut graph);
    if has_inner_graph(&graph) {
        return None;
    }
    let (asked, _) = parse(model, reader, graph, input).ok()?;
    let typed = into_typed(asked, MemoryLimit::NONE).ok()?.into_decluttered().ok()?;
    let outlet = *typed.output_outlets().ok()?.first()?;
    typed.outlet_fact(outlet).ok()?.konst.clone()
}

/// The shape of one value, where what it is computed from can be analysed.
pub(super) fn shape_of(
    model: &ModelProto,
    reader: &Onnx,
    value: &str,
    input: (&str, &[usize]),
) -> Option<Vec<usize>> {
    let graph = model.graph.as_ref()?;
    if let Some(tensor) = graph.initializer.iter().find(|tensor| tensor.name == value) {
        return tensor.dims.iter().map(|&axis| usize::try_from(axis).ok()).collect();
    }
    let mut graph = outline(graph);
    graph.output = vec![declared(value, DataType::Float as i32, None)];
    drop_unused(&mut graph);
    if has_inner_graph(&graph) {
        return None;
    }
    let (mut asked, outlets) = parse(model, reader, graph, input).ok()?;
    asked.analyse(false).ok()?;
    let shape = asked.outlet_fact(*outlets.get(value)?).ok()?.shape.concretize()?;
    shape.iter().map(|axis| axis.to_usize().ok()).collect()
}

fn has_inner_graph(graph: &GraphProto) -> bool {
    graph.node.iter().any(|node| ["If", "Loop", "Scan"].contains(&node.op_type.as_str()))
}

/// tract's graph of some messages, with a given input, and where the values are in it.
pub(super) fn parse(
    model: &ModelProto,
    reader: &Onnx,
    mut graph: GraphProto,
    (input, shape): (&str, &[usize]),
) -> Result<(InferenceModel, HashMap<String, OutletId>)> {
    hide_unchecked(&mut graph);
    let place = graph.input.iter().position(|declared| declared.name == input);
    let opset_import = model.opset_import.clone();
    let asked = ModelProto { graph: Some(graph), opset_import, ..ModelProto::default() };
    let parsed = reader.parse(&asked, None)?;
    let mut model = parsed.model;
    if let Some(place) = place {
        let outlet = model.input_outlets()?[place];
        let number_type = model.outlet_fact(outlet)?.datum_type.concretize();
        let fact = InferenceFact::dt_shape(number_type.unwrap_or(DatumType::F32), shape);
        model.set_input_fact(place, fact)?;
    }
    Ok((model, parsed.outlets_by_name))
}

/// The graph with inputs in the place of weights whose numbers were left in the file: shapes do not depend on them.
pub(super) fn outline(graph: &GraphProto) -> GraphProto {
    let mut outline = graph.clone();
    let is_here = |tensor: &TensorProto| {
        let is_empty = tensor.raw_data.is_empty()
            && tensor.float_data.is_empty()
            && tensor.int32_data.is_empty()
            && tensor.int64_data.is_empty()
            && tensor.double_data.is_empty();
        !is_empty || tensor.dims.contains(&0)
    };
    for tensor in outline.initializer.extract_if(.., |tensor| !is_here(tensor)) {
        let shape = tensor.dims.iter().map(|&axis| usize::try_from(axis).unwrap_or(0));
        let shape: Vec<usize> = shape.collect();
        outline.input.retain(|input| input.name != tensor.name);
        let is_half = tensor.data_type == DataType::Bfloat16 as i32;
        let number_type = if is_half { DataType::Float as i32 } else { tensor.data_type };
        outline.input.push(declared(&tensor.name, number_type, Some(&shape)));
    }
    outline
}
