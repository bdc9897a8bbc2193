//! onnxruntime's fused operators against the standard operators that they were made of.

use super::{scalar, spread, weight};
use crate::support::difference;
use crate::support::onnx::{Graph, float, floats, int, ints, text};
use tract_onnx::pb::AttributeProto;

/// A node of onnxruntime's own domain.
fn fused(g: &mut Graph, op: &str, inputs: &[&str], attributes: &[AttributeProto]) -> String {
    let output = g.node(op, inputs, attributes);
    if let Some(node) = g.proto.node.last_mut() {
        node.domain = "com.microsoft".to_string();
    }
    output
}

/// Both graphs compute the same.
fn agree(
    opset: i64,
    shape: &[usize],
    fused: impl Fn(&mut Graph) -> String,
    written_out: impl Fn(&mut Graph) -> String,
) {
    let outputs = [&fused as &dyn Fn(&mut Graph) -> String, &written_out].map(|build| {
        let mut graph = Graph::with_input(opset, shape);
        let output = build(&mut graph);
        graph.output(&output);
        graph.load().unwrap().network.evaluate(&spread(shape, 3)).unwrap()
    });
    assert_eq!(outputs[0].shape(), outputs[1].shape());
    let error = difference(outputs[0].data(), outputs[1].data());
    assert!(error < 1e-5, "{error:e}");
}

#[test]
fn a_convolution_with_a_summand_and_an_activation() {
    const SHAPE: &[usize] = &[1, 2, 4, 4];
    agree(
        17,
        SHAPE,
        |g| {
            let (w, b) = (weight(g, &[2, 2, 1, 1]), weight(g, &[2]));
            let activation = [text("activation", "LeakyRelu"), floats("activation_params", &[0.2])];
            fused(g, "FusedConv", &["x", &w, &b, "x"], &activation)
        },
        |g| {
            let (w, b) = (weight(g, &[2, 2, 1, 1]), weight(g, &[2]));
            let y = g.node("Conv", &["x", &w, &b], &[]);
            let y = g.node("Add", &[&y, "x"], &[]);
            g.node("LeakyRelu", &[&y], &[float("alpha", 0.2)])
        },
    );
    agree(
        17,
        SHAPE,
        |g| {
            let w = weight(g, &[3, 2, 3, 3]);
            let clip = [text("activation", "Clip"), floats("activation_params", &[-0.5, 0.5])];
            fused(g, "FusedConv", &["x", &w], &clip)
        },
        |g| {
            let (w, low, high) = (weight(g, &[3, 2, 3, 3]), scalar(g, -0.5), scalar(g, 0.5));
            let y = g.node("Conv", &["x", &w], &[]);
            g.node("Clip", &[&y, &low, &high], &[])
        },
    );
}

#[test]
fn products_of_matrices() {
    agree(
        17,
        &[1, 3, 4],
        |g| {
            let w = weight(g, &[5, 4]);
            fused(g, "FusedMatMul", &["x", &w], &[float("alpha", 0.5), int("transB", 1)])
        },
        |g| {
            let (w, half) = (weight(g, &[5, 4]), scalar(g, 0.5));
            let w = g.node("Transpose", &[&w], &[ints("perm", &[1, 0])]);
            let y = g.node("MatMul", &["x", &w], &[]);
            g.node("Mul", &[&y, &half], &[])
        },
    );
    agree(
        17,
        &[1, 4],
        |g| {
            let (w, b) = (weight(g, &[4, 3]), weight(g, &[3]));
            fused(g, "FusedGemm", &["x", &w, &b], &[text("activation", "Relu")])
        },
        |g| {
            let (w, b) = (weight(g, &[4, 3]), weight(g, &[3]));
            let y = g.node("Gemm", &["x", &w, &b], &[]);
            g.node("Relu", &[&y], &[])
        },
    );
}

#[test]
fn attention_by_one_weight() {
    agree(
        23,
        &[1, 3, 4],
        |g| {
            let (w, b) = (weight(g, &[4, 12]), weight(g, &[12]));
            fused(g, "Attention", &["x", &w, &b], &[int("num_heads", 2)])
        },
        |g| {
            let (w, b) = (weight(g, &[4, 12]), weight(g, &[12]));
            let y = g.node("MatMul", &["x", &w], &[]);
            let y = g.node("Add", &[&y, &b], &[]);
            let parts = ["q", "k", "v"];
            g.named_node("parts", "Split", &[&y], &parts, &[int("axis", 2), int("num_outputs", 3)]);
            let heads = [int("q_num_heads", 2), int("kv_num_heads", 2)];
            g.node("Attention", &parts, &heads)
        },
    );
    let mut graph = Graph::with_input(17, &[1, 3, 4]);
    let (w, b) = (weight(&mut graph, &[4, 12]), weight(&mut graph, &[12]));
    let keys = graph.ints(&[2]);
    let y = fused(&mut graph, "Attention", &["x", &w, &b, &keys], &[int("num_heads", 2)]);
    graph.output(&y);
    let error = crate::support::message(graph.load());
    assert!(error.contains("attention_0") && error.contains("mask"), "{error}");
}
