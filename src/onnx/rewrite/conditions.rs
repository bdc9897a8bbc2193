//! `If` with a condition that does not depend on the picture: the branch that is taken, in its place.
//!
//! A scripted module asks for the size of its input. Once that size is known, so is the condition: what it is computed
//! from is given to tract alone, with the input's shape, and comes out as a constant. Conditions may depend on the
//! outcome of earlier ones, so that they are settled one after the other.

use std::collections::HashSet;

use anyhow::{Context, Result};
use tract_onnx::model::Onnx;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto};

use super::functions::rename_in;
use super::graph::{attribute, node, replace};
use super::shapes::known_value;
use crate::tensor::scalar;

/// Settles every `If` of the graph whose condition is known for an input of this shape. Others stay.
///
/// # Errors
/// When a branch is missing.
pub(super) fn settle(model: &mut ModelProto, reader: &Onnx, input: (&str, &[usize])) -> Result<()> {
    let mut place = 0;
    while let Some(graph) = &model.graph {
        let found = graph.node.iter().skip(place).position(|node| node.op_type == "If");
        let Some(found) = found else { break };
        place += found;
        let condition = graph.node[place].input.first().cloned().unwrap_or_default();
        let known = known_value(model, reader, (&condition, DataType::Bool), input);
        match known.and_then(|known| scalar::<bool>(&known).ok()) {
            Some(holds) => take_branch(model, place, holds)?,
            None => place += 1,
        }
    }
    Ok(())
}

/// Puts the nodes of a branch in the place of an `If`.
fn take_branch(model: &mut ModelProto, place: usize, holds: bool) -> Result<()> {
    let graph = model.graph.as_mut().context("the model has no graph")?;
    let choice = graph.node[place].clone();
    let name = if holds { "then_branch" } else { "else_branch" };
    let branch = attribute(&choice, name).and_then(|branch| branch.g.clone());
    let branch =
        branch.with_context(|| format!("the If node \"{}\" has no {name}", choice.name))?;
    let branch = with_own_names(branch, graph, &choice.name);
    let GraphProto { node: mut nodes, initializer, output, .. } = branch;
    for (at, node) in nodes.iter_mut().enumerate() {
        if node.name.is_empty() {
            node.name = format!("{}/{}_{at}", choice.name, node.op_type);
        }
    }
    let handed_out = output.iter().zip(&choice.output).map(|(inner, outer)| {
        node(&format!("{}/{outer}", choice.name), "Identity", &[&inner.name], outer)
    });
    nodes.extend(handed_out);
    graph.initializer.extend(initializer);
    replace(graph, place, nodes);
    Ok(())
}

/// The branch with other names for what the graph around has names for: the branches of two nodes may use the same.
fn with_own_names(mut branch: GraphProto, around: &GraphProto, prefix: &str) -> GraphProto {
    let taken: HashSet<&str> = defined(around).collect();
    let clashes = defined(&branch).filter(|name| taken.contains(name));
    let clashes: HashSet<String> = clashes.map(ToString::to_string).collect();
    let rename = |name: &str| match clashes.contains(name) {
        true => format!("{prefix}/{name}"),
        false => name.to_string(),
    };
    let names: HashSet<&str> = around.node.iter().map(|node| node.name.as_str()).collect();
    for node in &mut branch.node {
        rename_in(node, &rename);
        if names.contains(node.name.as_str()) {
            node.name = format!("{prefix}/{}", node.name);
        }
    }
    branch.initializer.iter_mut().for_each(|tensor| tensor.name = rename(&tensor.name));
    branch.output.iter_mut().for_each(|value| value.name = rename(&value.name));
    branch
}

/// The values that a graph computes, stores or is given.
fn defined(graph: &GraphProto) -> impl Iterator<Item = &str> {
    let computed = graph.node.iter().flat_map(|node| &node.output);
    let stored = graph.initializer.iter().map(|tensor| &tensor.name);
    let given = graph.input.iter().map(|input| &input.name);
    computed.chain(stored).chain(given).map(String::as_str).filter(|name| !name.is_empty())
}
