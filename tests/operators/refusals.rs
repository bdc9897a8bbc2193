//! Operators that cannot be explained are named, all of them; broken and hostile graphs are refused.

use onnxplain::onnx::LoadOptions;
use prost::Message;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{FunctionProto, ModelProto, NodeProto, TensorProto};

use crate::support::message;
use crate::support::onnx::{Graph, int, ints, load_bytes, text};

#[test]
fn unknown_operators_are_all_named() {
    let mut graph = Graph::with_input(13, &[1, 2, 4, 4]);
    let y = graph.node("Foo", &["x"], &[]);
    let y = graph.node("Relu", &[&y], &[]);
    let y = graph.node("Foo", &[&y], &[]);
    let y = graph.node("Bar", &[&y], &[]);
    graph.output(&y);
    let error = message(graph.load());
    for word in ["Foo: foo_0, foo_2", "Bar: bar_3"] {
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn operators_without_a_rule_are_all_named() {
    let mut graph = Graph::with_input(18, &[1, 3, 3]);
    let bytes = graph.node("Cast", &["x"], &[int("to", 2)]);
    let two = graph.ints(&[2]);
    let two = graph.node("Cast", &[&two], &[int("to", 2)]);
    let y = graph.node("BitShift", &[&bytes, &two], &[text("direction", "LEFT")]);
    let z = graph.node("BitwiseAnd", &[&bytes, &two], &[]);
    let y = graph.node("Add", &[&y, &z], &[]);
    let y = graph.node("Cast", &[&y], &[int("to", 1)]);
    graph.output(&y);
    let error = message(graph.load());
    for word in ["BitShift", "bitshift_2", "BitwiseAnd", "bitwiseand_3"] {
        assert!(error.contains(word), "{word} is missing: {error}");
    }
}

#[test]
fn non_max_suppression_is_named() {
    let mut graph = Graph::with_input(13, &[1, 6, 4]);
    let scores = graph.node("Transpose", &["x"], &[ints("perm", &[0, 2, 1])]);
    let count = graph.ints(&[2]);
    let y = graph.node("NonMaxSuppression", &["x", &scores, &count], &[]);
    graph.output(&y);
    let error = message(graph.load());
    assert!(
        error.contains("NonMaxSuppression") && error.contains("nonmaxsuppression_1"),
        "{error}"
    );
}

#[test]
fn a_value_that_is_computed_from_itself_is_refused() {
    let mut graph = Graph::with_input(13, &[1, 4]);
    let y = graph.node("Identity", &["x"], &[]);
    graph.proto.node[0].input = vec![y.clone()];
    graph.output(&y);
    let error = message(graph.load());
    assert!(error.contains("identity_0") && error.contains("reads its own output"), "{error}");

    let mut graph = Graph::with_input(23, &[1, 3, 4]);
    let mask = graph.node("Identity", &["x"], &[]);
    graph.proto.node[0].input = vec![mask.clone()];
    let heads = [int("q_num_heads", 2), int("kv_num_heads", 2)];
    let y = graph.node("Attention", &["x", "x", "x", &mask], &heads);
    graph.output(&y);
    message(graph.load());
}

/// Each of thirty functions calls the next one twice: 2³⁰ nodes.
#[test]
fn functions_that_become_too_many_nodes_are_refused() {
    let call = |level: usize, input: &str, output: &str| NodeProto {
        op_type: format!("F{level}"),
        domain: "pkg".to_string(),
        input: vec![input.to_string()],
        output: vec![output.to_string()],
        ..NodeProto::default()
    };
    let function = |level: usize| FunctionProto {
        name: Some(format!("F{level}")),
        domain: Some("pkg".to_string()),
        input: vec!["a".to_string()],
        output: vec!["c".to_string()],
        node: vec![call(level + 1, "a", "b"), call(level + 1, "b", "c")],
        ..FunctionProto::default()
    };
    let mut graph = Graph::with_input(13, &[1, 4]);
    graph.proto.node.push(call(0, "x", "y"));
    graph.output("y");
    let mut model = ModelProto::decode(graph.bytes().as_slice()).unwrap();
    model.functions = (0..30).map(function).collect();
    let error = message(load_bytes(&model.encode_to_vec(), &LoadOptions::default()));
    assert!(error.contains("local functions") && error.contains("500000 nodes"), "{error}");
}

#[test]
fn outputs_that_only_jump_are_refused() {
    let mut graph = Graph::with_input(13, &[1, 4]);
    let y = graph.node("Floor", &["x"], &[]);
    let y = graph.node("Cast", &[&y], &[int("to", 7)]);
    let z = graph.node("Neg", &[&y], &[]);
    let y = graph.node("Mul", &[&y, &z], &[]);
    graph.output(&y);
    let error = message(graph.load());
    assert!(error.contains("whole numbers") && error.contains("--output-name"), "{error}");
}

#[test]
fn a_loop_whose_length_depends_on_the_picture_is_refused_with_the_way_out() {
    let mut body = Graph::new(17);
    for (name, kind) in [("i", 7), ("go", 9), ("state", 1)] {
        let kind = tract_onnx::pb::tensor_proto::DataType::try_from(kind).unwrap();
        body.input(name, &[], kind);
    }
    let half = body.floats(&[], &[0.5]);
    body.named_node("halve", "Mul", &["state", &half], &["next"], &[]);
    body.named_node("sum", "ReduceMean", &["next"], &["mean"], &[int("keepdims", 0)]);
    body.named_node("test", "Greater", &["mean", &half], &["goes"], &[]);
    body.output("goes");
    body.output("next");
    let mut graph = Graph::with_input(17, &[1, 4]);
    let body = tract_onnx::pb::AttributeProto {
        name: "body".to_string(),
        g: Some(body.proto),
        r#type: tract_onnx::pb::attribute_proto::AttributeType::Graph as i32,
        ..Default::default()
    };
    graph.named_node("loop", "Loop", &["", "", "x"], &["y"], &[body]);
    graph.output("y");
    let error = message(graph.load());
    assert!(error.contains("Loop node \"loop\"") && error.contains("fixed length"), "{error}");
}

/// What is read in some forms only is refused in the others, with the node's name and the form that is read.
#[test]
fn what_is_read_in_some_forms_is_refused_in_others_with_the_way_out() {
    let mut max = Graph::with_input(16, &[1, 2, 4, 4]);
    let (regions, pictures) = (max.floats(&[1, 4], &[0.0, 0.0, 3.0, 3.0]), max.ints(&[0]));
    let y = max.node("RoiAlign", &["x", &regions, &pictures], &[text("mode", "max")]);
    max.output(&y);
    let mut overlapping = Graph::with_input(12, &[1, 1, 5, 5]);
    let sides = [ints("kernel_shape", &[3, 3]), ints("strides", &[2, 2])];
    overlapping.named_node("pool", "MaxPool", &["x"], &["p", "places"], &sides);
    let y = overlapping.node("MaxUnpool", &["p", "places"], &sides);
    overlapping.output(&y);
    let mut training = Graph::with_input(13, &[1, 4]);
    let ratio = training.floats(&[], &[0.5]);
    let flag = training.tensor(TensorProto {
        name: "is_training".to_string(),
        data_type: DataType::Bool as i32,
        int32_data: vec![1],
        ..TensorProto::default()
    });
    let y = training.node("Dropout", &["x", &ratio, &flag], &[]);
    training.output(&y);
    for (graph, words) in [
        (max, ["RoiAlign: roialign_0", "mode avg"]),
        (overlapping, ["MaxUnpool: maxunpool_1", "do not overlap"]),
        (training, ["dropout_0", "model.eval()"]),
    ] {
        let error = message(graph.load());
        words.iter().for_each(|word| assert!(error.contains(word), "{word} is missing: {error}"));
    }
}
