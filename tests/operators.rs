//! Every operator: what it computes against tract's own plan of the file, its gradient against finite
//! differences, the books of relevance, and the kind of layer that it becomes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use anyhow::{Context, Result, ensure};
use onnxplain::canonize::{PassSelection, canonize};
use onnxplain::composite::{Assignment, Composite};
use onnxplain::explain::InputRange;
use onnxplain::model::{LoadOptions, Model};
use onnxplain::network::{Network, Op, OutputFunction};
use onnxplain::operator::Operator;
use onnxplain::tensor::Tensor;
use support::onnx::{Graph, float, float_tensor, int, ints, tensor, text};
use support::{Numbers, difference, explain, message, noise};

/// A graph, and the kinds of the layers behind its input, in order.
struct Case {
    name: &'static str,
    graph: Graph,
    kinds: &'static [&'static str],
}

/// A graph of one input `x`, whose output `build` returns.
fn case(
    name: &'static str,
    opset: i64,
    shape: &[usize],
    kinds: &'static [&'static str],
    build: impl FnOnce(&mut Graph) -> String,
) -> Case {
    let mut graph = Graph::with_input(opset, shape);
    let output = build(&mut graph);
    graph.output(&output);
    Case { name, graph, kinds }
}

/// A stored weight of numbers between −1 and 1.
fn weight(graph: &mut Graph, shape: &[usize]) -> String {
    let seed = 100 + graph.proto.initializer.len() as u64;
    graph.floats(shape, &Numbers::new(seed).between(-1.0, 1.0, shape.iter().product()))
}

/// A number.
fn scalar(graph: &mut Graph, value: f32) -> String {
    graph.floats(&[], &[value])
}

fn all_hold(cases: Vec<Case>) {
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| check(case).err().map(|error| format!("{}: {error:#}", case.name)))
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn check(case: &Case) -> Result<()> {
    let model = case.graph.load()?;
    let kinds = kinds(&recognised(&model.network));
    ensure!(kinds == case.kinds, "it became {kinds:?}");
    for seed in [1, 2] {
        let input = spread(&model.input.shape, seed);
        check_value(&model, &input)?;
        check_gradient(&model.network, &input)?;
        check_books(&model.network, &input)?;
    }
    Ok(())
}

/// Numbers between −4 and 4.
fn spread(shape: &[usize], seed: u64) -> Tensor {
    noise(shape, seed).map(|value| 4.0 * value).unwrap()
}

/// The network with activations and gates that an exporter wrote as several nodes put together.
fn recognised(network: &Network) -> Network {
    let mut network = network.clone();
    canonize(&mut network, &PassSelection::only(&["activations", "gates"]).unwrap()).unwrap();
    network
}

/// Why the network cannot be explained.
fn refusal(graph: &Graph) -> String {
    let network = graph.load().unwrap().network;
    message(Assignment::of(&network, &Composite::find("epsilon-plus").unwrap()))
}

fn kinds(network: &Network) -> Vec<&'static str> {
    network.layers[1..].iter().map(|layer| layer.kind().word()).collect()
}

fn names(network: &Network) -> Vec<&str> {
    let activations = network.layers.iter().filter_map(|layer| match &layer.op {
        Op::Activation(activation) => Some(activation.name.as_str()),
        _ => None,
    });
    activations.collect()
}

fn check_value(model: &Model, input: &Tensor) -> Result<()> {
    let reference = model.run_reference(input).context("the reference")?;
    let mut ours = model.network.evaluate(input)?;
    match &model.network.output_function {
        Some(OutputFunction::Softmax(softmax) | OutputFunction::LogSoftmax(softmax)) => {
            ours = softmax.forward(vec![ours])?;
        }
        Some(OutputFunction::Sigmoid) => ours = ours.map(|x| 1.0 / (1.0 + (-x).exp()))?,
        None => ensure!(
            ours.shape() == reference.shape(),
            "its shape is {:?} instead of {:?}",
            ours.shape(),
            reference.shape()
        ),
    }
    ensure!(ours.len() == reference.len(), "{:?} is not {:?}", ours.shape(), reference.shape());
    let error = difference(ours.data(), reference.data());
    ensure!(error < 1e-5, "its value is wrong by {error:e}");
    Ok(())
}

