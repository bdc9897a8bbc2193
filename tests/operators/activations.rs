//! Activations, in one node and in several.

use onnxplain::explain::Predictor;
use onnxplain::parallel::Threads;

use super::{Case, all_hold, case, names, recognised, scalar, spread, weight};
use crate::support::onnx::{Graph, float, int, text};

#[test]
fn activations_in_one_node() {
    const SHAPE: &[usize] = &[1, 2, 3, 4];
    let simple = |name, op: &str, attributes: &[_]| {
        case(name, 13, SHAPE, &["activation"], |g| g.node(op, &["x"], attributes))
    };
    all_hold(vec![
        simple("Relu", "Relu", &[]),
        simple("LeakyRelu", "LeakyRelu", &[float("alpha", 0.2)]),
        simple("Elu", "Elu", &[]),
        simple("Elu alpha", "Elu", &[float("alpha", 0.5)]),
        simple("Selu", "Selu", &[]),
        simple("Tanh", "Tanh", &[]),
        simple("HardSigmoid", "HardSigmoid", &[]),
        simple("HardSigmoid of torch", "HardSigmoid", &[float("alpha", 1.0 / 6.0)]),
        simple("Softplus", "Softplus", &[]),
        simple("Softsign", "Softsign", &[]),
        simple("Celu", "Celu", &[float("alpha", 0.7)]),
        simple("ThresholdedRelu", "ThresholdedRelu", &[float("alpha", 0.7)]),
        simple("Abs", "Abs", &[]),
        simple("Erf", "Erf", &[]),
        case("HardSwish", 14, SHAPE, &["activation"], |g| g.node("HardSwish", &["x"], &[])),
        case("Mish", 18, SHAPE, &["activation"], |g| g.node("Mish", &["x"], &[])),
        case("Gelu", 20, SHAPE, &["activation"], |g| g.node("Gelu", &["x"], &[])),
        case("Gelu tanh", 20, SHAPE, &["activation"], |g| {
            g.node("Gelu", &["x"], &[text("approximate", "tanh")])
        }),
        case("PRelu", 16, SHAPE, &["activation"], |g| {
            let slope = g.floats(&[2, 1, 1], &[0.25, 0.5]);
            g.node("PRelu", &["x", &slope], &[])
        }),
        case("PRelu of one slope", 16, SHAPE, &["activation"], |g| {
            let slope = g.floats(&[1], &[0.25]);
            g.node("PRelu", &["x", &slope], &[])
        }),
        case("Clip 9", 9, SHAPE, &["activation"], |g| {
            g.node("Clip", &["x"], &[float("min", -0.5), float("max", 1.0)])
        }),
        case("Clip 10, relu6", 10, SHAPE, &["activation"], |g| {
            g.node("Clip", &["x"], &[float("min", 0.0), float("max", 6.0)])
        }),
        case("Clip 11", 11, SHAPE, &["activation"], |g| {
            let (low, high) = (scalar(g, -0.5), scalar(g, 1.0));
            g.node("Clip", &["x", &low, &high], &[])
        }),
        case("Clip 13, relu6", 13, SHAPE, &["activation"], |g| {
            let (low, high) = (scalar(g, 0.0), scalar(g, 6.0));
            g.node("Clip", &["x", &low, &high], &[])
        }),
        case("Clip from below", 13, SHAPE, &["activation"], |g| {
            let low = scalar(g, 0.5);
            g.node("Clip", &["x", &low], &[])
        }),
        case("Clip from above", 13, SHAPE, &["activation"], |g| {
            let high = scalar(g, 0.5);
            g.node("Clip", &["x", "", &high], &[])
        }),
        case("Max with 0", 13, SHAPE, &["activation"], |g| {
            let zero = scalar(g, 0.0);
            g.node("Max", &["x", &zero], &[])
        }),
        case("Sigmoid inside", 13, SHAPE, &["activation", "activation"], |g| {
            let y = g.node("Sigmoid", &["x"], &[]);
            g.node("Tanh", &[&y], &[])
        }),
    ]);
}

