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

use super::functions::rename_in_graph;
use super::graph::{attribute, defined, node, replace};
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
    rename_in_graph(&mut branch, &rename);
    for node in branch.node.iter_mut().filter(|node| names.contains(node.name.as_str())) {
        node.name = format!("{prefix}/{}", node.name);
    }
    branch
}
