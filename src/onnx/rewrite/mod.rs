//! The messages of a file, rewritten before tract reads them: what tract cannot read, or reads as something else, in
//! operators that it reads right, and nothing that the explained output does not need.
//!
//! | rewrite | identity |
//! |---|---|
//! | [`functions`] | a call of a local function is the function's nodes |
//! | [`scores`] | a class is read off scores: the output is cut back to them |
//! | [`unused`] | what no way leads from to the output plays no part |
//! | [`conditions`] | `If` with a known condition is one of its branches |
//! | [`batch`] | what is computed of a batch is, picture by picture, what is computed of each |
//! | [`microsoft`] | onnxruntime's fused operators are what they were made of |
//! | [`quantized`] | quantised arithmetic is real-valued arithmetic between roundings |
//! | [`training`] | `BatchNormalization` in training form normalises by its signal's own statistics |
//! | [`machine_learning`] | `Scaler`, `LinearClassifier`, `Normalizer` are products, sums and quotients |
//! | [`resize`] | the lengths that factors give are the sizes that corners are aligned of |
//! | [`pools`] | no padding by name is a padding of 0 |
//! | [`celu`] | `celu(x) = max(0, x) + α (exp(min(0, x) / α) − 1)` |
//! | [`swish`] | `swish(x) = x · sigmoid(α x)` |
//! | [`attention_mask`] | a mask of truth values is a summand of 0 and −∞ |
//!
//! [`domains`] refuses what cannot be read by its full name. A new rewrite is a file here and a line in [`run`] or
//! in [`write_out`].

mod attention_mask;
mod batch;
mod celu;
mod conditions;
mod domains;
mod functions;
mod graph;
mod machine_learning;
mod microsoft;
mod pools;
mod quantized;
mod resize;
mod scores;
mod shapes;
mod swish;
mod training;
mod unused;

use anyhow::{Context, Result, ensure};
use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto};

use self::batch::Settled;
#[cfg(test)]
pub(super) use self::graph::node;
pub(super) use self::graph::reads;
pub(super) use self::shapes::shapes;
use super::quantization;
use super::weights::declared;

/// What came of choosing an output.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// The names of the classes, where the file has them behind the scores.
    pub labels: Option<Vec<String>>,
    /// What was assumed, one sentence each.
    pub notes: Vec<String>,
    /// The outputs that were not chosen.
    pub others: Vec<String>,
}

/// Inlines local functions, chooses the output that is explained, and drops what it does not need.
///
/// # Errors
/// When there is no such output, or a function calls itself.
pub(super) fn choose_output(model: &mut ModelProto, wanted: Option<&str>) -> Result<Chosen> {
    functions::inline(model)?;
    let graph = model.graph.as_mut().context("the model has no graph")?;
    name_nodes(graph);
    let mut chosen = Chosen::default();
    let output = output_name(graph, wanted, &mut chosen.notes)?;
    let scores = scores::behind(graph, &output);
    let others = graph.output.iter().map(|declared| declared.name.clone());
    chosen.others = others.filter(|name| *name != output).collect();
    let index = graph.output.iter().position(|declared| declared.name == output);
    let mut kept = graph.output.swap_remove(index.context("the output is gone")?);
    if let Some(scores) = scores {
        chosen.notes.push(format!(
            "the output \"{output}\" is the class that the {} decides: explaining the scores that it reads, \"{}\"",
            scores.decided_by, scores.value
        ));
        chosen.labels = scores.labels;
        kept = declared(&scores.value, DataType::Float as i32, None);
    }
    graph.output = vec![kept];
    unused::drop_unused(graph);
    Ok(chosen)
}

/// Settles what depends on the shape that the input is declared with, and refuses what cannot be read. Returns the shape
/// of one input, the batch axis included.
///
/// # Errors
/// When operators are not known, which are named with their nodes, or a batch is frozen into the file.
pub(super) fn run(
    model: &mut ModelProto,
    reader: &Onnx,
    (input, declared): (&str, &[usize]),
    notes: &mut Vec<String>,
) -> Result<Vec<usize>> {
    conditions::settle(model, reader, (input, declared))?;
    let opset = opset(model);
    let graph = model.graph.as_mut().context("the model has no graph")?;
    microsoft::write_out(graph)?;
    quantized::write_out(graph);
    machine_learning::write_out(graph, opset);
    unused::drop_unused(graph);
    domains::refuse_unknown(reader, graph)?;
    if declared.len() == 1 {
        // A vector is one input, not a batch of numbers.
        batch::add_axis(graph, input, declared)?;
        return Ok(std::iter::once(1).chain(declared.iter().copied()).collect());
    }
    let Some((&batch, axes)) = declared.split_first().filter(|(batch, _)| **batch != 1) else {
        return Ok(declared.to_vec());
    };
    match batch::settle(model, reader, input, declared)? {
        Settled::OnePicture(nodes) => {
            notes.push(format!("the model's batch of {batch} is explained one picture at a time"));
            if !nodes.is_empty() {
                let nodes = nodes.join(", ");
                notes.push(format!("the batch of {batch} is taken out of the shapes of {nodes}"));
            }
            Ok(std::iter::once(1).chain(axes.iter().copied()).collect())
        }
        Settled::NoBatchAxis => {
            notes.push(format!(
                "the input {declared:?} has no batch axis: it is explained as a whole"
            ));
            Ok(std::iter::once(1).chain(declared.iter().copied()).collect())
        }
    }
}

/// Writes out what tract reads as something else, for an input of the given shape. The pieces of a node are named
/// after it, with a suffix.
pub(super) fn write_out(model: &mut ModelProto, reader: &Onnx, input: (&str, &[usize])) {
    let opset = opset(model);
    let aligns_corners =
        model.graph.iter().flat_map(|graph| &graph.node).any(resize::aligns_corners);
    let shapes = aligns_corners.then(|| shapes::shapes(model, reader, input).unwrap_or_default());
    let Some(graph) = &mut model.graph else {
        return;
    };
    resize::rename(graph, opset);
    resize::give_sizes(graph, &shapes.unwrap_or_default());
    pools::name_no_padding(graph);
    celu::write_out(graph);
    swish::write_out(graph);
    attention_mask::make_summands(graph);
    training::mark(graph);
}

/// The operators that rewrites leave behind for tract to read in our way.
pub(super) fn register(reader: &mut Onnx) {
    training::register(reader);
    microsoft::register(reader);
    quantization::register(reader);
}

/// The version of the standard operators.
pub(super) fn opset(model: &ModelProto) -> i64 {
    let is_standard = |domain: &str| ["", "ai.onnx"].contains(&domain);
    let imports = model.opset_import.iter();
    imports
        .filter(|import| is_standard(&import.domain))
        .map(|import| import.version)
        .max()
        .unwrap_or(0)
}

/// Gives nodes without a name that of their first output, as tract does.
fn name_nodes(graph: &mut GraphProto) {
    for node in graph.node.iter_mut().filter(|node| node.name.is_empty()) {
        node.name = node.output.first().cloned().unwrap_or_default();
    }
}

/// The output that is asked for; the first where none is.
fn output_name(
    graph: &GraphProto,
    wanted: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<String> {
    let names: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
    let first = *names.first().context("the model has no output")?;
    if let Some(wanted) = wanted {
        let list = names.join(", ");
        ensure!(names.contains(&wanted), "the model has no output \"{wanted}\"; it has: {list}");
        return Ok(wanted.to_string());
    }
    if names.len() > 1 {
        notes.push(format!(
            "the model has the outputs {}: explaining the first (--output-name sets it)",
            names.join(", ")
        ));
    }
    Ok(first.to_string())
}
