//! `Swish` (opset 24) with α ≠ 1, whose α tract does not read: `swish(x) = x · sigmoid(α x)`.

use tract_onnx::pb::GraphProto;

use super::graph::{attribute, node, number, replace};

/// Writes every such node out.
pub(super) fn write_out(graph: &mut GraphProto) {
    for place in (0..graph.node.len()).rev() {
        let swish = graph.node[place].clone();
        let alpha = attribute(&swish, "alpha").map_or(1.0, |alpha| alpha.f);
        let (Some(x), Some(y)) = (swish.input.first(), swish.output.first()) else { continue };
        if swish.op_type != "Swish" || alpha == 1.0 {
            continue;
        }
        let named = |piece: &str| format!("{}.{piece}", swish.name);
        graph.initializer.push(number(&named("alpha"), alpha));
        let (scaled, gate) = (named("scaled"), named("gate"));
        let nodes = vec![
            node(&scaled, "Mul", &[x, &named("alpha")], &scaled),
            node(&gate, "Sigmoid", &[&scaled], &gate),
            node(&named("product"), "Mul", &[x, &gate], y),
        ];
        replace(graph, place, nodes);
    }
}
