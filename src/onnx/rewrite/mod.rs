//! The messages of a file, rewritten before tract reads them: what tract cannot read, or reads as something else, in
//! operators that it reads right, and nothing that the explained output does not need.
//!
//! | rewrite | identity |
//! |---|---|
//! | [`functions`] | a call of a local function is the function's nodes |
//! | [`scores`] | a class is read off scores: the output is cut back to them |
//! | [`unused`] | what no way leads from to the output plays no part |
//! | [`reduce`] | scores of all positions become one score a class: their mean, their largest, or those of one position |
//! | [`conditions`] | `If` with a known condition is one of its branches |
//! | [`loops`] | a loop of a known length is its body, turn by turn |
//! | [`spectra`] | a Fourier transform of a known length is a matrix |
//! | [`affine_grid`] | an affine grid of a known size is a product with stored places |
//! | [`deformable`] | a deformable convolution is a convolution of values between pixels |
//! | [`regions`] | means of stored regions are products with stored matrices |
//! | [`unpooled`] | what a pooling took goes back to where it was |
//! | [`stored_moves`] | what a stored list decides is a gather |
//! | [`transposed`] | the size that is to come out of a `ConvTranspose` says its padding |
//! | [`ellipsis`] | the dots of an `Einsum` stand for axes without a letter |
//! | [`batch`] | what is computed of a batch is, picture by picture, what is computed of each |
//! | [`microsoft`] | onnxruntime's fused operators are what they were made of |
//! | [`batch_first`] | ... which may move the batch behind first |
//! | [`quantized`] | quantised arithmetic is real-valued arithmetic between roundings |
//! | [`training`] | `BatchNormalization` in training form normalises by its signal's own statistics |
//! | [`machine_learning`] | `Scaler`, `LinearClassifier`, `Normalizer` are products, sums and quotients |
//! | [`pools`] | no padding by name is a padding of 0; `LpPool` is a root of an average of powers |
//! | [`celu`] | `celu(x) = max(0, x) + α (exp(min(0, x) / α) − 1)` |
//! | [`swish`] | `swish(x) = x · sigmoid(α x)` |
//! | [`attention_mask`] | a mask of truth values is a summand of 0 and −∞ |
//! | [`attention`] | attention is a softmax of scaled, capped, masked scores, times the values |
//!
//! [`domains`] refuses what cannot be read by its full name. A new rewrite is a file here and a line in [`run`] or
//! in [`write_out`].

mod affine_grid;
mod asked;
mod attention;
mod attention_mask;
mod batch;
mod batch_first;
mod celu;
mod conditions;
mod deformable;
mod domains;
mod ellipsis;
mod functions;
mod graph;
mod loops;
mod machine_learning;
mod microsoft;
mod pools;
mod quantized;
mod reduce;
mod regions;
mod scores;
mod shapes;
mod spectra;
mod stored_moves;
mod swish;
mod training;
mod transposed;
mod unpooled;
mod unused;

use std::collections::HashSet;

use anyhow::{Context, Result, ensure};
use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto};

use self::batch::Settled;
pub(super) use self::batch::add_axis;
pub(super) use self::domains::{hide_unchecked, set_apart};
pub(super) use self::graph::{
    attribute, constant, inner_graphs, inner_graphs_mut, node, read_whole_numbers, reads,
    whole_number, whole_numbers,
};
pub use self::reduce::Reduction;
pub(super) use self::reduce::reduce;
pub(super) use self::shapes::shapes;
pub(super) use self::unused::drop_unused;
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
        let mut value = scores.value;
        if scores.is_smallest {
            chosen.notes.push(
                "the smallest of these scores wins: their negatives are explained".to_string(),
            );
            let negative = format!("{value}.negative");
            graph.node.push(graph::node(&negative, "Neg", &[&value], &negative));
            value = negative;
        }
        kept = declared(&value, DataType::Float as i32, None);
    }
    graph.output = vec![kept];
    drop_unused(graph);
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
    if loops::unroll(model, reader, (input, declared))? {
        conditions::settle(model, reader, (input, declared))?;
    }
    spectra::write_out(model, reader, (input, declared));
    affine_grid::write_out(model, reader, (input, declared));
    deformable::write_out(model, reader, (input, declared));
    regions::write_out(model, reader, (input, declared));
    unpooled::write_out(model, reader, (input, declared));
    stored_moves::write_out(model, reader, (input, declared));
    transposed::give_pads(model, reader, (input, declared));
    ellipsis::write_letters(model, reader, (input, declared));
    let opset = opset(model);
    let graph = model.graph.as_mut().context("the model has no graph")?;
    microsoft::write_out(graph)?;
    quantized::write_out(graph);
    machine_learning::write_out(graph, opset);
    pools::write_out(graph);
    drop_unused(graph);
    domains::refuse_unknown(reader, graph)?;
    if declared.len() == 1 {
        // A vector is one input, not a batch of numbers.
        add_axis(graph, input, declared)?;
        return Ok(std::iter::once(1).chain(declared.iter().copied()).collect());
    }
    let Some((&batch, axes)) = declared.split_first().filter(|(batch, _)| **batch != 1) else {
        return Ok(declared.to_vec());
    };
    match batch::settle(model, reader, input, declared)? {
        Settled::OnePicture(nodes) => {
            notes.push(format!("the model's batch of {batch} is explained one input at a time"));
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

/// Writes out what tract reads as something else. The pieces of a node are named after it, with a suffix.
pub(super) fn write_out(model: &mut ModelProto) {
    let Some(graph) = &mut model.graph else {
        return;
    };
    pools::name_no_padding(graph);
    celu::write_out(graph);
    swish::write_out(graph);
    attention_mask::make_summands(graph);
    attention::write_out(graph);
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

/// Gives nodes without a name that of their first output, as tract does, and nodes of the same name different ones.
fn name_nodes(graph: &mut GraphProto) {
    let mut taken = HashSet::new();
    for node in &mut graph.node {
        let output = node.output.first().cloned().unwrap_or_default();
        if node.name.is_empty() {
            node.name = output;
        } else if taken.contains(&node.name) {
            node.name = format!("{}/{output}", node.name);
        }
        taken.insert(node.name.clone());
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