/// `x · clip(x + 3, 0, 6)`, the factor 1/6 still missing.
fn hard_swish_without_factor(g: &mut Graph) -> String {
    let (three, zero, six) = (scalar(g, 3.0), scalar(g, 0.0), scalar(g, 6.0));
    let y = g.node("Add", &["x", &three], &[]);
    let y = g.node("Clip", &[&y, &zero, &six], &[]);
    g.node("Mul", &["x", &y], &[])
}

#[test]
fn functions_of_a_number() {
    const SHAPE: &[usize] = &[1, 2, 3, 4];
    let simple =
        |op: &'static str| case(op, 18, SHAPE, &["activation"], |g| g.node(op, &["x"], &[]));
    // At the end they would be what reads a class off scores.
    let before_another = |op: &'static str| {
        case(op, 18, SHAPE, &["activation", "normalization"], |g| {
            let y = g.node(op, &["x"], &[]);
            g.node("Neg", &[&y], &[])
        })
    };
    // Between -0.9 and 0.9, or 1.1 and 2.9.
    let inside = |op: &'static str, kinds, scale: f32, shift: f32| {
        case(op, 18, SHAPE, kinds, |g| {
            let (scale, shift) = (scalar(g, scale), scalar(g, shift));
            let y = g.node("Mul", &["x", &scale], &[]);
            let y = g.node("Add", &[&y, &shift], &[]);
            g.node(op, &[&y], &[])
        })
    };
    const BEHIND: &[&str] = &["normalization", "normalization", "activation"];
    all_hold(vec![
        simple("Exp"),
        simple("Sin"),
        simple("Cos"),
        simple("Atan"),
        simple("Sinh"),
        simple("Cosh"),
        simple("Asinh"),
        simple("Floor"),
        simple("Ceil"),
        before_another("Round"),
        before_another("Sign"),
        inside("Log", BEHIND, 0.2, 2.0),
        inside("Sqrt", BEHIND, 0.2, 2.0),
        inside("Reciprocal", BEHIND, 0.2, 2.0),
        inside("Tan", BEHIND, 0.2, 0.0),
        inside("Asin", BEHIND, 0.2, 0.0),
        inside("Acos", BEHIND, 0.2, 0.0),
        inside("Acosh", BEHIND, 0.2, 2.0),
        inside("Atanh", BEHIND, 0.2, 0.0),
        case("Shrink, hard", 13, SHAPE, &["activation"], |g| {
            g.node("Shrink", &["x"], &[float("lambd", 1.5)])
        }),
        case("Shrink, soft", 13, SHAPE, &["activation"], |g| {
            g.node("Shrink", &["x"], &[float("lambd", 1.5), float("bias", 1.5)])
        }),
        case("squares", 13, SHAPE, &["activation"], |g| {
            let two = scalar(g, 2.0);
            g.node("Pow", &["x", &two], &[])
        }),
        case("a cast to whole numbers and back", 13, SHAPE, &["activation"], |g| {
            let y = g.node("Cast", &["x"], &[int("to", 7)]);
            g.node("Cast", &[&y], &[int("to", 1)])
        }),
    ]);
}

/// Generalised mean pooling: the mean of powers, and the root of it.
#[test]
fn generalised_mean_pooling() {
    let kinds = &["activation", "activation", "average-pool", "activation"];
    all_hold(vec![case("GeM", 13, &[1, 3, 4, 4], kinds, |g| {
        let (low, power, root) = (scalar(g, 0.1), scalar(g, 3.0), scalar(g, 1.0 / 3.0));
        let y = g.node("Clip", &["x", &low], &[]);
        let y = g.node("Pow", &[&y, &power], &[]);
        let y = g.node("GlobalAveragePool", &[&y], &[]);
        g.node("Pow", &[&y, &root], &[])
    })]);
}

