//! Pooling, reductions, and arithmetic of signals and constants.

use super::{
    all_hold, case, check_books, check_gradient, check_value, refusal, scalar, spread, weight,
};
use crate::support::onnx::{Graph, int, ints, text};
use crate::support::{Numbers, difference, explain, noise};
use onnxplain::composite::Composite;
use onnxplain::onnx::LoadOptions;

#[test]
fn poolings() {
    let pool = |name, op: &str, shape: &[usize], kinds, attributes: &[_]| {
        case(name, 19, shape, kinds, |g| g.node(op, &["x"], attributes))
    };
    let max = |name, shape: &[usize], attributes: &[_]| {
        pool(name, "MaxPool", shape, &["max-pool"], attributes)
    };
    let average = |name, shape: &[usize], attributes: &[_]| {
        pool(name, "AveragePool", shape, &["average-pool"], attributes)
    };
    let kernel = || ints("kernel_shape", &[3, 2]);
    let (strides, pads) = (|| ints("strides", &[2, 2]), || ints("pads", &[1, 0, 1, 1]));
    const SHAPE: &[usize] = &[1, 2, 6, 5];
    all_hold(vec![
        max("MaxPool", SHAPE, &[kernel()]),
        max("MaxPool padded", SHAPE, &[kernel(), strides(), pads()]),
        max("MaxPool ceil", SHAPE, &[kernel(), strides(), int("ceil_mode", 1)]),
        max("MaxPool dilated", SHAPE, &[kernel(), ints("dilations", &[2, 2])]),
        max("MaxPool 1-D", &[1, 2, 7], &[ints("kernel_shape", &[3]), ints("strides", &[2])]),
        max("MaxPool SAME", SHAPE, &[kernel(), strides(), text("auto_pad", "SAME_UPPER")]),
        average("AveragePool", SHAPE, &[kernel()]),
        average("AveragePool padded", SHAPE, &[kernel(), strides(), pads()]),
        average(
            "AveragePool counting padding",
            SHAPE,
            &[kernel(), strides(), pads(), int("count_include_pad", 1)],
        ),
        average("AveragePool ceil", SHAPE, &[kernel(), strides(), int("ceil_mode", 1)]),
        average(
            "AveragePool ceil counting padding",
            SHAPE,
            &[kernel(), strides(), pads(), int("ceil_mode", 1), int("count_include_pad", 1)],
        ),
        average("AveragePool SAME", SHAPE, &[kernel(), strides(), text("auto_pad", "SAME_UPPER")]),
        average("AveragePool 3-D", &[1, 2, 3, 4, 3], &[ints("kernel_shape", &[2, 2, 2])]),
        pool("GlobalAveragePool", "GlobalAveragePool", SHAPE, &["average-pool"], &[]),
        pool("GlobalMaxPool", "GlobalMaxPool", SHAPE, &["reshape", "max-pool", "reshape"], &[]),
    ]);
}