/// Step of the difference quotients.
const STEP: f32 = 1.0 / 256.0;

/// The gradient against central differences, except where the one-sided ones show a kink.
fn check_gradient(network: &Network, input: &Tensor) -> Result<()> {
    let seeds = noise(&network.layers[network.output].shape, 77);
    let composite = Composite::find("gradient")?;
    let gradient = explain(network, &composite, None, input, &seeds)?.relevance;
    let value = |at: usize, change: f32| -> Result<f64> {
        let mut input = input.clone();
        input.data_mut()[at] += change;
        let output = network.evaluate(&input)?;
        let products = output.data().iter().zip(seeds.data());
        Ok(products.map(|(&y, &s)| f64::from(y) * f64::from(s)).sum())
    };
    let scale = f64::from(gradient.max_abs()).max(1e-2);
    let mut kinks = 0;
    for at in 0..input.len() {
        let [low, middle, high] = [value(at, -STEP)?, value(at, 0.0)?, value(at, STEP)?];
        let step = f64::from(STEP);
        let slopes = [(middle - low) / step, (high - middle) / step];
        if (slopes[0] - slopes[1]).abs() > 0.05 * scale {
            kinks += 1;
            continue;
        }
        let (slope, ours) = ((high - low) / (2.0 * step), f64::from(gradient.data()[at]));
        ensure!(
            (slope - ours).abs() < 1e-2 * scale,
            "its gradient by element {at} is {ours}, but the difference quotient {slope}"
        );
    }
    ensure!(kinks * 4 <= input.len(), "{kinks} kinks among {} elements", input.len());
    Ok(())
}

const WITHOUT_BIAS: &str = "
name: without-bias
rules:
  - { when: { kind: convolution }, rule: { z-plus: { bias: false } } }
  - { when: { kind: dense }, rule: { epsilon: { bias: false } } }
  - { when: { kind: [sum, average-pool, resize] }, rule: norm }
  - { when: { kind: softmax }, rule: gradient }
  - { when: { kind: [activation, normalization, gate, product] }, rule: pass }
";

/// Every layer hands down what it got, less what bias and stabilizer absorb.
fn check_books(network: &Network, input: &Tensor) -> Result<()> {
    let initial = noise(&network.layers[network.output].shape, 78);
    let without_bias = Composite::parse(WITHOUT_BIAS, "test")?;
    let presets = ["epsilon-plus", "gamma", "epsilon-alpha2-beta1-flat", "w-square-plus"];
    let presets = presets.iter().map(|name| Composite::find(name)).collect::<Result<Vec<_>>>()?;
    if network.layers.iter().any(|layer| layer.unknown.is_some()) {
        return Ok(());
    }
    for composite in presets.iter().chain([&without_bias]) {
        let range = InputRange { low: vec![-4.0], high: vec![4.0], channel_axis: 1 };
        let attribution = explain(network, composite, Some(&range), input, &initial)
            .with_context(|| composite.name.clone())?;
        let books = attribution.books;
        let worst = books.worst_imbalance();
        ensure!(worst < 1e-4, "the books of {} are out of balance by {worst:e}", composite.name);
        let arrived = attribution.relevance.sum();
        ensure!((arrived - books.input_sum).abs() <= 1e-6 * arrived.abs().max(1.0));
    }
    Ok(())
}

