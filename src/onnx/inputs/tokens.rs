//! Token ids: whole numbers that choose rows of tables. Relevance ends at the rows, and a token's is that of its rows.
//!
//! `Gather(table, ids)`, `OneHot(ids)`: the values that come out are cut off from the ids and become inputs of the
//! network, one for each table. Between the input and the table, ids may be moved (sliced, reshaped), shifted (an
//! offset into a shared table) and mapped to other ids; which id a row belongs to is found by sending the places of
//! the ids through the same nodes. What else is computed of ids, masks and positions, is the same for given ids and
//! becomes a constant.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use tract_core::prelude::*;
use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};

use super::super::bytes::Bytes;
use super::super::decode::Span;
use super::super::external::ExternalData;
use super::super::rewrite::{
    attribute, constant, drop_unused, hide_unchecked, node, opset, whole_number,
};
use super::super::typed::into_typed;
use super::super::validate::{Checked, Input, MemoryLimit, validate};
use super::super::weights::declared;
use super::numbers::stored;
use crate::tensor::Tensor as Array;

/// Where the numbers of stored tensors are that were left in the file.
pub(in crate::onnx) struct Files<'a> {
    pub bytes: &'a Arc<Bytes>,
    pub spans: &'a HashMap<String, Span>,
    /// The files beside the model.
    pub external: RefCell<&'a mut ExternalData>,
    /// The most memory that values may take which are computed of them.
    pub limit: MemoryLimit,
}

/// The rows that ids choose of one table.
pub(super) struct Rows {
    /// The value in the graph.
    pub name: String,
    pub values: Array,
    /// For each of its numbers, the place of the id that it belongs to.
    pub origins: Arc<[u32]>,
}

/// A node whose output are rows that ids choose.
struct Lookup {
    place: usize,
    /// The value that holds the ids there.
    ids: String,
}

/// Whether an input holds ids that choose rows of tables.
pub(super) fn are_ids(graph: &GraphProto, input: &str) -> bool {
    !Walk::from(graph, input).lookups.is_empty()
}

/// The way of ids through a graph.
#[derive(Default)]
struct Walk {
    /// The values that hold ids, or what became of them one by one.
    ids: HashSet<String>,
    lookups: Vec<Lookup>,
}

/// Nodes that only move what their first input holds.
const MOVES: [&str; 9] =
    ["Cast", "Expand", "Flatten", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose"];

/// Nodes that compute one number of one.
const ELEMENTWISE: [&str; 10] =
    ["Abs", "Add", "Clip", "Div", "Floor", "Max", "Min", "Mod", "Mul", "Sub"];

impl Walk {
    fn from(graph: &GraphProto, input: &str) -> Walk {
        let mut walk = Walk::default();
        walk.ids.insert(input.to_string());
        let depends = dependent(graph);
        let tables = tables(graph);
        // Rows of whole numbers that are scaled afterwards, with the value that holds their ids.
        let mut scaled: HashMap<String, String> = HashMap::new();
        for (place, node) in graph.node.iter().enumerate() {
            let read = |slot: usize| node.input.get(slot).map_or("", String::as_str);
            let holds = |slot: usize| walk.ids.contains(read(slot));
            let is_dependent = |slot: usize| depends.contains(read(slot));
            let op_type = node.op_type.as_str();
            let carries = (MOVES.contains(&op_type) || op_type == "Unsqueeze") && holds(0)
                || op_type == "Gather" && holds(0) && !is_dependent(1)
                || op_type == "Where" && !is_dependent(2) && holds(1)
                || ELEMENTWISE.contains(&op_type)
                    && (holds(0) && !is_dependent(1) || holds(1) && !is_dependent(0));
            if carries {
                walk.ids.extend(node.output.iter().cloned());
                continue;
            }
            let is_row = op_type == "Gather" && holds(1) && !is_dependent(0) && is_of_rows(node);
            let lookup = |ids: &str| Lookup { place, ids: ids.to_string() };
            match (is_row, tables.get(read(0))) {
                (true, Some(Table::Floats)) => walk.lookups.push(lookup(read(1))),
                (true, Some(Table::Bytes)) => {
                    let outputs = node.output.iter().cloned();
                    scaled.extend(outputs.map(|output| (output, read(1).to_string())));
                }
                // Ids that are mapped to other ids.
                (true, _) => walk.ids.extend(node.output.iter().cloned()),
                _ if op_type == "OneHot" && holds(0) => walk.lookups.push(lookup(read(0))),
                _ if ["DequantizeLinear", "Cast"].contains(&op_type) => {
                    walk.lookups.extend(scaled.get(read(0)).map(|ids| lookup(ids)));
                }
                _ => {}
            }
        }
        walk
    }
}

/// The values that depend on any input.
fn dependent(graph: &GraphProto) -> HashSet<&str> {
    let stored: HashSet<&str> =
        graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs = graph.input.iter().map(|input| input.name.as_str());
    let mut depends: HashSet<&str> = inputs.filter(|name| !stored.contains(name)).collect();
    for node in &graph.node {
        if node.input.iter().any(|name| depends.contains(name.as_str())) {
            depends.extend(node.output.iter().map(String::as_str));
        }
    }
    depends
}

/// Whether a `Gather` takes whole rows.
fn is_of_rows(node: &NodeProto) -> bool {
    attribute(node, "axis").is_none_or(|axis| axis.i == 0)
}

/// What the rows of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Floats,
    /// Quantised numbers.
    Bytes,
    /// Other ids.
    Ids,
}

