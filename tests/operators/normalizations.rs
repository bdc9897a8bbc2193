//! Normalisation by a signal's own statistics, as one node and in the forms that exporters write.

use onnxplain::canonize::{PassSelection, canonize};
use onnxplain::network::Op;
use onnxplain::operator::LayerNormalization;
use tract_onnx::pb::AttributeProto;

use super::{Case, all_hold, case, scalar, spread, weight};
use crate::support::difference;
use crate::support::onnx::{Graph, float, int, ints};

fn epsilon() -> AttributeProto {
    float("epsilon", 1e-3)
}

#[test]
fn as_one_node() {
    let shape = &[1, 4, 3, 3];
    all_hold(vec![
        case("over the last axis", 17, &[1, 3, 4], &["layer-normalization"], |g| {
            let (scale, shift) = (weight(g, &[4]), weight(g, &[4]));
            g.node("LayerNormalization", &["x", &scale, &shift], &[epsilon()])
        }),
        case("over two axes, without a shift", 17, &[1, 2, 3, 4], &["layer-normalization"], |g| {
            let scale = weight(g, &[3, 4]);
            g.node("LayerNormalization", &["x", &scale], &[epsilon(), int("axis", 2)])
        }),
        case("root mean square", 23, &[1, 3, 4], &["layer-normalization"], |g| {
            let scale = weight(g, &[4]);
            g.node("RMSNormalization", &["x", &scale], &[epsilon()])
        }),
        case("instance", 17, shape, &["layer-normalization"], |g| {
            let (scale, shift) = (weight(g, &[4]), weight(g, &[4]));
            g.node("InstanceNormalization", &["x", &scale, &shift], &[epsilon()])
        }),
        case(
            "group",
            21,
            shape,
            &["reshape", "layer-normalization", "reshape", "normalization"],
            |g| {
                let (scale, shift) = (weight(g, &[4]), weight(g, &[4]));
                let attributes = [epsilon(), int("num_groups", 2)];
                g.node("GroupNormalization", &["x", &scale, &shift], &attributes)
            },
        ),
        case("mean and variance", 13, shape, &["layer-normalization"], |g| {
            g.node("MeanVarianceNormalization", &["x"], &[ints("axes", &[2, 3])])
        }),
    ]);
}

/// `x − mean` over the last axis.
fn centred(g: &mut Graph) -> String {
    let mean = g.node("ReduceMean", &["x"], &[ints("axes", &[-1])]);
    g.node("Sub", &["x", &mean], &[])
}

/// `√(variance + ε)` of what is centred.
fn deviation(g: &mut Graph, centred: &str, square: fn(&mut Graph, &str) -> String) -> String {
    let square = square(g, centred);
    let variance = g.node("ReduceMean", &[&square], &[ints("axes", &[-1])]);
    let epsilon = scalar(g, 1e-5);
    let sum = g.node("Add", &[&variance, &epsilon], &[]);
    g.node("Sqrt", &[&sum], &[])
}

fn power(g: &mut Graph, value: &str) -> String {
    let two = scalar(g, 2.0);
    g.node("Pow", &[value, &two], &[])
}

fn times_itself(g: &mut Graph, value: &str) -> String {
    g.node("Mul", &[value, value], &[])
}

fn with_parameters(g: &mut Graph, normal: &str) -> String {
    let (scale, shift) = (weight(g, &[4]), weight(g, &[4]));
    let y = g.node("Mul", &[normal, &scale], &[]);
    g.node("Add", &[&y, &shift], &[])
}

/// The forms that torch, timm and tf2onnx write, all with ε = 1e-5.
fn written_out() -> Vec<Case> {
    let form = |name, build: fn(&mut Graph) -> String| {
        case(name, 13, &[1, 3, 4], &["layer-normalization"], build)
    };
    vec![
        form("Pow, Sqrt, Div", |g| {
            let centred = centred(g);
            let deviation = deviation(g, &centred, power);
            let y = g.node("Div", &[&centred, &deviation], &[]);
            with_parameters(g, &y)
        }),
        form("Mul, Sqrt, Reciprocal, Mul", |g| {
            let centred = centred(g);
            let deviation = deviation(g, &centred, times_itself);
            let factor = g.node("Reciprocal", &[&deviation], &[]);
            let y = g.node("Mul", &[&centred, &factor], &[]);
            with_parameters(g, &y)
        }),
        form("scale and shift inside, as TensorFlow", |g| {
            let mean = g.node("ReduceMean", &["x"], &[ints("axes", &[-1])]);
            let centred = g.node("Sub", &["x", &mean], &[]);
            let deviation = deviation(g, &centred, times_itself);
            let (scale, shift) = (weight(g, &[4]), weight(g, &[4]));
            let inverse = g.node("Reciprocal", &[&deviation], &[]);
            let factor = g.node("Mul", &[&inverse, &scale], &[]);
            let part = g.node("Mul", &["x", &factor], &[]);
            let taken = g.node("Mul", &[&mean, &factor], &[]);
            let rest = g.node("Sub", &[&shift, &taken], &[]);
            g.node("Add", &[&part, &rest], &[])
        }),
        form("root mean square", |g| {
            let deviation = deviation(g, "x", power);
            let y = g.node("Div", &["x", &deviation], &[]);
            let scale = weight(g, &[4]);
            g.node("Mul", &[&y, &scale], &[])
        }),
        form("without scale and shift", |g| {
            let centred = centred(g);
            let deviation = deviation(g, &centred, power);
            g.node("Div", &[&centred, &deviation], &[])
        }),
    ]
}

