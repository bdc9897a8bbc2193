//! Operators of a foreign domain are not taken for the standard ones whose name they share, and tract is given none that
//! validation did not check.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use tract_onnx::model::Onnx;
use tract_onnx::pb::{GraphProto, NodeProto};

use super::graph::{inner_graphs, inner_graphs_mut};
use crate::onnx::validate::is_checked;

/// The domains whose operators are those of the standard.
const STANDARD: [&str; 3] = ["", "ai.onnx", "ai.onnx.ml"];

/// Operators of onnxruntime that compute what tract reads under their name.
const MICROSOFT: [&str; 6] = [
    "BiasGelu",
    "FastGelu",
    "Gelu",
    "LayerNormalization",
    "QuickGelu",
    "SimplifiedLayerNormalization",
];

/// Gives every operator that was not checked a name that tract does not know. tract looks at names only, and computes
/// what does not depend on the input at once: the trees of a `TreeEnsembleClassifier` may lead in circles.
pub(in crate::onnx) fn hide_unchecked(graph: &mut GraphProto) {
    name_in_full(graph, |node| !is_checked(&node.domain, &node.op_type));
}

/// Gives operators of foreign domains their full name where rewrites would take them for others that they share the name
/// with.
pub(in crate::onnx) fn set_apart(graph: &mut GraphProto) {
    name_in_full(graph, |node| {
        let is_like = |domain: &str| is_checked(domain, &node.op_type);
        !is_like(&node.domain) && STANDARD.iter().any(|domain| is_like(domain))
    });
}

/// Puts the domain in front of the names of some operators, in inner graphs too.
fn name_in_full(graph: &mut GraphProto, is_meant: fn(&NodeProto) -> bool) {
    for node in &mut graph.node {
        if is_meant(node) {
            node.op_type = format!("{}.{}", node.domain, node.op_type);
        }
        inner_graphs_mut(node).for_each(|graph| name_in_full(graph, is_meant));
    }
}

/// Names every operator that cannot be run, with its nodes and, where there is one, the way out.
///
/// # Errors
/// When there are any.
pub(super) fn refuse_unknown(onnx: &Onnx, graph: &GraphProto) -> Result<()> {
    let mut nodes = vec![];
    gather(graph, &mut nodes);
    let is_read = |node: &NodeProto| {
        onnx.op_register.0.contains_key(&node.op_type)
            && is_checked(&node.domain, &node.op_type)
            && is_known_domain(node)
    };
    nodes.retain(|node| !is_read(node));
    let mut unknown: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for node in &nodes {
        unknown.entry(full_name(node)).or_default().push(&node.name);
    }
    if unknown.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> =
        unknown.iter().map(|(op, nodes)| format!("\n  {op}: {}", nodes.join(", "))).collect();
    let way_out = nodes.iter().find_map(|node| way_out(node));
    bail!(
        "this model uses operators that onnxplain cannot run:{}{}",
        lines.concat(),
        way_out.map_or(String::new(), |way_out| format!("\n{way_out}"))
    )
}

/// The nodes of a graph and of those inside it.
fn gather<'a>(graph: &'a GraphProto, nodes: &mut Vec<&'a NodeProto>) {
    for node in &graph.node {
        nodes.push(node);
        inner_graphs(node).for_each(|graph| gather(graph, nodes));
    }
}

fn is_known_domain(node: &NodeProto) -> bool {
    let op_type = node.op_type.as_str();
    STANDARD.contains(&node.domain.as_str())
        || (node.domain == "com.microsoft" && MICROSOFT.contains(&op_type))
}

/// The operator with its domain, where that is not the standard's own.
fn full_name(node: &NodeProto) -> String {
    match node.domain.as_str() {
        "" | "ai.onnx" => node.op_type.clone(),
        // It was set apart.
        domain if node.op_type.starts_with(domain) => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    }
}

/// What to change in the export.
fn way_out(node: &NodeProto) -> Option<&'static str> {
    match node.op_type.as_str() {
        "RoiAlign" if node.domain.is_empty() => {
            return Some(
                "RoiAlign is read with mode avg and regions of at most some million samples that are stored in the file or \
                 given by --input: those that the network computes belong to a detector",
            );
        }
        "MaxUnpool" if node.domain.is_empty() => {
            return Some(
                "MaxUnpool is read where it undoes a MaxPool of the same file whose windows do not overlap, at its size",
            );
        }
        "DeformConv" if node.domain.is_empty() => {
            return Some(
                "DeformConv is read over two axes of a known size: export the model with a fixed size",
            );
        }
        _ => {}
    }
    match node.domain.as_str() {
        "com.microsoft" | "com.microsoft.nchwc" => Some(
            "these are operators of onnxruntime: take the file from before its optimisation or quantisation",
        ),
        "aten" | "org.pytorch.aten" | "prim" => {
            Some("these are operators of PyTorch: export with torch.onnx.export(..., dynamo=True)")
        }
        domain if !STANDARD.contains(&domain) => Some(
            "operators of a domain of their own mean what their library says: export with standard operators, \
             or with the library's functions inside the file",
        ),
        _ => None,
    }
}
