//! Local response normalisation, softmax inside and at the end.

use onnxplain::network::{OutputFunction, Quantity};
use onnxplain::onnx::Model;

use super::{
    all_hold, case, check_books, check_gradient, check_value, kinds, recognised, scalar, spread,
    weight,
};
use crate::support::onnx::{Graph, float, int, ints};

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
        let input = spread(&model.inputs[0].shape, 3);
        check_value(&model, &input).unwrap();
        check_gradient(&model.network, &input).unwrap();
    }
}

/// Two dense heads, and what `build` makes of them.
fn heads(classes: usize, build: impl FnOnce(&mut Graph, [String; 2]) -> String) -> Model {
    let mut graph = Graph::with_input(13, &[1, 6]);
    let mut head = || {
        let w = weight(&mut graph, &[classes, 6]);
        graph.node("Gemm", &["x", &w], &[int("transB", 1)])
    };
    let heads = [head(), head()];
    let output = build(&mut graph, heads);
    graph.output(&output);
    graph.load().unwrap()
}

fn exp_over_sum(g: &mut Graph, z: &str) -> String {
    let e = g.node("Exp", &[z], &[]);
    let axes = g.ints(&[1]);
    let sum = g.node("ReduceSum", &[&e, &axes], &[]);
    g.node("Div", &[&e, &sum], &[])
}

#[test]
fn written_out_output_functions_are_stripped() {
    let softmax = |shifted: bool| {
        heads(4, |g, [z, _]| {
            let highest = g.node("ReduceMax", &[&z], &[ints("axes", &[1])]);
            let z = if shifted { g.node("Sub", &[&z, &highest], &[]) } else { z };
            exp_over_sum(g, &z)
        })
    };
    let logarithm = heads(4, |g, [z, _]| {
        let e = g.node("Exp", &[&z], &[]);
        let axes = g.ints(&[1]);
        let sum = g.node("ReduceSum", &[&e, &axes], &[]);
        let sum = g.node("Log", &[&sum], &[]);
        g.node("Sub", &[&z, &sum], &[])
    });
    let sigmoid = heads(4, |g, [z, _]| {
        let z = g.node("Neg", &[&z], &[]);
        let e = g.node("Exp", &[&z], &[]);
        let one = scalar(g, 1.0);
        let sum = g.node("Add", &[&e, &one], &[]);
        g.node("Reciprocal", &[&sum], &[])
    });
    for (model, name) in [
        (softmax(false), "Softmax"),
        (softmax(true), "Softmax"),
        (logarithm, "LogSoftmax"),
        (sigmoid, "Sigmoid"),
    ] {
        assert_eq!(kinds(&model.network), ["dense"], "{name}");
        assert_eq!(model.network.output_function.as_ref().unwrap().name(), name);
        assert_eq!(model.network.explained(), Quantity::Logit);
        check_value(&model, &spread(&[1, 6], 3)).unwrap();
    }
}

#[test]
fn both_probabilities_of_one_sigmoid_become_logits_of_both_signs() {
    for is_turned in [false, true] {
        let model = heads(1, |g, [z, _]| {
            let p = g.node("Sigmoid", &[&z], &[]);
            let one = scalar(g, 1.0);
            let q = g.node("Sub", &[&one, &p], &[]);
            let parts = if is_turned { [&p, &q] } else { [&q, &p] };
            g.node("Concat", &[parts[0], parts[1]], &[int("axis", 1)])
        });
        assert_eq!(model.network.output_function.as_ref().unwrap().name(), "Sigmoid");
        let input = spread(&[1, 6], 3);
        let logits = model.network.evaluate(&input).unwrap();
        assert_eq!(logits.data()[0], -logits.data()[1]);
        check_value(&model, &input).unwrap();
        check_gradient(&model.network, &input).unwrap();
    }
}

