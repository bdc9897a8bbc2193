//! Poolings that are not padded by name (`auto_pad=VALID`) and round their size up (`ceil_mode`): tract rounds it down.
//! Without the name, and with the padding of 0 that it stands for, it reads them right.

use tract_onnx::pb::GraphProto;

use super::graph::attribute;

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
