//! `Celu` with α ≠ 1, which tract reads as another function: `celu(x) = max(0, x) + α (exp(min(0, x) / α) − 1)`.

use tract_onnx::pb::GraphProto;

use super::graph::{attribute, node, number, replace};

/// Writes every such node out.
pub(super) fn write_out(graph: &mut GraphProto) {
    for place in (0..graph.node.len()).rev() {
        let celu = graph.node[place].clone();
        let alpha = attribute(&celu, "alpha").map_or(1.0, |alpha| alpha.f);
        let (Some(x), Some(y)) = (celu.input.first(), celu.output.first()) else { continue };
        if celu.op_type != "Celu" || alpha == 1.0 {
            continue;
        }
        let named = |piece: &str| format!("{}.{piece}", celu.name);
        let stored = [("zero", 0.0), ("alpha", alpha), ("one", 1.0)];
        graph.initializer.extend(stored.map(|(name, value)| number(&named(name), value)));
        let piece = |op_type: &str, inputs: [&str; 2], name: &str| {
            node(&named(name), op_type, &inputs, &named(name))
        };
        let (zero, alpha, one) = (&named("zero"), &named("alpha"), &named("one"));
        let nodes = vec![
            piece("Min", [x, zero], "below"),
            piece("Div", [&named("below"), alpha], "scaled"),
            node(&named("power"), "Exp", &[&named("scaled")], &named("power")),
            piece("Sub", [&named("power"), one], "less_one"),
            piece("Mul", [&named("less_one"), alpha], "bent"),
            piece("Max", [x, zero], "above"),
            node(&named("sum"), "Add", &[&named("above"), &named("bent")], y),
        ];
        replace(graph, place, nodes);
    }
}
