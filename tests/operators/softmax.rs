//! Local response normalisation, softmax inside and at the end.

use super::{all_hold, case, check_gradient, check_value, kinds, spread, weight};
use crate::support::onnx::{Graph, float, int};

#[test]
fn response_normalizations() {
    let lrn = |name, size| {
        case(name, 13, &[1, 5, 2, 2], &["normalization"], |g| {
            let (alpha, beta, bias) = (float("alpha", 0.3), float("beta", 0.6), float("bias", 1.5));
            g.node("LRN", &["x"], &[alpha, beta, bias, int("size", size)])
        })
    };
    all_hold(vec![lrn("odd", 3), lrn("even", 4), lrn("larger than the channels", 9)]);
}

#[test]
fn output_functions_are_stripped() {
    let case = |opset, op: &str, attributes: &[_]| {
        let mut graph = Graph::with_input(opset, &[1, 5]);
        let w = weight(&mut graph, &[4, 5]);
        let y = graph.node("Gemm", &["x", &w], &[int("transB", 1)]);
        let y = graph.node(op, &[&y], attributes);
        graph.output(&y);
        graph.load().unwrap()
    };
    for (opset, op, attributes) in [
        (11, "Softmax", vec![]),
        (13, "Softmax", vec![]),
        (13, "Softmax", vec![int("axis", 1)]),
        (11, "LogSoftmax", vec![int("axis", 1)]),
        (13, "LogSoftmax", vec![]),
        (13, "Sigmoid", vec![]),
    ] {
        let model = case(opset, op, &attributes);
        assert_eq!(kinds(&model.network), ["dense"], "{op} {opset}");
        assert_eq!(model.network.output_function.as_ref().unwrap().name(), op);
        check_value(&model, &spread(&[1, 5], 3)).unwrap();
    }
}

#[test]
fn a_softmax_of_spatial_logits_before_opset_13_is_over_all_axes() {
    let mut graph = Graph::with_input(11, &[1, 5, 1, 1]);
    let w = weight(&mut graph, &[4, 5, 1, 1]);
    let y = graph.node("Conv", &["x", &w], &[]);
    let y = graph.node("Softmax", &[&y], &[]);
    let y = graph.node("Flatten", &[&y], &[]);
    graph.output(&y);
    let model = graph.load().unwrap();
    assert_eq!(model.network.output_function.as_ref().unwrap().name(), "Softmax");
    check_value(&model, &spread(&[1, 5, 1, 1], 3)).unwrap();
}

#[test]
fn a_softmax_inside_the_network() {
    let softmax = |name, opset, attributes: &[_]| {
        case(name, opset, &[1, 3, 4], &["softmax", "normalization"], |g| {
            let y = g.node("Softmax", &["x"], attributes);
            let c = weight(g, &[4]);
            g.node("Mul", &[&y, &c], &[])
        })
    };
    let cases = [
        softmax("last axis", 13, &[]),
        softmax("inner axis", 13, &[int("axis", 1)]),
        softmax("several axes", 11, &[int("axis", 1)]),
    ];
    for case in &cases {
        let model = case.graph.load().unwrap();
        assert_eq!(kinds(&model.network), case.kinds, "{}", case.name);
        let input = spread(&model.input.shape, 3);
        check_value(&model, &input).unwrap();
        check_gradient(&model.network, &input).unwrap();
    }
}
