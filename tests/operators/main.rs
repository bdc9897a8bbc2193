//! Every operator: what it computes against tract's own plan of the file, its gradient against finite
//! differences, the books of relevance, and the kind of layer that it becomes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod activations;
mod attention;
mod choices;
mod fused;
mod goldens;
mod linear;
mod moves;
mod normalizations;
mod pools_and_sums;
mod products;
mod quantized;
mod recurrent;
mod recurrent_goldens;
mod refusals;
mod rewrites;
mod softmax;
#[path = "../support/mod.rs"]
mod support;

use anyhow::{Context, Result, ensure};
use onnxplain::canonize::{PassSelection, canonize};
use onnxplain::composite::{Assignment, Composite};
use onnxplain::explain::InputRange;
use onnxplain::network::{Network, Op, OutputFunction};
use onnxplain::onnx::Model;
use onnxplain::operator::Operator;
use onnxplain::tensor::Tensor;
use support::onnx::Graph;
use support::{Numbers, difference, explain, message, noise};

/// A graph, and the kinds of the layers behind its input, in order.
struct Case {
    name: &'static str,
    graph: Graph,
    kinds: Vec<&'static str>,
}

/// A graph of one input `x`, whose output `build` returns.
fn case(
    name: &'static str,
    opset: i64,
    shape: &[usize],
    kinds: &[&'static str],
    build: impl FnOnce(&mut Graph) -> String,
) -> Case {
    let mut graph = Graph::with_input(opset, shape);
    let output = build(&mut graph);
    graph.output(&output);
    Case { name, graph, kinds: kinds.to_vec() }
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
        let input = spread(&model.inputs[0].shape, seed);
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

/// The network with normalisations, activations and gates that an exporter wrote as several nodes put together.
fn recognised(network: &Network) -> Network {
    let mut network = network.clone();
    canonize(
        &mut network,
        &PassSelection::only(&[
            "layer-normalizations",
            "softmaxes",
            "maximum-shifts",
            "activations",
            "gates",
        ])
        .unwrap(),
    )
    .unwrap();
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
        Some(OutputFunction::Identity(_)) => {}
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
    let gradient = explain(network, &composite, None, input, &seeds)?.relevance[0].clone();
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
  - { when: { kind: [softmax, matmul] }, rule: taylor }
  - { when: { kind: [activation, normalization, layer-normalization, gate, product] }, rule: pass }
";

/// Every layer hands down what it got, less what bias and stabilizer absorb.
fn check_books(network: &Network, input: &Tensor) -> Result<()> {
    let initial = noise(&network.layers[network.output].shape, 78);
    let without_bias = Composite::parse(WITHOUT_BIAS, "test")?;
    let presets = ["epsilon-plus", "gamma", "epsilon-alpha2-beta1-flat", "w-square-plus", "vit"];
    let presets = presets.iter().map(|name| Composite::find(name)).collect::<Result<Vec<_>>>()?;
    for composite in presets.iter().chain([&without_bias]) {
        let range = InputRange { low: vec![-4.0], high: vec![4.0], channel_axis: 1 };
        let attribution = explain(network, composite, Some(&range), input, &initial)
            .with_context(|| composite.name.clone())?;
        let books = attribution.conservation;
        let worst = books.worst_imbalance();
        ensure!(worst < 1e-4, "the books of {} are out of balance by {worst:e}", composite.name);
        let arrived = attribution.relevance.sum();
        ensure!((arrived - books.input_sum).abs() <= 1e-6 * arrived.abs().max(1.0));
    }
    Ok(())
}