#[test]
fn as_several_nodes() {
    let l2 = case("L2", 13, &[1, 3, 4], &["layer-normalization"], |g| {
        let norm = g.node("ReduceL2", &["x"], &[ints("axes", &[-1])]);
        let least = scalar(g, 1e-12);
        let norm = g.node("Clip", &[&norm, &least], &[]);
        g.node("Div", &["x", &norm], &[])
    });
    all_hold(written_out().into_iter().chain([l2]).collect());
}

/// Long axes along which no parameter changes are shortened before a part is tried.
#[test]
fn along_long_axes() {
    let over_last = |name, build: fn(&mut Graph, &str) -> String| {
        case(name, 13, &[1, 2, 40], &["layer-normalization"], move |g| {
            let last = g.ints(&[-1]);
            let sum = g.node("ReduceSum", &["x", &last], &[]);
            let share = scalar(g, 1.0 / 40.0);
            let mean = g.node("Mul", &[&sum, &share], &[]);
            let centred = g.node("Sub", &["x", &mean], &[]);
            build(g, &centred)
        })
    };
    all_hold(vec![
        case("instance", 17, &[1, 3, 20, 17], &["layer-normalization"], |g| {
            let (scale, shift) = (weight(g, &[3]), weight(g, &[3]));
            g.node("InstanceNormalization", &["x", &scale, &shift], &[epsilon()])
        }),
        case("many tokens", 17, &[1, 40, 5], &["layer-normalization"], |g| {
            let (scale, shift) = (weight(g, &[5]), weight(g, &[5]));
            g.node("LayerNormalization", &["x", &scale, &shift], &[epsilon()])
        }),
        case("another factor for each token", 17, &[1, 40, 5], &["layer-normalization"], |g| {
            let scale = weight(g, &[5]);
            let y = g.node("LayerNormalization", &["x", &scale], &[epsilon()]);
            let of_token = weight(g, &[40, 1]);
            g.node("Mul", &[&y, &of_token], &[])
        }),
        over_last("unbiased variance of sums", |g, centred| {
            let square = power(g, centred);
            let last = g.ints(&[-1]);
            let sum = g.node("ReduceSum", &[&square, &last], &[]);
            let fewer = scalar(g, 39.0);
            let variance = g.node("Div", &[&sum, &fewer], &[]);
            let epsilon = scalar(g, 1e-5);
            let sum = g.node("Add", &[&variance, &epsilon], &[]);
            let deviation = g.node("Sqrt", &[&sum], &[]);
            g.node("Div", &[centred, &deviation], &[])
        }),
        over_last("L2", |g, centred| {
            let norm = g.node("ReduceL2", &[centred], &[ints("axes", &[-1])]);
            g.node("Div", &[centred, &norm], &[])
        }),
        case("a shift for each element", 17, &[1, 2, 40], &["layer-normalization"], |g| {
            let (scale, shift) = (weight(g, &[40]), weight(g, &[40]));
            g.node("LayerNormalization", &["x", &scale, &shift], &[epsilon()])
        }),
    ]);
}

#[test]
fn what_was_written_is_found() {
    for case in written_out() {
        let mut network = case.graph.load().unwrap().network;
        let passes = PassSelection::only(&["layer-normalizations"]).unwrap();
        let reports = canonize(&mut network, &passes).unwrap();
        assert!(reports[0].nodes.len() >= 4, "{}: {reports:?}", case.name);
        let Op::LayerNormalization(LayerNormalization { epsilon, is_centred, .. }) =
            &network.layers[1].op
        else {
            panic!("{}: {:?}", case.name, network.layers[1].op);
        };
        assert_eq!(*epsilon, 1e-5, "{}", case.name);
        assert_eq!(*is_centred, case.name != "root mean square");
    }
}

#[test]
fn what_is_no_normalisation_stays_apart() {
    let mut graph = Graph::with_input(13, &[1, 3, 4]);
    let centred = centred(&mut graph);
    let square = power(&mut graph, &centred);
    let variance = graph.node("ReduceMean", &[&square], &[ints("axes", &[-1])]);
    // Divided by the variance, not by its root.
    let y = graph.node("Div", &[&centred, &variance], &[]);
    graph.output(&y);
    let mut network = graph.load().unwrap().network;
    let passes = PassSelection::only(&["layer-normalizations"]).unwrap();
    assert_eq!(canonize(&mut network, &passes).unwrap(), []);
}

#[test]
fn a_normalisation_of_something_bent_is_not_one_of_the_signal() {
    // h + tanh h is 2 h where h is weak, and h where it is strong: only in between it is neither.
    let mut graph = Graph::with_input(17, &[1, 3, 4]);
    let bent = graph.node("Tanh", &["x"], &[]);
    let sum = graph.node("Add", &["x", &bent], &[]);
    let scale = weight(&mut graph, &[4]);
    let y = graph.node("LayerNormalization", &[&sum, &scale], &[]);
    graph.output(&y);
    let model = graph.load().unwrap();
    let mut network = model.network.clone();
    let passes = PassSelection::only(&["layer-normalizations"]).unwrap();
    canonize(&mut network, &passes).unwrap();
    let input = spread(&[1, 3, 4], 3);
    let (found, expected) =
        (network.evaluate(&input).unwrap(), model.run_reference(&input).unwrap());
    assert!(difference(found.data(), expected.data()) < 1e-5);
    assert!(network.layers.len() > 3);
}