#[test]
fn reductions() {
    const SHAPE: &[usize] = &[1, 3, 4, 5];
    const KINDS: &[&str] = &["average-pool"];
    const SQUEEZED: &[&str] = &["average-pool", "reshape", "reshape"];
    let by_attribute = |name, op: &str, axes: &[i64], keep, kinds| {
        case(name, 13, SHAPE, kinds, |g| {
            g.node(op, &["x"], &[ints("axes", axes), int("keepdims", keep)])
        })
    };
    all_hold(vec![
        by_attribute("over space", "ReduceMean", &[2, 3], 1, KINDS),
        by_attribute("over space, squeezed", "ReduceMean", &[2, 3], 0, SQUEEZED),
        by_attribute("over channels", "ReduceMean", &[1], 1, KINDS),
        by_attribute("negative axes", "ReduceMean", &[-1, -2], 1, KINDS),
        by_attribute(
            "over two blocks",
            "ReduceMean",
            &[1, 3],
            1,
            &["average-pool", "average-pool"],
        ),
        case("by input", 18, SHAPE, KINDS, |g| {
            let axes = g.ints(&[2, 3]);
            g.node("ReduceMean", &["x", &axes], &[])
        }),
        case("by input, squeezed", 18, SHAPE, SQUEEZED, |g| {
            let axes = g.ints(&[2, 3]);
            g.node("ReduceMean", &["x", &axes], &[int("keepdims", 0)])
        }),
        case("sum", 13, SHAPE, KINDS, |g| {
            let axes = g.ints(&[2]);
            g.node("ReduceSum", &["x", &axes], &[])
        }),
        by_attribute("maximum", "ReduceMax", &[2, 3], 1, &["reshape", "max-pool", "reshape"]),
        by_attribute(
            "maximum over channels",
            "ReduceMax",
            &[1],
            0,
            &["reshape", "max-pool", "reshape", "reshape"],
        ),
        by_attribute(
            "minimum",
            "ReduceMin",
            &[2, 3],
            1,
            &["normalization", "reshape", "max-pool", "reshape", "normalization"],
        ),
        by_attribute("absolute values", "ReduceL1", &[2, 3], 1, &["activation", "average-pool"]),
        by_attribute(
            "Euclidean norm",
            "ReduceL2",
            &[2, 3],
            1,
            &["activation", "average-pool", "activation"],
        ),
        by_attribute("squares", "ReduceSumSquare", &[1], 1, &["activation", "average-pool"]),
        by_attribute(
            "logarithm of a sum of powers",
            "ReduceLogSumExp",
            &[3],
            1,
            &["activation", "average-pool", "activation"],
        ),
        case(
            "product",
            13,
            &[1, 3, 2],
            &[
                "reshape", "reshape", "reshape", "product", "reshape", "concat", "reshape",
                "reshape", "product", "reshape",
            ],
            |g| g.node("ReduceProd", &["x"], &[ints("axes", &[1]), int("keepdims", 1)]),
        ),
    ]);
}

#[test]
fn arithmetic_with_constants() {
    const SHAPE: &[usize] = &[1, 3, 2, 4];
    const KINDS: &[&str] = &["normalization"];
    let with = |name, op: &str, shape: &[usize], constant_first: bool| {
        case(name, 13, SHAPE, KINDS, |g| {
            let count: usize = shape.iter().product();
            let c = g.floats(shape, &Numbers::new(9).between(0.5, 2.0, count));
            if constant_first { g.node(op, &[&c, "x"], &[]) } else { g.node(op, &["x", &c], &[]) }
        })
    };
    all_hold(vec![
        with("x + c", "Add", &[3, 1, 1], false),
        with("c + x", "Add", &[1], true),
        with("x - c", "Sub", &[1, 3, 1, 1], false),
        with("c - x", "Sub", &[3, 1, 1], true),
        with("x * c", "Mul", &[4], false),
        with("c * x", "Mul", &[3, 2, 4], true),
        with("x / c", "Div", &[3, 1, 1], false),
        with("x * c, axes apart", "Mul", &[3, 1, 4], false),
        case(
            "a constant larger than the signal",
            13,
            &[1, 1, 2, 4],
            &["reshape", "normalization"],
            |g| {
                let c = weight(g, &[1, 3, 2, 4]);
                g.node("Mul", &["x", &c], &[])
            },
        ),
    ]);
    let positive = |name, op: &str, constant_first: bool| {
        case(name, 13, SHAPE, &["activation", "normalization", "activation"], |g| {
            let (one, c) = (scalar(g, 1.0), g.floats(&[3, 1, 1], &[0.5, 2.0, 3.0]));
            let y = g.node("Abs", &["x"], &[]);
            let y = g.node("Add", &[&y, &one], &[]);
            if constant_first { g.node(op, &[&c, &y], &[]) } else { g.node(op, &[&y, &c], &[]) }
        })
    };
    all_hold(vec![
        case("x mod c", 13, SHAPE, &["activation"], |g| {
            let c = scalar(g, 1.5);
            g.node("Mod", &["x", &c], &[int("fmod", 1)])
        }),
        positive("c / x", "Div", true),
        positive("x ^ c", "Pow", false),
        positive("c ^ x", "Pow", true),
    ]);
}

/// Two convolutions of the input, to be combined.
fn branches(g: &mut Graph) -> [String; 2] {
    [(); 2].map(|()| {
        let w = weight(g, &[3, 2, 1, 1]);
        g.node("Conv", &["x", &w], &[])
    })
}