/// What the values of a graph hold that are made of stored tensors: the type of the tensor behind them.
fn tables(graph: &GraphProto) -> HashMap<&str, Table> {
    let stored = graph.initializer.iter();
    let mut tables: HashMap<&str, Table> =
        stored.filter_map(|tensor| Some((tensor.name.as_str(), Table::of(tensor)?))).collect();
    for node in &graph.node {
        let table = match node.op_type.as_str() {
            "Constant" => attribute(node, "value").and_then(|value| Table::of(value.t.as_ref()?)),
            "DequantizeLinear" | "MatMul" => Some(Table::Floats),
            _ => node.input.first().and_then(|name| tables.get(name.as_str()).copied()),
        };
        let outputs = node.output.iter().filter(|output| !output.is_empty());
        tables.extend(outputs.filter_map(|output| Some((output.as_str(), table?))));
    }
    tables
}

impl Table {
    fn of(stored: &TensorProto) -> Option<Table> {
        Some(match DataType::try_from(stored.data_type).ok()? {
            DataType::Float | DataType::Float16 | DataType::Bfloat16 | DataType::Double => {
                Table::Floats
            }
            DataType::Int8 | DataType::Uint8 => Table::Bytes,
            _ => Table::Ids,
        })
    }
}

/// Cuts the rows that ids choose off from the ids, and computes them for given ids.
///
/// # Errors
/// When they cannot be computed, as for an id that the table has no row of.
pub(super) fn cut(
    model: &mut ModelProto,
    files: &Files,
    reader: &Onnx,
    (input, ids): (&ValueInfoProto, &Array),
) -> Result<Vec<Rows>> {
    let graph = model.graph.as_ref().context("the model has no graph")?;
    let walk = Walk::from(graph, &input.name);
    let mut all = vec![];
    for lookup in &walk.lookups {
        let node = &graph.node[lookup.place];
        let name = node.output.first().context("a node has no output")?.clone();
        let asked = Asked { model, files, reader, input };
        let told = || {
            format!(
                "looking up the ids of \"{}\" in the {} node \"{}\"",
                input.name, node.op_type, node.name
            )
        };
        asked.check_rows(node, &lookup.ids, ids).with_context(told)?;
        let values = asked.value(&name, DataType::Float, ids, None).with_context(told)?;
        let places: Vec<f32> = (0..ids.len()).map(|place| place as f32).collect();
        let places = Array::new(ids.shape(), &places)?;
        let places =
            asked.value(&lookup.ids, DataType::Int64, &places, Some(&walk)).with_context(told)?;
        ensure!(
            !places.is_empty() && values.len().is_multiple_of(places.len()),
            "which ids the {} node \"{}\" looks up cannot be told",
            node.op_type,
            node.name
        );
        let width = values.len() / places.len();
        let origins = places.data().iter();
        let origins = origins.flat_map(|&place| std::iter::repeat_n(place as u32, width));
        all.push(Rows { name, origins: origins.collect(), values });
    }
    let graph = model.graph.as_mut().context("the model has no graph")?;
    for lookup in &walk.lookups {
        if let Some(output) = graph.node[lookup.place].output.first_mut() {
            output.push_str(".looked_up");
        }
    }
    Ok(all)
}

