//! The nodes of a graph in an order in which each comes after those whose values it reads.

use std::collections::{HashMap, HashSet};

use anyhow::{Result, bail, ensure};
use tract_onnx::pb::{GraphProto, NodeProto};

use crate::onnx::rewrite::reads;

/// The places of a graph's nodes in such an order; that of the file, where it is one.
///
/// # Errors
/// When a value is computed twice, by nothing, or from itself.
pub(in crate::onnx) fn order(graph: &GraphProto, outer: &HashSet<String>) -> Result<Vec<usize>> {
    let mut makers: HashMap<&str, usize> = HashMap::new();
    for (place, node) in graph.node.iter().enumerate() {
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            if let Some(other) = makers.insert(output, place) {
                bail!(
                    "the value \"{output}\" is computed by the {} and by the {}",
                    described(&graph.node[other]),
                    described(node)
                );
            }
        }
    }
    refuse_twice(graph, &makers)?;
    let stored = graph.initializer.iter().map(|tensor| tensor.name.as_str());
    let given: HashSet<&str> =
        stored.chain(graph.input.iter().map(|input| input.name.as_str())).collect();
    // For each node, of how many values that it reads the nodes are not placed yet, and who waits for it.
    let mut missing = vec![0; graph.node.len()];
    let mut waiting: Vec<Vec<usize>> = vec![vec![]; graph.node.len()];
    for (place, node) in graph.node.iter().enumerate() {
        for name in reads(node) {
            match makers.get(name) {
                Some(&maker) => {
                    missing[place] += 1;
                    waiting[maker].push(place);
                }
                None if given.contains(name) || outer.contains(name) => {}
                None if is_sparse(graph, name) => bail!(
                    "the {} reads \"{name}\", which is stored as a sparse tensor: export the model with dense ones",
                    described(node)
                ),
                None => bail!("the {} reads \"{name}\", which nothing computes", described(node)),
            }
        }
    }
    let is_known =
        |name: &str| makers.contains_key(name) || given.contains(name) || outer.contains(name);
    if let Some(output) = graph.output.iter().find(|output| !is_known(&output.name)) {
        bail!("the output \"{}\" is computed by nothing", output.name);
    }
    let mut ready: Vec<usize> =
        (0..graph.node.len()).rev().filter(|&place| missing[place] == 0).collect();
    let mut order = vec![];
    while let Some(place) = ready.pop() {
        order.push(place);
        for &reader in waiting[place].iter().rev() {
            missing[reader] -= 1;
            if missing[reader] == 0 {
                ready.push(reader);
            }
        }
    }
    match graph.node.iter().zip(&missing).find(|(_, missing)| **missing > 0) {
        Some((node, _)) => {
            bail!("the {} reads a value that is computed from its own output", described(node))
        }
        None => Ok(order),
    }
}

/// Refuses values that are stored twice, or computed besides: runtimes differ about which one counts.
fn refuse_twice(graph: &GraphProto, makers: &HashMap<&str, usize>) -> Result<()> {
    let mut stored = HashSet::new();
    for tensor in graph.initializer.iter().filter(|tensor| !tensor.name.is_empty()) {
        ensure!(stored.insert(&tensor.name), "the value \"{}\" is stored twice", tensor.name);
    }
    let mut given = graph.input.iter().map(|input| &input.name).chain(stored);
    if let Some(name) = given.find(|name| makers.contains_key(name.as_str())) {
        let maker = &graph.node[makers[name.as_str()]];
        bail!("the value \"{name}\" is given, and computed by the {} as well", described(maker));
    }
    Ok(())
}

/// Whether a value is stored as a sparse tensor.
fn is_sparse(graph: &GraphProto, name: &str) -> bool {
    let mut sparse = graph.sparse_initializer.iter().flat_map(|tensor| &tensor.values);
    sparse.any(|values| values.name == name)
}

/// A node with its operator.
fn described(node: &NodeProto) -> String {
    format!("{} node \"{}\"", node.op_type, name(node))
}

/// The name of a node, or of its first output where it has none.
pub(in crate::onnx) fn name(node: &NodeProto) -> &str {
    match node.name.is_empty() {
        true => node.output.first().map_or("", String::as_str),
        false => &node.name,
    }
}