fn decomposed_activations() -> Vec<(Case, &'static str)> {
    const SHAPE: &[usize] = &[1, 2, 3, 4];
    const KINDS: &[&str] = &["activation"];
    vec![
        (
            case("HardSwish: x clip(x + 3) / 6", 13, SHAPE, KINDS, |g| {
                let y = hard_swish_without_factor(g);
                let six = scalar(g, 6.0);
                g.node("Div", &[&y, &six], &[])
            }),
            "hardswish",
        ),
        (
            case("HardSwish: x clip(x + 3) * 1/6", 13, SHAPE, KINDS, |g| {
                let y = hard_swish_without_factor(g);
                let sixth = scalar(g, 1.0 / 6.0);
                g.node("Mul", &[&sixth, &y], &[])
            }),
            "hardswish",
        ),
        (
            case("HardSwish: x (clip(x + 3) / 6)", 13, SHAPE, KINDS, |g| {
                let (three, zero, six) = (scalar(g, 3.0), scalar(g, 0.0), scalar(g, 6.0));
                let y = g.node("Add", &["x", &three], &[]);
                let y = g.node("Clip", &[&y, &zero, &six], &[]);
                let y = g.node("Div", &[&y, &six], &[]);
                g.node("Mul", &["x", &y], &[])
            }),
            "hardswish",
        ),
        (
            case("HardSwish: x HardSigmoid(x)", 13, SHAPE, KINDS, |g| {
                let y = g.node("HardSigmoid", &["x"], &[float("alpha", 1.0 / 6.0)]);
                g.node("Mul", &["x", &y], &[])
            }),
            "hardswish",
        ),
        (
            case("SiLU: x sigmoid(x)", 13, SHAPE, KINDS, |g| {
                let y = g.node("Sigmoid", &["x"], &[]);
                g.node("Mul", &["x", &y], &[])
            }),
            "silu",
        ),
        (
            case("SiLU: sigmoid(x) x", 13, SHAPE, KINDS, |g| {
                let y = g.node("Sigmoid", &["x"], &[]);
                g.node("Mul", &[&y, "x"], &[])
            }),
            "silu",
        ),
        (
            case("GELU by Erf", 13, SHAPE, KINDS, |g| {
                let (root, one, half) =
                    (scalar(g, std::f32::consts::SQRT_2), scalar(g, 1.0), scalar(g, 0.5));
                let y = g.node("Div", &["x", &root], &[]);
                let y = g.node("Erf", &[&y], &[]);
                let y = g.node("Add", &[&y, &one], &[]);
                let y = g.node("Mul", &["x", &y], &[]);
                g.node("Mul", &[&y, &half], &[])
            }),
            "gelu",
        ),
        (
            case("GELU by Erf, half first", 13, SHAPE, KINDS, |g| {
                let (root, one, half) =
                    (scalar(g, std::f32::consts::FRAC_1_SQRT_2), scalar(g, 1.0), scalar(g, 0.5));
                let y = g.node("Mul", &["x", &root], &[]);
                let y = g.node("Erf", &[&y], &[]);
                let y = g.node("Add", &[&one, &y], &[]);
                let halved = g.node("Mul", &["x", &half], &[]);
                g.node("Mul", &[&halved, &y], &[])
            }),
            "gelu",
        ),
        (
            case("Mish: x tanh(softplus(x))", 13, SHAPE, KINDS, |g| {
                let y = g.node("Softplus", &["x"], &[]);
                let y = g.node("Tanh", &[&y], &[]);
                g.node("Mul", &["x", &y], &[])
            }),
            "mish",
        ),
    ]
}

#[test]
fn activations_in_several_nodes() {
    let (cases, expected): (Vec<Case>, Vec<&str>) = decomposed_activations().into_iter().unzip();
    for (case, expected) in cases.iter().zip(expected) {
        let network = recognised(&case.graph.load().unwrap().network);
        assert_eq!(names(&network), [expected], "{}", case.name);
    }
    all_hold(cases);
}

