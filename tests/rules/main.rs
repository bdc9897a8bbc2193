//! Every rule on every kind of linear layer, against the layer's dense matrix and the rule's formula in `f64`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod convolutions;
mod others;
mod strided;
#[path = "../support/mod.rs"]
mod support;

use onnxplain::canonize::{PassSelection, canonize};
use onnxplain::composite::Composite;
use onnxplain::network::Network;
use onnxplain::tensor::Tensor;
use support::dense_map::{self, Axis, DenseMap, Rule, Setting, Stabilizer, flat, indices};
use support::onnx::{Graph, int, ints, text};
use support::{Numbers, explain, largest, worst_error};

type Append = Box<dyn Fn(&mut Graph, &str) -> String>;

/// A linear layer, as an ONNX graph grows by it and as a matrix.
struct Layer {
    name: String,
    input_shape: Vec<usize>,
    map: DenseMap,
    /// Whether `f32` computes the layer of eighths exactly, so that outputs of exactly 0 occur on purpose.
    is_exact: bool,
    /// Appends the layer, named `layer`, to a value.
    append: Append,
}

/// What stands around the layer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// Alone: inputs of both signs.
    Alone,
    /// Behind a ReLU: inputs that are proven not to be negative.
    BehindRelu,
    /// Before a ReLU and a dense head with the epsilon rule: groups of negative outputs are dead.
    BeforeRelu,
    /// Before a ReLU and a dense head with the flat rule: no group is dead.
    BelowFlat,
}

const PLACES: [Place; 4] = [Place::Alone, Place::BehindRelu, Place::BeforeRelu, Place::BelowFlat];

/// Outputs of the dense head.
const CLASSES: usize = 3;

fn graph_of(layer: &Layer, place: Place) -> (Graph, DenseMap) {
    let mut graph = Graph::with_input(13, &layer.input_shape);
    let outputs = layer.map.rows.len();
    let weights = Numbers::new(99).eighths(CLASSES * outputs);
    let head = dense_map::dense(&weights, &[0.0; CLASSES], outputs, 1);
    let mut value = "x".to_string();
    if place == Place::BehindRelu {
        value = graph.node("Relu", &[&value], &[]);
    }
    value = (layer.append)(&mut graph, &value);
    if matches!(place, Place::BeforeRelu | Place::BelowFlat) {
        value = graph.node("Relu", &[&value], &[]);
        value = graph.node("Flatten", &[&value], &[]);
        let weight = graph.floats(&[CLASSES, outputs], &weights);
        graph.named_node("head", "Gemm", &[&value, &weight], &["logits"], &[int("transB", 1)]);
        value = "logits".to_string();
    }
    graph.output(&value);
    (graph, head)
}

fn setting(rule: Rule, bias: bool, stabilizer: Stabilizer) -> Setting {
    Setting { rule, bias, stabilizer, epsilon: 0.25 }
}

const RULES: [Rule; 9] = [
    Rule::Epsilon,
    Rule::Norm,
    Rule::ZPlus,
    Rule::AlphaBeta(2.0, 1.0),
    Rule::Gamma(0.25),
    Rule::Gamma(2.0),
    Rule::ZBox(-2.5, 2.25),
    Rule::WSquare,
    Rule::Flat,
];

fn settings(place: Place) -> Vec<Setting> {
    let stabilizers = match place {
        Place::Alone => vec![Stabilizer::Additive, Stabilizer::Clip, Stabilizer::Relative],
        _ => vec![Stabilizer::Additive],
    };
    let biases = |rule: Rule| match rule {
        Rule::Flat | Rule::ZBox(..) => vec![true],
        _ => vec![true, false],
    };
    let mut settings = vec![];
    for rule in RULES {
        for bias in biases(rule) {
            settings.extend(stabilizers.iter().map(|&stabilizer| setting(rule, bias, stabilizer)));
        }
    }
    settings
}

fn composite(layer: &Setting, head: &Setting) -> Composite {
    let yaml = format!(
        "name: test\nrules:\n  - {{ when: {{ name: ^layer$ }}, rule: {} }}\n  - {{ when: {{ name: ^head$ }}, rule: {} }}\n  - rule: pass\n",
        layer.yaml(),
        head.yaml()
    );
    Composite::parse(&yaml, "test").unwrap()
}