#[test]
fn convolutions() {
    const KINDS: &[&str] = &["convolution"];
    let conv = |name, shape: &[usize], kernel: &[usize], attributes: &[_]| {
        let outputs = kernel[0];
        case(name, 13, shape, KINDS, |g| {
            let (w, b) = (weight(g, kernel), weight(g, &[outputs]));
            g.node("Conv", &["x", &w, &b], attributes)
        })
    };
    all_hold(vec![
        conv("1-D", &[1, 2, 9], &[3, 2, 3], &[ints("strides", &[2]), ints("pads", &[1, 0])]),
        conv("2-D", &[1, 2, 5, 6], &[3, 2, 3, 2], &[ints("pads", &[1, 0, 2, 1])]),
        conv("3-D", &[1, 2, 3, 4, 3], &[2, 2, 2, 3, 2], &[ints("pads", &[0, 1, 1, 1, 0, 0])]),
        conv("grouped", &[1, 4, 4, 4], &[6, 2, 2, 2], &[int("group", 2)]),
        conv(
            "depthwise",
            &[1, 3, 5, 5],
            &[3, 1, 3, 3],
            &[int("group", 3), ints("strides", &[2, 2])],
        ),
        conv("depthwise multiplier", &[1, 2, 5, 5], &[4, 1, 3, 3], &[int("group", 2)]),
        conv(
            "dilated, strided",
            &[1, 2, 7, 8],
            &[2, 2, 2, 3],
            &[ints("dilations", &[3, 2]), ints("strides", &[2, 3]), ints("pads", &[1, 2, 0, 1])],
        ),
        conv("stride beyond kernel", &[1, 2, 7, 7], &[2, 2, 2, 2], &[ints("strides", &[3, 4])]),
        conv("SAME_UPPER", &[1, 2, 6, 5], &[2, 2, 3, 2], &[text("auto_pad", "SAME_UPPER")]),
        conv(
            "SAME_LOWER strided",
            &[1, 2, 6, 5],
            &[2, 2, 3, 2],
            &[text("auto_pad", "SAME_LOWER"), ints("strides", &[2, 2])],
        ),
        conv("VALID", &[1, 2, 6, 5], &[2, 2, 3, 2], &[text("auto_pad", "VALID")]),
        case("without bias", 13, &[1, 2, 4, 4], KINDS, |g| {
            let w = weight(g, &[3, 2, 1, 1]);
            g.node("Conv", &["x", &w], &[])
        }),
    ]);
}

#[test]
fn transposed_convolutions() {
    const KINDS: &[&str] = &["convolution"];
    let conv = |name, shape: &[usize], kernel: &[usize], outputs, attributes: &[_]| {
        case(name, 13, shape, KINDS, |g| {
            let (w, b) = (weight(g, kernel), weight(g, &[outputs]));
            g.node("ConvTranspose", &["x", &w, &b], attributes)
        })
    };
    all_hold(vec![
        conv("1-D", &[1, 2, 5], &[2, 3, 3], 3, &[ints("strides", &[2])]),
        conv(
            "2-D",
            &[1, 2, 3, 4],
            &[2, 3, 3, 2],
            3,
            &[ints("strides", &[2, 3]), ints("pads", &[1, 0, 0, 1])],
        ),
        conv(
            "output padding",
            &[1, 2, 3, 4],
            &[2, 2, 3, 3],
            2,
            &[
                ints("strides", &[2, 2]),
                ints("output_padding", &[1, 1]),
                ints("pads", &[1, 1, 1, 1]),
            ],
        ),
        conv(
            "grouped",
            &[1, 4, 3, 3],
            &[4, 3, 2, 2],
            6,
            &[int("group", 2), ints("strides", &[2, 2])],
        ),
        conv(
            "dilated",
            &[1, 2, 3, 4],
            &[2, 2, 2, 3],
            2,
            &[ints("dilations", &[2, 2]), ints("strides", &[1, 2])],
        ),
        conv("3-D", &[1, 2, 2, 3, 2], &[2, 1, 2, 2, 2], 1, &[ints("strides", &[1, 2, 1])]),
    ]);
}