#[test]
fn activations_have_their_names() {
    let of = |op: &str, opset, attributes: &[_]| {
        let mut graph = Graph::with_input(opset, &[1, 2, 3, 4]);
        let y = graph.node(op, &["x"], attributes);
        graph.output(&y);
        let network = graph.load().unwrap().network;
        let layer = network.layers.last().unwrap();
        assert_eq!((layer.op_type.as_str(), layer.name.ends_with("_0")), (op, true));
        names(&network)[0].to_string()
    };
    assert_eq!(of("Relu", 13, &[]), "relu");
    assert_eq!(of("Clip", 10, &[float("min", 0.0), float("max", 6.0)]), "relu6");
    assert_eq!(of("HardSwish", 14, &[]), "hardswish");
    assert_eq!(of("Softplus", 13, &[]), "softplus");
    assert_eq!(of("Mish", 18, &[]), "mish");
    assert_eq!(of("Gelu", 20, &[]), "gelu");
    assert_eq!(of("Elu", 13, &[]), "elu");
    assert_eq!(of("LeakyRelu", 13, &[]), "leakyrelu");
    assert_eq!(of("Selu", 13, &[]), "selu");
}

/// A convolution of `x`, which has three channels; the filter in the middle has a bias of NaN if it is `spoilt`.
fn convolved(g: &mut Graph, filters: usize, spoilt: bool) -> String {
    let mut biases = vec![0.5; filters];
    if spoilt {
        biases[filters / 2] = f32::NAN;
    }
    let (w, b) = (weight(g, &[filters, 3, 3, 3]), g.floats(&[filters], &biases));
    g.node("Conv", &["x", &w, &b], &[])
}

/// A function of the value of that name, and of another one of as many channels.
type Behind = fn(&mut Graph, &str, &str) -> String;

#[test]
fn nan_does_not_vanish_in_what_clips() {
    let behind: [(&str, Behind); 9] = [
        ("Relu", |g, y, _| g.node("Relu", &[y], &[])),
        ("LeakyRelu", |g, y, _| g.node("LeakyRelu", &[y], &[])),
        ("HardSigmoid", |g, y, _| g.node("HardSigmoid", &[y], &[])),
        ("HardSwish", |g, y, _| g.node("HardSwish", &[y], &[])),
        ("Clip", |g, y, _| {
            let (low, high) = (scalar(g, 0.0), scalar(g, 6.0));
            g.node("Clip", &[y, &low, &high], &[])
        }),
        ("Min of a number", |g, y, _| {
            let high = scalar(g, 0.25);
            g.node("Min", &[&high, y], &[])
        }),
        ("Max of signals", |g, y, other| g.node("Max", &[y, other], &[])),
        ("Max of signals, turned", |g, y, other| g.node("Max", &[other, y], &[])),
        ("Min of signals", |g, y, other| g.node("Min", &[other, y], &[])),
    ];
    // Fewer channels than a block has, as many, and no multiple of it.
    for (filters, (name, behind)) in [4, 16, 35].into_iter().flat_map(|n| behind.map(|b| (n, b))) {
        let mut graph = Graph::with_input(17, &[1, 3, 8, 8]);
        let y = convolved(&mut graph, filters, true);
        let other = match name.contains("signals") {
            true => convolved(&mut graph, filters, false),
            false => String::new(),
        };
        let y = behind(&mut graph, &y, &other);
        let y = graph.node("GlobalAveragePool", &[&y], &[]);
        graph.output(&y);
        let network = graph.load().unwrap().network;
        let input = spread(&[1, 3, 8, 8], 5);
        let plain = network.evaluate(&input).unwrap();
        let fused = Predictor::new(network, Threads::default()).unwrap().logits(&input).unwrap();
        for values in [plain, fused] {
            assert_eq!(values.len(), filters);
            for (channel, value) in values.data().iter().enumerate() {
                let expected = channel == filters / 2;
                assert_eq!(value.is_nan(), expected, "{name}, channel {channel} of {filters}");
            }
        }
    }
}

#[test]
fn the_maximum_of_a_signal_and_nan_is_nan() {
    for shape in [&[][..], &[3, 1, 1]] {
        let mut graph = Graph::with_input(17, &[1, 3, 4, 4]);
        let numbers = graph.floats(shape, &vec![f32::NAN; shape.iter().product()]);
        let y = graph.node("Max", &["x", &numbers], &[]);
        graph.output(&y);
        let values = graph.load().unwrap().network.evaluate(&spread(&[1, 3, 4, 4], 5)).unwrap();
        assert!(values.data().iter().all(|value| value.is_nan()), "{shape:?}");
    }
}
