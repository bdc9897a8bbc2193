//! Local functions, inlined: a node `y = f(x)` of a function of the file becomes the function's own nodes, with `x` and
//! `y` in the places of its formal input and output.
//!
//! tract reads the nodes of a graph only. Inner nodes and values are named after the call, so that a function that is
//! called twice gives nodes of two names.

use std::collections::HashMap;

use anyhow::{Result, bail, ensure};
use tract_onnx::pb::{FunctionProto, GraphProto, ModelProto, NodeProto};

use super::graph::inner_graphs_mut;
use crate::onnx::validate::is_checked;

/// The most calls inside calls.
const DEEPEST: usize = 32;

/// The most nodes that calls become, so that functions that call others twice, level by level, fill no memory.
const MOST_NODES: usize = 500_000;

/// Inlines every call, those inside functions and inner graphs included.
///
/// # Errors
/// When a function calls itself, or calls become too many nodes.
pub(super) fn inline(model: &mut ModelProto) -> Result<()> {
    let functions = std::mem::take(&mut model.functions);
    let Some(graph) = model.graph.as_mut().filter(|_| !functions.is_empty()) else {
        return Ok(());
    };
    let of_standard = |function: &&FunctionProto| {
        let domain = function.domain.as_deref().unwrap_or_default();
        let is_standard = ["", "ai.onnx"].contains(&domain);
        is_standard && is_checked(domain, function.name.as_deref().unwrap_or_default())
    };
    if let Some(function) = functions.iter().find(of_standard) {
        bail!(
            "the file has a local function \"{}\" in the place of the standard operator of that name, which some runtimes run \
             and others do not: export it under another name or domain",
            function.name.as_deref().unwrap_or_default()
        );
    }
    let mut made = 0;
    for _ in 0..DEEPEST {
        if !inline_in(graph, &functions, &mut made)? {
            return Ok(());
        }
    }
    ensure!(
        !inline_in(graph, &functions, &mut made)?,
        "a local function of the model calls itself; export it with its functions inlined"
    );
    Ok(())
}

/// Inlines the calls of a graph once; says whether there were any. `made` counts the nodes that calls became.
fn inline_in(
    graph: &mut GraphProto,
    functions: &[FunctionProto],
    made: &mut usize,
) -> Result<bool> {
    let mut is_changed = false;
    for (place, mut node) in std::mem::take(&mut graph.node).into_iter().enumerate() {
        for inner in inner_graphs_mut(&mut node) {
            is_changed |= inline_in(inner, functions, made)?;
        }
        let is_called = |function: &&FunctionProto| {
            function.name.as_deref() == Some(&node.op_type)
                && function.domain.as_deref().unwrap_or_default() == node.domain
        };
        match functions.iter().find(is_called) {
            Some(function) => {
                *made += function.node.len();
                ensure!(
                    *made <= MOST_NODES,
                    "the calls of local functions become more than {MOST_NODES} nodes; export the model with its \
                     functions inlined"
                );
                graph.node.extend(body(function, &node, place));
                is_changed = true;
            }
            None => graph.node.push(node),
        }
    }
    Ok(is_changed)
}

/// The nodes of a function for one call.
fn body(function: &FunctionProto, call: &NodeProto, place: usize) -> Vec<NodeProto> {
    let prefix = match call.name.is_empty() {
        true => format!("{}_{place}", call.op_type),
        false => call.name.clone(),
    };
    let given = |names: &[String], at: usize| names.get(at).cloned().unwrap_or_default();
    let mut names: HashMap<&str, String> = HashMap::new();
    for (at, formal) in function.output.iter().enumerate() {
        let actual = given(&call.output, at);
        if !actual.is_empty() {
            names.insert(formal, actual);
        }
    }
    // An input that is handed out again keeps its name, and a node below gives it the other one.
    let mut copies = vec![];
    for (at, formal) in function.input.iter().enumerate() {
        let actual = given(&call.input, at);
        if let Some(output) = names.insert(formal, actual.clone()) {
            copies.push(super::graph::node(&prefix, "Identity", &[&actual], &output));
        }
    }
    let rename = |name: &str| match names.get(name) {
        Some(actual) => actual.clone(),
        None if name.is_empty() => String::new(),
        None => format!("{prefix}/{name}"),
    };
    let only_node = function.node.len() == 1;
    let mut nodes = function.node.clone();
    for (at, node) in nodes.iter_mut().enumerate() {
        node.name = match (node.name.is_empty(), only_node) {
            (_, true) => prefix.clone(),
            (true, _) => format!("{prefix}/{}_{at}", node.op_type),
            (false, _) => format!("{prefix}/{}", node.name),
        };
        rename_in(node, &rename);
        give_attributes(node, call);
    }
    nodes.extend(copies);
    nodes
}

/// Renames every value that a node and its inner graphs read or compute.
pub(super) fn rename_in(node: &mut NodeProto, rename: &dyn Fn(&str) -> String) {
    node.input.iter_mut().chain(&mut node.output).for_each(|name| *name = rename(name));
    inner_graphs_mut(node).for_each(|graph| rename_in_graph(graph, rename));
}

/// Renames every value of a graph.
pub(super) fn rename_in_graph(graph: &mut GraphProto, rename: &dyn Fn(&str) -> String) {
    graph.node.iter_mut().for_each(|node| rename_in(node, rename));
    graph.initializer.iter_mut().for_each(|tensor| tensor.name = rename(&tensor.name));
    let values = graph.input.iter_mut().chain(&mut graph.output);
    values.for_each(|value| value.name = rename(&value.name));
}

/// Puts the call's attributes in the place of references to them; one that the call leaves out is left out.
fn give_attributes(node: &mut NodeProto, call: &NodeProto) {
    let attributes = std::mem::take(&mut node.attribute).into_iter();
    node.attribute = attributes
        .filter_map(|attribute| {
            if attribute.ref_attr_name.is_empty() {
                return Some(attribute);
            }
            let given = super::graph::attribute(call, &attribute.ref_attr_name)?;
            Some(tract_onnx::pb::AttributeProto { name: attribute.name, ..given.clone() })
        })
        .collect();
    let inner = inner_graphs_mut(node).flat_map(|graph| &mut graph.node);
    inner.for_each(|node| give_attributes(node, call));
}