#[test]
fn dense_layers() {
    let gemm = |name, w: [usize; 2], attributes: &[_]| {
        case(name, 13, &[1, 5], &["dense"], |g| {
            let (w, b) = (weight(g, &w), weight(g, &[3]));
            g.node("Gemm", &["x", &w, &b], attributes)
        })
    };
    all_hold(vec![
        gemm("Gemm", [5, 3], &[]),
        gemm("Gemm transB", [3, 5], &[int("transB", 1)]),
        gemm("Gemm alpha", [3, 5], &[int("transB", 1), float("alpha", 0.5)]),
        gemm("Gemm beta", [3, 5], &[int("transB", 1), float("beta", 0.25)]),
        gemm("Gemm both", [3, 5], &[int("transB", 1), float("alpha", 3.0), float("beta", 0.25)]),
        case("Gemm without bias", 13, &[1, 5], &["dense"], |g| {
            let w = weight(g, &[5, 3]);
            g.node("Gemm", &["x", &w], &[])
        }),
        case("Gemm transA", 13, &[1, 4], &["reshape", "reshape", "dense"], |g| {
            let w = weight(g, &[3, 4]);
            let columns = g.node("Transpose", &["x"], &[ints("perm", &[1, 0])]);
            let x = g.node("Gemm", &[&columns, &w], &[int("transA", 1), int("transB", 1)]);
            g.node("Identity", &[&x], &[])
        }),
        case("MatMul, Add", 13, &[1, 5], &["dense", "normalization"], |g| {
            let (w, b) = (weight(g, &[5, 3]), weight(g, &[3]));
            let product = g.node("MatMul", &["x", &w], &[]);
            g.node("Add", &[&product, &b], &[])
        }),
        case("MatMul over positions", 13, &[1, 4, 5], &["dense", "normalization"], |g| {
            let (w, b) = (weight(g, &[5, 3]), weight(g, &[3]));
            let product = g.node("MatMul", &["x", &w], &[]);
            g.node("Add", &[&b, &product], &[])
        }),
        case("MatMul from the left", 13, &[1, 4, 5], &["reshape", "dense", "reshape"], |g| {
            let w = weight(g, &[3, 4]);
            g.node("MatMul", &[&w, "x"], &[])
        }),
    ]);
}

#[test]
fn batch_normalizations() {
    let normalized = |g: &mut Graph, value: &str, channels: usize| {
        let [scale, shift, mean] = [(); 3].map(|()| weight(g, &[channels]));
        let variance = g.floats(&[channels], &Numbers::new(3).between(0.5, 2.0, channels));
        let epsilon = float("epsilon", 1e-3);
        g.node("BatchNormalization", &[value, &scale, &shift, &mean, &variance], &[epsilon])
    };
    all_hold(vec![
        case("alone", 15, &[1, 3, 4, 4], &["normalization"], |g| normalized(g, "x", 3)),
        case("opset 9", 9, &[1, 3, 4, 4], &["normalization"], |g| normalized(g, "x", 3)),
        case("of a vector", 15, &[1, 3], &["normalization"], |g| normalized(g, "x", 3)),
        case("after Conv", 15, &[1, 2, 4, 4], &["convolution", "normalization"], |g| {
            let w = weight(g, &[3, 2, 3, 3]);
            let y = g.node("Conv", &["x", &w], &[]);
            normalized(g, &y, 3)
        }),
        case("after ConvTranspose", 15, &[1, 2, 3, 3], &["convolution", "normalization"], |g| {
            let w = weight(g, &[2, 3, 2, 2]);
            let y = g.node("ConvTranspose", &["x", &w], &[ints("strides", &[2, 2])]);
            normalized(g, &y, 3)
        }),
        case("after Gemm", 15, &[1, 4], &["dense", "normalization"], |g| {
            let (w, b) = (weight(g, &[3, 4]), weight(g, &[3]));
            let y = g.node("Gemm", &["x", &w, &b], &[int("transB", 1)]);
            normalized(g, &y, 3)
        }),
        case(
            "before ReLU and Conv",
            15,
            &[1, 2, 4, 4],
            &["normalization", "activation", "convolution"],
            |g| {
                let y = normalized(g, "x", 2);
                let y = g.node("Relu", &[&y], &[]);
                let w = weight(g, &[3, 2, 3, 3]);
                g.node("Conv", &[&y, &w], &[ints("pads", &[1, 1, 1, 1])])
            },
        ),
    ]);
}

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
    let mut graph = Graph::with_input(13, SHAPE);
    let c = scalar(&mut graph, 2.0);
    let y = graph.node("Div", &[&c, "x"], &[]);
    graph.output(&y);
    let error = refusal(&graph);
    assert!(error.contains("Div") && error.contains("div_0"), "{error}");
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
fn a_quotient_of_two_signals_needs_permission() {
    let mut graph = Graph::with_input(13, &[1, 2, 2, 3]);
    let [a, b] = branches(&mut graph);
    let b = graph.node("Sigmoid", &[&b], &[]);
    let y = graph.node("Div", &[&a, &b], &[]);
    graph.output(&y);
    let error = refusal(&graph);
    assert!(error.contains("Div") && error.contains("div_3"), "{error}");
    assert!(error.contains("--allow-gradient Div"), "{error}");
    let options = LoadOptions { allow_gradient: vec!["Div".to_string()], ..LoadOptions::default() };
    let model = graph.load_with(&options).unwrap();
    let input = noise(&model.input.shape, 1);
    check_value(&model, &input).unwrap();
    check_gradient(&model.network, &input).unwrap();
}