#[test]
fn arithmetic_of_two_signals() {
    const SHAPE: &[usize] = &[1, 2, 2, 3];
    let two = |name, op: &str, kinds| {
        case(name, 13, SHAPE, kinds, |g| {
            let [a, b] = branches(g);
            g.node(op, &[&a, &b], &[])
        })
    };
    all_hold(vec![
        two("a + b", "Add", &["convolution", "convolution", "sum"]),
        two("a - b", "Sub", &["convolution", "convolution", "sum"]),
        two("a * b", "Mul", &["convolution", "convolution", "product"]),
        two("Sum of two", "Sum", &["convolution", "convolution", "sum"]),
        case("a + a", 13, SHAPE, &["convolution", "normalization"], |g| {
            let w = weight(g, &[3, 2, 1, 1]);
            let a = g.node("Conv", &["x", &w], &[]);
            let two = scalar(g, 2.0);
            g.node("Mul", &[&a, &two], &[])
        }),
        case("broadcast sum", 13, SHAPE, &["convolution", "average-pool", "sum"], |g| {
            let w = weight(g, &[3, 2, 1, 1]);
            let a = g.node("Conv", &["x", &w], &[]);
            let b = g.node("GlobalAveragePool", &[&a], &[]);
            g.node("Sub", &[&b, &a], &[])
        }),
        case(
            "broadcast apart",
            13,
            SHAPE,
            &["convolution", "average-pool", "reshape", "sum"],
            |g| {
                let w = weight(g, &[3, 2, 1, 1]);
                let a = g.node("Conv", &["x", &w], &[]);
                let b = g.node("ReduceMean", &[&a], &[ints("axes", &[2])]);
                g.node("Add", &[&a, &b], &[])
            },
        ),
        case(
            "squeeze and excite",
            13,
            SHAPE,
            &["convolution", "average-pool", "convolution", "activation", "gate"],
            |g| {
                let (w, v) = (weight(g, &[3, 2, 1, 1]), weight(g, &[3, 3, 1, 1]));
                let a = g.node("Conv", &["x", &w], &[]);
                let s = g.node("GlobalAveragePool", &[&a], &[]);
                let s = g.node("Conv", &[&s, &v], &[]);
                let s = g.node("Sigmoid", &[&s], &[]);
                g.node("Mul", &[&a, &s], &[])
            },
        ),
        two("a / b", "Div", &["convolution", "convolution", "gate"]),
        two("the larger", "Max", &["convolution", "convolution", "max-pool"]),
        two("the smaller", "Min", &["convolution", "convolution", "max-pool"]),
        case(
            "two that broadcast against each other",
            13,
            SHAPE,
            &["average-pool", "average-pool", "reshape", "gate"],
            |g| {
                let a = g.node("ReduceMean", &["x"], &[ints("axes", &[2, 3])]);
                let b = g.node("ReduceMean", &["x"], &[ints("axes", &[1])]);
                g.node("Mul", &[&a, &b], &[])
            },
        ),
        case(
            "a signal over its norm",
            13,
            SHAPE,
            &["activation", "average-pool", "activation", "normalization", "gate"],
            |g| {
                let norm = g.node("ReduceL2", &["x"], &[ints("axes", &[1])]);
                let epsilon = scalar(g, 0.1);
                let norm = g.node("Add", &[&norm, &epsilon], &[]);
                g.node("Div", &["x", &norm], &[])
            },
        ),
        case(
            "a signal and its negative",
            13,
            SHAPE,
            &["normalization", "concat", "activation"],
            |g| {
                let negative = g.node("Neg", &["x"], &[]);
                let both = g.node("Concat", &["x", &negative], &[int("axis", 1)]);
                g.node("Relu", &[&both], &[])
            },
        ),
        case("a sum of three", 13, SHAPE, &["convolution", "convolution", "sum", "sum"], |g| {
            let [a, b] = branches(g);
            g.node("Sum", &[&a, &b, &a], &[])
        }),
        case("x + relu(x)", 13, SHAPE, &["activation", "sum"], |g| {
            let y = g.node("Relu", &["x"], &[]);
            g.node("Add", &["x", &y], &[])
        }),
    ]);
}

