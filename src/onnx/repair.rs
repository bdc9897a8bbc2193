//! What tract misreads in files that are right, put in a form that it reads as it is meant.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

use super::rewrite::{constant, inner_graphs_mut, read_whole_numbers, whole_numbers};

/// Writes defaults out where tract assumes others than ONNX, and numbers smaller that it cuts off.
pub(super) fn repair(proto: &mut ModelProto) {
    let Some(graph) = &mut proto.graph else {
        return;
    };
    graph.initializer.iter_mut().for_each(shorten_endless);
    for node in &mut graph.node {
        match node.op_type.as_str() {
            "ConstantOfShape" => write_out_fill_value(node),
            "Constant" => {
                let tensors =
                    node.attribute.iter_mut().filter_map(|attribute| attribute.t.as_mut());
                tensors.for_each(shorten_endless);
            }
            _ => {}
        }
    }
}

/// The most numbers of a tensor that says how much of another one is taken.
const MOST_BOUNDS: usize = 8;

/// "To the end" is written as the largest 64-bit number, of which tract keeps 32 bits where it comes
/// through a `Cast`, as dynamo writes it unoptimised: −1, which leaves out the last element.
fn shorten_endless(tensor: &mut TensorProto) {
    const ENDLESS: i64 = i32::MAX as i64;
    let is_short = tensor.int64_data.len().max(tensor.raw_data.len() / 8) <= MOST_BOUNDS;
    if tensor.data_type != DataType::Int64 as i32 || !is_short {
        return;
    }
    let numbers = tensor.int64_data.iter_mut();
    numbers.filter(|number| **number == i64::MAX).for_each(|number| *number = ENDLESS);
    for bytes in tensor.raw_data.chunks_exact_mut(8) {
        if *bytes == i64::MAX.to_le_bytes() {
            bytes.copy_from_slice(&ENDLESS.to_le_bytes());
        }
    }
}

const MOST_BOUND: i64 = i32::MAX as i64;

/// The bounds of slices, of which tract cuts off the upper half: 2^32 would be 0. No axis is longer than 2^31, so that
/// smaller ones, and smaller steps, choose the same elements.
pub(super) fn bound_slices(graph: &mut GraphProto) {
    for place in 0..graph.node.len() {
        let node = &mut graph.node[place];
        inner_graphs_mut(node).for_each(bound_slices);
        if node.op_type != "Slice" {
            continue;
        }
        let bounds = node.attribute.iter_mut().flat_map(|attribute| &mut attribute.ints);
        bounds.for_each(|bound| *bound = (*bound).clamp(-MOST_BOUND, MOST_BOUND));
        for slot in [1, 2, 4] {
            let name = graph.node[place].input.get(slot).cloned().unwrap_or_default();
            let stored = constant(graph, &name).and_then(read_whole_numbers);
            // tract adds the length of the axis to a step.
            let most = if slot == 4 { 1 << 30 } else { MOST_BOUND };
            let bounded = |bound: i64| bound.clamp(-most, most);
            let Some(bounds) = stored.filter(|list| list.iter().any(|&b| bounded(b) != b)) else {
                continue;
            };
            // Others may read the same tensor as something else.
            let own = format!("{}.bounds_{slot}", graph.node[place].name);
            let bounds: Vec<i64> = bounds.into_iter().map(bounded).collect();
            graph.initializer.push(whole_numbers(&own, &bounds));
            graph.node[place].input[slot] = own;
        }
    }
}

/// `ConstantOfShape` without a value fills with 0 in single precision; tract takes double, which
/// nothing around it fits (the masks of a Swin transformer).
fn write_out_fill_value(node: &mut NodeProto) {
    if node.attribute.iter().any(|attribute| attribute.name == "value") {
        return;
    }
    let zero = TensorProto {
        dims: vec![1],
        data_type: DataType::Float as i32,
        float_data: vec![0.0],
        ..TensorProto::default()
    };
    node.attribute.push(AttributeProto {
        name: "value".to_string(),
        r#type: AttributeType::Tensor as i32,
        t: Some(zero),
        ..AttributeProto::default()
    });
}