/// A value of a model that is computed of one input alone.
struct Asked<'a, 'f> {
    model: &'a ModelProto,
    files: &'a Files<'f>,
    reader: &'a Onnx,
    input: &'a ValueInfoProto,
}

impl Asked<'_, '_> {
    /// The value for given numbers of the input. Along a `walk`, nodes only move what they read.
    fn value(
        &self,
        name: &str,
        number_type: DataType,
        given: &Array,
        walk: Option<&Walk>,
    ) -> Result<Array> {
        let mut graph = self.model.graph.clone().unwrap_or_default();
        if let Some(walk) = walk {
            graph.node.iter_mut().for_each(|node| only_move(node, walk));
        }
        let result = format!("{name}.value");
        let mut cast = node(&result, "Cast", &[name], &result);
        cast.attribute.push(whole_number("to", number_type as i64));
        graph.node.push(cast);
        graph.output = vec![declared(&result, number_type as i32, None)];
        graph.input.retain(|input| input.name != self.input.name);
        // Places in a list may be more than the number type of the ids has room for.
        let mut input = self.input.clone();
        if walk.is_some() && super::number_type(&input).is_some_and(super::declared::is_whole) {
            input = declared(&input.name, DataType::Int64 as i32, None);
        }
        graph.initializer.push(stored(&input, given)?);
        drop_unused(&mut graph);
        let checked = Input { name: &self.input.name, shape: given.shape(), is_open: false };
        validate(&graph, opset(self.model), checked, (self.files.limit, Checked::All))?;
        hide_unchecked(&mut graph);
        self.complete(&mut graph)?;
        let opset_import = self.model.opset_import.clone();
        let model = ModelProto { graph: Some(graph), opset_import, ..ModelProto::default() };
        let parsed = self.reader.parse(&model, None)?;
        let plan = into_typed(parsed.model, self.files.limit)?.into_runnable()?;
        let value = plan.run(tvec![])?.remove(0).into_tensor();
        Array::from_tract(value.cast_to::<f32>()?.into_owned())
    }

    /// Checks that a table has a row for every id.
    fn check_rows(&self, node: &NodeProto, name: &str, given: &Array) -> Result<()> {
        let graph = self.model.graph.as_ref().context("the model has no graph")?;
        let table = node.input.first().and_then(|table| constant(graph, table));
        let Some(&rows) = table.and_then(|table| table.dims.first()) else { return Ok(()) };
        let chosen = self.value(name, DataType::Int64, given, None)?;
        let is_row = |id: f32| (-(rows as f32)..rows as f32).contains(&id);
        if let Some(id) = chosen.data().iter().find(|&&id| !is_row(id)) {
            bail!("there is no row {id} in the table of {rows} rows: ids are 0 to {}", rows - 1);
        }
        Ok(())
    }

    /// Reads the stored tensors that were left in the file.
    fn complete(&self, graph: &mut GraphProto) -> Result<()> {
        for tensor in &mut graph.initializer {
            if let Some(span) = self.files.spans.get(&tensor.name) {
                tensor.raw_data = vec![0; usize::try_from(span.length)?];
                self.files.bytes.read(span.offset, &mut tensor.raw_data)?;
            }
            self.files.external.borrow_mut().read(tensor)?;
        }
        Ok(())
    }
}

/// Makes a node that computes other ids of ids hand them on as they are.
fn only_move(node: &mut NodeProto, walk: &Walk) {
    let op_type = node.op_type.as_str();
    let holds = |slot: usize| node.input.get(slot).is_some_and(|name| walk.ids.contains(name));
    let maps = op_type == "Gather" && !holds(0) && holds(1);
    let is_ids = node.output.iter().all(|output| walk.ids.contains(output));
    let is_cast = op_type == "Cast";
    if !is_ids || !(maps || is_cast || op_type == "Where" || ELEMENTWISE.contains(&op_type)) {
        return;
    }
    let slot = (0..node.input.len()).find(|&slot| holds(slot) && !(maps && slot == 0));
    if let Some(slot) = slot {
        node.input = vec![node.input[slot].clone()];
        node.op_type = "Identity".to_string();
        node.attribute.clear();
    }
}