#[test]
fn moves() {
    const SHAPE: &[usize] = &[1, 4, 3, 5];
    const KINDS: &[&str] = &["reshape"];
    let flat_case =
        |name, opset, build: fn(&mut Graph) -> String| case(name, opset, SHAPE, KINDS, build);
    all_hold(vec![
        case("Concat", 13, SHAPE, &["activation", "concat"], |g| {
            let y = g.node("Relu", &["x"], &[]);
            g.node("Concat", &["x", &y], &[int("axis", 1)])
        }),
        case("Concat with itself on the last axis", 13, SHAPE, &["concat"], |g| {
            g.node("Concat", &["x", "x"], &[int("axis", -1)])
        }),
        case("Concat with a constant", 13, SHAPE, &["constant", "concat"], |g| {
            let c = weight(g, &[1, 4, 1, 5]);
            g.node("Concat", &[&c, "x"], &[int("axis", 2)])
        }),
        flat_case("Slice by attributes", 9, |g| {
            g.node("Slice", &["x"], &[ints("starts", &[1]), ints("ends", &[3]), ints("axes", &[1])])
        }),
        flat_case("Slice with steps", 13, |g| {
            let (starts, ends) = (g.ints(&[0, -1]), g.ints(&[4, -9]));
            let (axes, steps) = (g.ints(&[1, 3]), g.ints(&[2, -2]));
            g.node("Slice", &["x", &starts, &ends, &axes, &steps], &[])
        }),
        case("Split", 13, SHAPE, &["reshape", "reshape", "activation", "sum"], |g| {
            g.named_node("split", "Split", &["x"], &["s0", "s1"], &[int("axis", 1)]);
            let y = g.node("Relu", &["s1"], &[]);
            g.node("Sub", &["s0", &y], &[])
        }),
        case("Split unevenly", 13, SHAPE, &["reshape", "reshape", "concat"], |g| {
            let lengths = g.ints(&[1, 3]);
            g.named_node("split", "Split", &["x", &lengths], &["s0", "s1"], &[int("axis", 1)]);
            g.node("Concat", &["s1", "s0"], &[int("axis", 1)])
        }),
        flat_case("Gather", 13, |g| {
            let indices = g.ints(&[2, 0, 2, -1]);
            g.node("Gather", &["x", &indices], &[int("axis", 3)])
        }),
        flat_case("Pad constant", 13, |g| {
            let (pads, value) = (g.ints(&[0, 0, 1, 2, 0, 1, 0, 1]), scalar(g, 0.5));
            g.node("Pad", &["x", &pads, &value], &[])
        }),
        flat_case("Pad by attributes", 9, |g| {
            g.node("Pad", &["x"], &[ints("pads", &[0, 0, 1, 2, 0, 1, 0, 1])])
        }),
        flat_case("Pad reflect", 13, |g| {
            let pads = g.ints(&[0, 0, 1, 2, 0, 0, 0, 1]);
            g.node("Pad", &["x", &pads], &[text("mode", "reflect")])
        }),
        flat_case("Pad edge", 13, |g| {
            let pads = g.ints(&[0, 0, 1, 2, 0, 0, 0, 1]);
            g.node("Pad", &["x", &pads], &[text("mode", "edge")])
        }),
        flat_case("Flatten", 13, |g| g.node("Flatten", &["x"], &[])),
        flat_case("Reshape", 13, |g| {
            let shape = g.ints(&[0, 2, -1]);
            g.node("Reshape", &["x", &shape], &[])
        }),
        flat_case("Squeeze by attribute", 9, |g| g.node("Squeeze", &["x"], &[ints("axes", &[0])])),
        flat_case("Squeeze", 13, |g| {
            let axes = g.ints(&[0]);
            g.node("Squeeze", &["x", &axes], &[])
        }),
        flat_case("Unsqueeze by attribute", 9, |g| {
            g.node("Unsqueeze", &["x"], &[ints("axes", &[2])])
        }),
        flat_case("Unsqueeze", 13, |g| {
            let axes = g.ints(&[2]);
            g.node("Unsqueeze", &["x", &axes], &[])
        }),
        flat_case("Transpose", 13, |g| g.node("Transpose", &["x"], &[ints("perm", &[0, 2, 3, 1])])),
        case("DepthToSpace", 13, SHAPE, &["reshape"; 4], |g| {
            g.node("DepthToSpace", &["x"], &[int("blocksize", 2)])
        }),
        case("SpaceToDepth", 13, &[1, 2, 4, 6], &["reshape"; 4], |g| {
            g.node("SpaceToDepth", &["x"], &[int("blocksize", 2)])
        }),
        case("Expand", 13, &[1, 3, 1, 1], KINDS, |g| {
            let shape = g.ints(&[1, 3, 2, 2]);
            g.node("Expand", &["x", &shape], &[])
        }),
        flat_case("Tile", 13, |g| {
            let repeats = g.ints(&[1, 2, 1, 2]);
            g.node("Tile", &["x", &repeats], &[])
        }),
        case("Dropout", 13, SHAPE, &["activation"], |g| {
            let y = g.node("Relu", &["x"], &[]);
            g.node("Dropout", &[&y], &[])
        }),
        case("Identity", 13, SHAPE, &["activation"], |g| {
            let y = g.node("Identity", &["x"], &[]);
            g.node("Relu", &[&y], &[])
        }),
        case("Cast to double and back", 13, SHAPE, &["activation"], |g| {
            let y = g.node("Cast", &["x"], &[int("to", 11)]);
            let y = g.node("Cast", &[&y], &[int("to", 1)]);
            g.node("Relu", &[&y], &[])
        }),
        case("a constant by a node", 13, SHAPE, &["normalization"], |g| {
            let value = tensor("value", float_tensor("c", &[4, 1, 1], &[0.5, 1.0, -2.0, 3.0]));
            let c = g.node("Constant", &[], &[value]);
            g.node("Mul", &["x", &c], &[])
        }),
        case("nodes without names", 13, SHAPE, &["activation", "reshape"], |g| {
            g.named_node("", "Relu", &["x"], &["7"], &[]);
            g.named_node("", "Flatten", &["7"], &["8"], &[]);
            "8".to_string()
        }),
    ]);
}

