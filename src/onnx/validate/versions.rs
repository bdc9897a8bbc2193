//! Attributes that later versions of the operators have as inputs. In a model of the other version they are an error in
//! onnxruntime, and tract overlooks them: a `Clip` clips nothing.

use anyhow::{Result, ensure};

use super::node::Node;
use super::reductions;

/// An attribute that became an input.
struct Moved {
    operators: &'static [&'static str],
    attribute: &'static str,
    /// The place among the inputs.
    slot: usize,
    /// The first version of the operators that has it as an input.
    since: i64,
}

const fn moved(
    operators: &'static [&'static str],
    attribute: &'static str,
    slot: usize,
    since: i64,
) -> Moved {
    Moved { operators, attribute, slot, since }
}

const MOVED: [Moved; 14] = [
    moved(&["Clip"], "min", 1, 11),
    moved(&["Clip"], "max", 2, 11),
    moved(&["Pad"], "pads", 1, 11),
    moved(&["Pad"], "value", 2, 11),
    moved(&["ReduceSum"], "axes", 1, 13),
    moved(&reductions::OTHERS, "axes", 1, 18),
    moved(&["Reshape"], "shape", 1, 5),
    moved(&["Slice"], "starts", 1, 10),
    moved(&["Slice"], "ends", 2, 10),
    moved(&["Slice"], "axes", 3, 10),
    moved(&["Split"], "split", 1, 13),
    moved(&["Squeeze", "Unsqueeze"], "axes", 1, 13),
    moved(&["TopK"], "k", 1, 10),
    moved(&["Upsample"], "scales", 1, 9),
];

/// Fails where a node has an attribute that is an input in the model's version of the operators, or the other way round.
pub(super) fn check(node: &Node) -> Result<()> {
    let op_type = node.proto.op_type.as_str();
    for Moved { attribute, slot, since, .. } in
        MOVED.iter().filter(|moved| moved.operators.contains(&op_type))
    {
        let has_attribute = node.proto.attribute.iter().any(|it| it.name == *attribute);
        let version = node.opset;
        ensure!(
            !has_attribute || version < *since,
            "it has the attribute {attribute}, which is its input {slot} since version {since} of the operators: the \
             model says that it is of version {version}"
        );
        ensure!(
            node.optional(*slot).is_none() || version >= *since,
            "it has an input {slot}, which is its attribute {attribute} before version {since} of the operators: the \
             model says that it is of version {version}"
        );
    }
    Ok(())
}