#[test]
fn what_is_normalised_already_gets_no_softmax() {
    let mean = heads(4, |g, heads| {
        let [a, b] = heads.map(|z| g.node("Softmax", &[&z], &[]));
        let sum = g.node("Add", &[&a, &b], &[]);
        let two = scalar(g, 2.0);
        g.node("Div", &[&sum, &two], &[])
    });
    let scores = heads(4, |g, [z, _]| {
        let squares = g.node("Mul", &[&z, &z], &[]);
        let axes = g.ints(&[1]);
        let sum = g.node("ReduceSum", &[&squares, &axes], &[]);
        g.node("Div", &[&squares, &sum], &[])
    });
    let signed = heads(4, |g, [z, _]| {
        let two = scalar(g, 2.0);
        let p = g.node("Softmax", &[&z], &[]);
        let p = g.node("Mul", &[&p, &two], &[]);
        let quarter = scalar(g, 0.25);
        g.node("Sub", &[&p, &quarter], &[])
    });
    let logarithms = heads(4, |g, heads| {
        let [a, b] = heads.map(|z| g.node("Softmax", &[&z], &[]));
        let half = scalar(g, 0.5);
        let sum = g.node("Add", &[&a, &b], &[]);
        let mean = g.node("Mul", &[&sum, &half], &[]);
        g.node("Log", &[&mean], &[])
    });
    let clipped = heads(4, |g, [z, _]| {
        let p = g.node("Softmax", &[&z], &[]);
        let (low, high) = (scalar(g, 1e-7), scalar(g, 1.0 - 1e-7));
        g.node("Clip", &[&p, &low, &high], &[])
    });
    for (name, model, quantity) in [
        ("mean", mean, Quantity::Probability),
        ("clipped", clipped, Quantity::Probability),
        ("scores", scores, Quantity::Probability),
        ("signed", signed, Quantity::Score),
        ("logarithms", logarithms, Quantity::LogProbability),
    ] {
        assert_eq!(model.network.explained(), quantity, "{name}");
        let input = spread(&[1, 6], 3);
        check_value(&model, &input).unwrap();
        let output = model.network.evaluate(&input).unwrap();
        let function = model.network.output_function.as_ref();
        let probabilities = OutputFunction::probabilities(function, &output).unwrap();
        assert!((probabilities.sum() - 1.0).abs() < 1e-5, "{name}");
    }
}

#[test]
fn bent_outputs_that_are_not_normalised_stay_logits() {
    let relu = heads(4, |g, [z, _]| g.node("Relu", &[&z], &[]));
    let product = heads(4, |g, [a, b]| g.node("Mul", &[&a, &b], &[]));
    for model in [relu, product] {
        assert_eq!(model.network.explained(), Quantity::Logit);
        assert!(model.network.output_function.is_none());
    }
}

#[test]
fn a_softmax_written_out_inside_becomes_one() {
    let written = |name, is_product: bool, axis: i64| {
        case(name, 13, &[1, 3, 4], &["softmax", "normalization"], |g| {
            let highest = g.node("ReduceMax", &["x"], &[ints("axes", &[axis])]);
            let z = g.node("Sub", &["x", &highest], &[]);
            let e = g.node("Exp", &[&z], &[]);
            let axes = g.ints(&[axis]);
            let sum = g.node("ReduceSum", &[&e, &axes], &[]);
            let y = match is_product {
                true => {
                    let inverse = g.node("Reciprocal", &[&sum], &[]);
                    g.node("Mul", &[&e, &inverse], &[])
                }
                false => g.node("Div", &[&e, &sum], &[]),
            };
            let c = weight(g, &[4]);
            g.node("Mul", &[&y, &c], &[])
        })
    };
    all_hold(vec![
        written("over the last axis", false, 2),
        written("over an inner axis", false, 1),
        written("as a product", true, 2),
    ]);
}

/// `exp(x − max x) / (1 + Σ exp(x − max x))`: no softmax, and where `x` is the maximum the difference is 0.
#[test]
fn the_maximum_that_is_subtracted_in_front_of_an_exponential_counts_as_a_constant() {
    let graph = |shape: &[usize], axis: i64, is_explicit: bool| {
        let mut g = Graph::with_input(13, shape);
        let mut largest = g.node("ReduceMax", &["x"], &[ints("axes", &[axis])]);
        if is_explicit {
            let sides: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
            let sides = g.ints(&sides);
            largest = g.node("Expand", &[&largest, &sides], &[]);
        }
        let difference = g.node("Sub", &["x", &largest], &[]);
        let powers = g.node("Exp", &[&difference], &[]);
        let axis = g.ints(&[axis]);
        let sum = g.node("ReduceSum", &[&powers, &axis], &[]);
        let one = scalar(&mut g, 1.0);
        let sum = g.node("Add", &[&sum, &one], &[]);
        let y = g.node("Div", &[&powers, &sum], &[]);
        g.output(&y);
        g
    };
    for (shape, axis, is_explicit) in
        [(vec![1, 3, 4], -1, false), (vec![1, 3, 4], 1, false), (vec![1, 2, 3, 2], 2, true)]
    {
        let model = graph(&shape, axis, is_explicit).load().unwrap();
        let gates = kinds(&recognised(&model.network));
        assert_eq!(gates.iter().filter(|kind| **kind == "gate").count(), 2, "{gates:?}");
        let input = spread(&shape, 3);
        check_value(&model, &input).unwrap();
        check_gradient(&model.network, &input).unwrap();
        check_books(&model.network, &input).unwrap();
    }
    // The maximum of something else is a signal.
    let mut g = Graph::with_input(13, &[1, 3, 4]);
    let positive = g.node("Relu", &["x"], &[]);
    let largest = g.node("ReduceMax", &[&positive], &[ints("axes", &[-1])]);
    let y = g.node("Sub", &["x", &largest], &[]);
    g.output(&y);
    let network = recognised(&g.load().unwrap().network);
    assert!(kinds(&network).contains(&"sum"), "{:?}", kinds(&network));
}