#[test]
fn interpolations() {
    const SHAPE: &[usize] = &[1, 2, 3, 4];
    let resize = |name, scales: [f32; 4], kinds, attributes: &[_]| {
        case(name, 13, SHAPE, kinds, |g| {
            let scales = g.floats(&[4], &scales);
            g.node("Resize", &["x", "", &scales], attributes)
        })
    };
    let mode = |mode: &str, transformation: &str| {
        vec![text("mode", mode), text("coordinate_transformation_mode", transformation)]
    };
    let asymmetric = {
        let mut attributes = mode("nearest", "asymmetric");
        attributes.push(text("nearest_mode", "floor"));
        attributes
    };
    let double = [1.0, 1.0, 2.0, 2.0];
    all_hold(vec![
        resize("nearest asymmetric", double, &["reshape"], &asymmetric),
        resize("nearest half_pixel", double, &["reshape"], &mode("nearest", "half_pixel")),
        resize("nearest, uneven", [1.0, 1.0, 1.0, 1.5], &["reshape"], &asymmetric),
        resize("nearest, smaller", [1.0, 1.0, 1.0, 0.5], &["reshape"], &asymmetric),
        resize("linear half_pixel", double, &["resize"], &mode("linear", "half_pixel")),
        resize("linear align_corners", double, &["resize"], &mode("linear", "align_corners")),
        resize("linear asymmetric", double, &["resize"], &mode("linear", "asymmetric")),
        resize(
            "linear pytorch",
            [1.0, 1.0, 2.0, 1.5],
            &["resize"],
            &mode("linear", "pytorch_half_pixel"),
        ),
        resize("linear, smaller", [1.0, 1.0, 1.0, 0.5], &["resize"], &mode("linear", "half_pixel")),
        resize(
            "linear, same length",
            [1.0, 1.0, 1.0, 1.2],
            &["resize"],
            &mode("linear", "asymmetric"),
        ),
        case("by sizes", 13, SHAPE, &["resize"], |g| {
            let sizes = g.ints(&[1, 2, 5, 7]);
            g.node("Resize", &["x", "", "", &sizes], &mode("linear", "half_pixel"))
        }),
        case("opset 10", 10, SHAPE, &["resize"], |g| {
            let scales = g.floats(&[4], &double);
            g.node("Resize", &["x", &scales], &[text("mode", "linear")])
        }),
        case("opset 10 nearest", 10, SHAPE, &["reshape"], |g| {
            let scales = g.floats(&[4], &double);
            g.node("Resize", &["x", &scales], &[])
        }),
        case("Upsample 9", 9, SHAPE, &["reshape"], |g| {
            let scales = g.floats(&[4], &double);
            g.node("Upsample", &["x", &scales], &[text("mode", "nearest")])
        }),
        case("Upsample 9 linear", 9, SHAPE, &["resize"], |g| {
            let scales = g.floats(&[4], &double);
            g.node("Upsample", &["x", &scales], &[text("mode", "linear")])
        }),
    ]);
}

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
    let mut graph = Graph::with_input(13, &[1, 3, 3]);
    let y = graph.node("Einsum", &["x", "x"], &[text("equation", "bij,bjk->bik")]);
    let z = graph.node("MatMul", &["x", "x"], &[]);
    let z = graph.node("Sin", &[&z], &[]);
    let s = graph.node("Sin", &["x"], &[]);
    let y = graph.node("Add", &[&y, &s], &[]);
    let y = graph.node("Add", &[&y, &z], &[]);
    graph.output(&y);
    let error = message(graph.load());
    for word in ["Einsum", "einsum_0", "MatMul", "matmul_1", "Sin", "sin_3"] {
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
fn a_cast_that_rounds_is_refused() {
    let mut graph = Graph::with_input(13, &[1, 3, 3]);
    let y = graph.node("Cast", &["x"], &[int("to", 7)]);
    let y = graph.node("Cast", &[&y], &[int("to", 1)]);
    graph.output(&y);
    let error = message(graph.load());
    assert!(error.contains("Cast") && error.contains("cast_0"), "{error}");
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
        let input = spread(&model.input.shape, 5);
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
        assert!(attribution.books.worst_imbalance() < 1e-4, "{preset}");
    }
}
