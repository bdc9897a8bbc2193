//! Poolings that tract reads as something else, or not at all.
//!
//! - Not padded by name (`auto_pad=VALID`) and with a size that is rounded up (`ceil_mode`), which tract rounds down:
//!   without the name, and with the padding of 0 that it stands for, it reads them right.
//! - `LpPool` is `(k · average(|x|^p))^(1/p)`, `k` being the size of the window, and padding counting as 0.

use tract_onnx::pb::{GraphProto, NodeProto};

use super::graph::{attribute, node, number, replace, whole_number};

/// Takes the name of the padding off such poolings.
pub(super) fn name_no_padding(graph: &mut GraphProto) {
    let pools = ["AveragePool", "LpPool", "MaxPool"];
    for node in graph.node.iter_mut().filter(|node| pools.contains(&node.op_type.as_str())) {
        let rounds_up = attribute(node, "ceil_mode").is_some_and(|mode| mode.i != 0);
        let is_valid = attribute(node, "auto_pad").is_some_and(|padding| padding.s == b"VALID");
        if rounds_up && is_valid {
            node.attribute.retain(|attribute| attribute.name != "auto_pad");
        }
    }
}

/// Writes out every `LpPool`.
pub(super) fn write_out(graph: &mut GraphProto) {
    for place in (0..graph.node.len()).rev() {
        let call = graph.node[place].clone();
        let sides = attribute(&call, "kernel_shape").map(|sides| sides.ints.clone());
        let (true, Some(sides)) = (call.op_type == "LpPool", sides) else { continue };
        let p = attribute(&call, "p").map_or(2, |p| p.i).max(1) as f32;
        let named = |piece: &str| format!("{}.{piece}", call.name);
        let (size, power, root) = (named("size"), named("p"), named("inverse"));
        graph.initializer.push(number(&size, sides.iter().product::<i64>() as f32));
        graph.initializer.push(number(&power, p));
        graph.initializer.push(number(&root, p.recip()));
        let pieces = ["magnitudes", "powers", "averages", "sums"].map(named);
        let [magnitudes, powers, averages, sums] = &pieces;
        let input = call.input.first().cloned().unwrap_or_default();
        let output = call.output.first().cloned().unwrap_or_default();
        let mut average = NodeProto {
            name: averages.clone(),
            op_type: "AveragePool".to_string(),
            input: vec![powers.clone()],
            output: vec![averages.clone()],
            ..call.clone()
        };
        average.attribute.retain(|attribute| attribute.name != "p");
        average.attribute.push(whole_number("count_include_pad", 1));
        let nodes = vec![
            node(magnitudes, "Abs", &[&input], magnitudes),
            node(powers, "Pow", &[magnitudes, &power], powers),
            average,
            node(sums, "Mul", &[averages, &size], sums),
            node(&call.name, "Pow", &[sums, &root], &output),
        ];
        replace(graph, place, nodes);
    }
}