fn in_f64(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// The rule's formula, through everything that stands around the layer.
fn expected(
    map: &DenseMap,
    head: &DenseMap,
    place: Place,
    rules: [&Setting; 2],
    x: &[f64],
    initial: &[f64],
) -> Vec<f64> {
    let rectified: Vec<f64> = x.iter().map(|x| x.max(0.0)).collect();
    let x = if place == Place::BehindRelu { &rectified } else { x };
    let [layer_rule, head_rule] = rules;
    match place {
        Place::Alone | Place::BehindRelu => layer_rule.redistribute(map, x, initial),
        Place::BeforeRelu | Place::BelowFlat => {
            let activations: Vec<f64> = map.apply(x).iter().map(|y| y.max(0.0)).collect();
            let handed = head_rule.redistribute(head, &activations, initial);
            layer_rule.redistribute(map, x, &handed)
        }
    }
}

/// max|a − b|, relative to max|b|, or to a tenth of what was put in where everything cancels.
fn error(a: &[f64], b: &[f64], initial: &[f64]) -> f64 {
    // Nothing is right where all is 0.
    worst_error(a, b) / largest(b).max(0.1 * largest(initial)).max(f64::MIN_POSITIVE)
}

fn check_forward(network: &Network, layer: &Layer, x: &Tensor) -> Result<(), String> {
    let y = layer.map.apply(&in_f64(x.data()));
    let ours = network.evaluate(x).map_err(|error| format!("{error:#}"))?;
    let error = error(&in_f64(ours.data()), &y, &y);
    if error < 1e-5 {
        Ok(())
    } else {
        Err(format!("{}: forward is wrong by {error:e}", layer.name))
    }
}

/// All rules at one place; what is wrong.
fn check(layer: &Layer, place: Place) -> Vec<String> {
    let (graph, head) = graph_of(layer, place);
    let mut network = match graph.load() {
        Ok(model) => model.network,
        Err(error) => return vec![format!("{}: {error:#}", layer.name)],
    };
    canonize(&mut network, &PassSelection::all()).unwrap();
    let (mut numbers, count) = (Numbers::new(5), layer.map.inputs);
    let x = if layer.is_exact { numbers.eighths(count) } else { numbers.between(-2.0, 2.0, count) };
    let x = Tensor::new(&layer.input_shape, &x).unwrap();
    let mut failures = vec![];
    if place == Place::Alone {
        failures.extend(check_forward(&network, layer, &x).err());
    }
    let shape = network.layers[network.output].shape.clone();
    let initial = Tensor::new(&shape, &Numbers::new(6).eighths(shape.iter().product())).unwrap();
    let head_rule = if place == Place::BelowFlat { Rule::Flat } else { Rule::Epsilon };
    let head_rule = setting(head_rule, true, Stabilizer::Additive);
    for rule in settings(place) {
        let ours = explain(&network, &composite(&rule, &head_rule), None, &x, &initial);
        let what = format!("{} {place:?} {}", layer.name, rule.yaml());
        let attribution = match ours {
            Ok(attribution) => attribution,
            Err(error) => {
                failures.push(format!("{what}: {error:#}"));
                continue;
            }
        };
        let rules = [&rule, &head_rule];
        let expected =
            expected(&layer.map, &head, place, rules, &in_f64(x.data()), &in_f64(initial.data()));
        let error =
            error(&in_f64(attribution.relevance[0].data()), &expected, &in_f64(initial.data()));
        if error.is_nan() || error > 1e-5 {
            failures.push(format!("{what}: wrong by {error:e}"));
        }
        let imbalance = attribution.conservation.worst_imbalance();
        if imbalance.is_nan() || imbalance > 1e-4 {
            failures.push(format!("{what}: out of balance by {imbalance:e}"));
        }
    }
    failures
}

fn all_hold(layers: Vec<Layer>) {
    let at =
        |layer: &Layer| PLACES.iter().flat_map(|&place| check(layer, place)).collect::<Vec<_>>();
    let failures: Vec<String> = layers.iter().flat_map(at).collect();
    let (count, first) = (failures.len(), failures.iter().take(40).cloned().collect::<Vec<_>>());
    assert!(failures.is_empty(), "{count} failures:\n{}", first.join("\n"));
}

fn axis_attributes(axes: &[Axis]) -> Vec<tract_onnx::pb::AttributeProto> {
    let of =
        |value: fn(&Axis) -> usize| axes.iter().map(|axis| value(axis) as i64).collect::<Vec<_>>();
    let pads = [of(|axis| axis.before), of(|axis| axis.after)].concat();
    vec![
        ints("kernel_shape", &of(|axis| axis.kernel)),
        ints("strides", &of(|axis| axis.stride)),
        ints("pads", &pads),
    ]
}

fn dilations(axes: &[Axis]) -> tract_onnx::pb::AttributeProto {
    ints("dilations", &axes.iter().map(|axis| axis.dilation as i64).collect::<Vec<_>>())
}

fn shape_of(channels: usize, axes: &[Axis]) -> Vec<usize> {
    [1, channels].into_iter().chain(axes.iter().map(|axis| axis.input)).collect()
}
