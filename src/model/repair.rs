//! What tract misreads in files that are right, put in a form that it reads as it is meant.

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, ModelProto, NodeProto, TensorProto};

/// Writes defaults out where tract assumes others than ONNX.
pub(super) fn repair(proto: &mut ModelProto) {
    let nodes = proto.graph.iter_mut().flat_map(|graph| &mut graph.node);
    for node in nodes.filter(|node| node.op_type == "ConstantOfShape") {
        write_out_fill_value(node);
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
