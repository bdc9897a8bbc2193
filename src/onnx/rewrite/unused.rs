//! What the explained output does not need is not looked at: nodes, weights and inputs from which no way leads to it.

use std::collections::HashSet;

use tract_onnx::pb::GraphProto;

use super::graph::reads;

/// Leaves only what the graph's outputs are computed from.
pub(in crate::onnx) fn drop_unused(graph: &mut GraphProto) {
    let mut needed: HashSet<String> =
        graph.output.iter().map(|output| output.name.clone()).collect();
    // Nodes mostly stand in order, so that one walk from the end suffices.
    let mut is_kept = vec![false; graph.node.len()];
    loop {
        let before = needed.len();
        for (node, is_kept) in graph.node.iter().zip(&mut is_kept).rev() {
            if !*is_kept && node.output.iter().any(|output| needed.contains(output)) {
                *is_kept = true;
                needed.extend(reads(node).into_iter().map(str::to_string));
            }
        }
        if needed.len() == before {
            break;
        }
    }
    let mut kept = is_kept.into_iter();
    graph.node.retain(|_| kept.next().unwrap_or(true));
    graph.initializer.retain(|tensor| needed.contains(&tensor.name));
    graph.input.retain(|input| needed.contains(&input.name));
    drop_outputs(graph, &needed);
}

/// Drops the running statistics of a `BatchNormalization` that nothing reads, for which tract has no place.
fn drop_outputs(graph: &mut GraphProto, needed: &HashSet<String>) {
    for node in &mut graph.node {
        let is_unread =
            |outputs: &[String]| outputs.iter().skip(1).all(|name| !needed.contains(name));
        if node.op_type == "BatchNormalization" && is_unread(&node.output) {
            node.output.truncate(1);
        }
    }
}