#[test]
fn a_remainder_of_two_signals_has_a_gradient_and_relevance_by_permission() {
    let mut graph = Graph::with_input(13, &[1, 2, 2, 3]);
    let [a, b] = branches(&mut graph);
    let a = graph.node("Exp", &[&a], &[]);
    let b = graph.node("Exp", &[&b], &[]);
    let y = graph.node("Mod", &[&a, &b], &[int("fmod", 1)]);
    graph.output(&y);
    let error = refusal(&graph);
    assert!(error.contains("Mod") && error.contains("mod_4"), "{error}");
    assert!(error.contains("--allow-gradient Mod"), "{error}");
    let options = LoadOptions { allow_gradient: vec!["Mod".to_string()], ..LoadOptions::default() };
    let (plain, allowed) = (graph.load().unwrap(), graph.load_with(&options).unwrap());
    let input = noise(&plain.inputs[0].shape, 1);
    check_value(&plain, &input).unwrap();
    check_gradient(&plain.network, &input).unwrap();
    check_books(&allowed.network, &input).unwrap();
}

/// Relevance through a step that only changes the sign is what it was, not its negative.
#[test]
fn a_negative_hands_on_the_relevance_that_it_got() {
    let mut graph = Graph::with_input(13, &[1, 4]);
    let y = graph.node("Neg", &["x"], &[]);
    graph.output(&y);
    let network = graph.load().unwrap().network;
    let (input, initial) = (spread(&[1, 4], 1), noise(&[1, 4], 2));
    let composite = Composite::find("epsilon").unwrap();
    let relevance =
        explain(&network, &composite, None, &input, &initial).unwrap().relevance[0].clone();
    assert_eq!(relevance.data(), initial.data());
}

#[test]
fn a_constant_that_looks_like_one_number_per_channel_is_none() {
    // Over [1, 4, 3, 4] the constant [4] lies along the last axis; over [1, 4, 2, 2] the map [2, 2] in space.
    for (size, constant) in [([3, 4], vec![4]), ([2, 2], vec![2, 2]), ([2, 2], vec![1, 1, 2, 2])] {
        let mut graph = Graph::with_input(13, &[1, 2, size[0], size[1]]);
        let (w, c) = (weight(&mut graph, &[4, 2, 1, 1]), weight(&mut graph, &constant));
        let y = graph.node("Conv", &["x", &w], &[]);
        let y = graph.node("Add", &[&y, &c], &[]);
        graph.output(&y);
        let model = graph.load().unwrap();
        let input = spread(&model.inputs[0].shape, 5);
        check_value(&model, &input).unwrap();
        let mut network = model.network.clone();
        let all = onnxplain::canonize::PassSelection::all();
        onnxplain::canonize::canonize(&mut network, &all).unwrap();
        let (ours, before) =
            (network.evaluate(&input).unwrap(), model.network.evaluate(&input).unwrap());
        let error = difference(ours.data(), before.data());
        assert!(error < 1e-5, "the bias {constant:?} over {size:?}: {error:e}");
    }
}

#[test]
fn a_layer_without_a_positive_weight_hands_down_nothing() {
    let mut graph = Graph::with_input(13, &[1, 2, 3, 3]);
    let y = graph.node("Relu", &["x"], &[]);
    let w = graph.floats(&[1, 2, 1, 1], &[-1.0, -0.5]);
    let y = graph.node("Conv", &[&y, &w], &[]);
    let y = graph.node("Relu", &[&y], &[]);
    let v = graph.floats(&[2, 1, 1, 1], &[-1.0, 0.0]);
    let y = graph.node("Conv", &[&y, &v], &[]);
    graph.output(&y);
    let network = graph.load().unwrap().network;
    let (input, initial) = (spread(&[1, 2, 3, 3], 1), noise(&[1, 2, 3, 3], 2));
    for preset in
        ["epsilon-plus", "excitation-backprop", "gamma", "epsilon-alpha2-beta1", "epsilon"]
    {
        let composite = Composite::find(preset).unwrap();
        let attribution = explain(&network, &composite, None, &input, &initial);
        let attribution = attribution.unwrap_or_else(|error| panic!("{preset}: {error:#}"));
        assert!(attribution.conservation.worst_imbalance() < 1e-4, "{preset}");
    }
}
