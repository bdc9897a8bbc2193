//! Every rule on every kind of linear layer, against the layer's dense matrix and the rule's formula in `f64`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use onnxplain::canonize::{PassSelection, canonize};
use onnxplain::composite::Composite;
use onnxplain::network::Network;
use onnxplain::tensor::Tensor;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use support::dense_map::{self, Axis, DenseMap, Rule, Setting, Stabilizer, flat, indices};
use support::onnx::{Graph, int, ints, text};
use support::{Numbers, explain};

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
    assert_eq!(a.len(), b.len());
    let largest =
        |numbers: &[f64]| numbers.iter().fold(0.0f64, |largest, number| largest.max(number.abs()));
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    if differences.iter().any(|difference| difference.is_nan()) {
        return f64::NAN;
    }
    largest(&differences) / largest(b).max(0.1 * largest(initial))
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
            error(&in_f64(attribution.relevance.data()), &expected, &in_f64(initial.data()));
        if error.is_nan() || error > 1e-5 {
            failures.push(format!("{what}: wrong by {error:e}"));
        }
        let imbalance = attribution.books.worst_imbalance();
        if imbalance > 1e-4 {
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

fn convolution(io: [usize; 2], groups: usize, axes: &[Axis]) -> Layer {
    let [inputs, outputs] = io;
    let kernel: Vec<usize> = axes.iter().map(|axis| axis.kernel).collect();
    let shape = [&[outputs, inputs / groups], kernel.as_slice()].concat();
    let mut numbers = Numbers::new(11);
    let (weight, bias) = (numbers.eighths(shape.iter().product()), numbers.eighths(outputs));
    let map = dense_map::convolution(&weight, &bias, io, groups, axes);
    let mut attributes = axis_attributes(axes);
    attributes.extend([dilations(axes), int("group", groups as i64)]);
    Layer {
        name: format!("Conv {io:?} groups {groups} {axes:?}"),
        input_shape: shape_of(inputs, axes),
        map,
        is_exact: true,
        append: Box::new(move |graph, value| {
            let (w, b) = (graph.floats(&shape, &weight), graph.floats(&[outputs], &bias));
            graph.named_node("layer", "Conv", &[value, &w, &b], &["y"], &attributes);
            "y".to_string()
        }),
    }
}

fn transposed_convolution(io: [usize; 2], groups: usize, axes: &[Axis], padding: usize) -> Layer {
    let [inputs, outputs] = io;
    let kernel: Vec<usize> = axes.iter().map(|axis| axis.kernel).collect();
    let shape = [&[inputs, outputs / groups], kernel.as_slice()].concat();
    let mut numbers = Numbers::new(12);
    let (weight, bias) = (numbers.eighths(shape.iter().product()), numbers.eighths(outputs));
    let map = dense_map::transposed_convolution(&weight, &bias, io, groups, axes, padding);
    let mut attributes = axis_attributes(axes);
    attributes.extend([dilations(axes), int("group", groups as i64)]);
    attributes.push(ints("output_padding", &vec![padding as i64; axes.len()]));
    Layer {
        name: format!("ConvTranspose {io:?} groups {groups} {axes:?} output padding {padding}"),
        input_shape: shape_of(inputs, axes),
        map,
        is_exact: true,
        append: Box::new(move |graph, value| {
            let (w, b) = (graph.floats(&shape, &weight), graph.floats(&[outputs], &bias));
            graph.named_node("layer", "ConvTranspose", &[value, &w, &b], &["y"], &attributes);
            "y".to_string()
        }),
    }
}

#[test]
fn convolutions() {
    let plane = |height: Axis, width: Axis| vec![height, width];
    all_hold(vec![
        convolution([2, 3], 1, &[Axis::new(9, 3).stride(2).padding(1, 0)]),
        convolution([2, 3], 1, &plane(Axis::new(5, 3).padding(1, 1), Axis::new(4, 2))),
        convolution(
            [2, 2],
            1,
            &[Axis::new(3, 2), Axis::new(4, 3).padding(1, 1), Axis::new(3, 2).stride(2)],
        ),
        convolution([4, 6], 2, &plane(Axis::new(4, 2), Axis::new(4, 3).padding(0, 1))),
        convolution(
            [3, 3],
            3,
            &plane(Axis::new(5, 3).stride(2).padding(1, 1), Axis::new(5, 3).padding(1, 1)),
        ),
        convolution([2, 4], 2, &plane(Axis::new(5, 3), Axis::new(4, 3).padding(1, 1))),
        convolution([2, 2], 1, &plane(Axis::new(7, 3).dilation(2), Axis::new(6, 2).dilation(3))),
        convolution(
            [2, 2],
            1,
            &plane(
                Axis::new(7, 3).stride(2).padding(2, 1),
                Axis::new(6, 2).stride(3).padding(0, 2),
            ),
        ),
    ]);
}

#[test]
fn convolutions_of_awkward_geometry() {
    let plane = |height: Axis, width: Axis| vec![height, width];
    all_hold(vec![
        convolution(
            [2, 2],
            1,
            &plane(
                Axis::new(9, 3).stride(2).dilation(3).padding(2, 3),
                Axis::new(8, 2).stride(3).dilation(2),
            ),
        ),
        convolution(
            [1, 2],
            1,
            &plane(
                Axis::new(9, 3).stride(4).dilation(2).padding(1, 0),
                Axis::new(7, 3).stride(2).dilation(2),
            ),
        ),
        // A window larger than the input itself.
        convolution(
            [2, 2],
            1,
            &plane(Axis::new(2, 5).padding(2, 2), Axis::new(3, 4).padding(3, 0)),
        ),
        // A stride beyond the kernel: positions that no tap reads, also at the end.
        convolution(
            [2, 2],
            1,
            &plane(Axis::new(7, 2).stride(3), Axis::new(8, 1).stride(4).padding(1, 0)),
        ),
        // Windows that lie wholly in the padding.
        convolution(
            [1, 2],
            1,
            &plane(Axis::new(3, 2).padding(3, 3), Axis::new(2, 1).padding(2, 1)),
        ),
        convolution([2, 2], 2, &plane(Axis::new(6, 1).stride(2), Axis::new(5, 1).stride(3))),
        convolution([2, 2], 1, &plane(Axis::new(1, 1), Axis::new(1, 1))),
    ]);
}

#[test]
fn transposed_convolutions() {
    let plane = |height: Axis, width: Axis| vec![height, width];
    all_hold(vec![
        transposed_convolution([2, 3], 1, &[Axis::new(4, 3).stride(2).padding(1, 0)], 0),
        transposed_convolution(
            [2, 3],
            1,
            &plane(Axis::new(3, 3).padding(1, 1), Axis::new(4, 2)),
            0,
        ),
        transposed_convolution(
            [2, 2],
            1,
            &plane(Axis::new(3, 3).stride(2).padding(1, 1), Axis::new(2, 3).stride(2)),
            1,
        ),
        transposed_convolution(
            [4, 6],
            2,
            &plane(Axis::new(2, 2).stride(2), Axis::new(3, 2).stride(2)),
            0,
        ),
        transposed_convolution([3, 3], 3, &plane(Axis::new(3, 2).stride(2), Axis::new(3, 3)), 0),
        transposed_convolution(
            [2, 2],
            1,
            &plane(Axis::new(3, 2).dilation(2), Axis::new(2, 3).stride(3).dilation(2)),
            0,
        ),
        transposed_convolution(
            [1, 2],
            1,
            &plane(Axis::new(3, 1).stride(3), Axis::new(3, 2).stride(3)),
            0,
        ),
        transposed_convolution(
            [1, 2],
            1,
            &[Axis::new(2, 2), Axis::new(2, 2).stride(2), Axis::new(2, 1)],
            0,
        ),
    ]);
}

fn dense(shape: &[usize], outputs: usize, op: &'static str) -> Layer {
    let inputs = shape[shape.len() - 1];
    let positions = shape.iter().product::<usize>() / inputs;
    let mut numbers = Numbers::new(13);
    let (weight, bias) = (numbers.eighths(inputs * outputs), numbers.eighths(outputs));
    let map = dense_map::dense(&weight, &bias, inputs, positions);
    let turned: Vec<f32> =
        (0..inputs * outputs).map(|at| weight[at % outputs * inputs + at / outputs]).collect();
    Layer {
        name: format!("{op} {shape:?} to {outputs}"),
        input_shape: shape.to_vec(),
        map,
        is_exact: true,
        append: Box::new(move |graph, value| {
            let b = graph.floats(&[outputs], &bias);
            if op == "Gemm" {
                let w = graph.floats(&[outputs, inputs], &weight);
                graph.named_node("layer", "Gemm", &[value, &w, &b], &["y"], &[int("transB", 1)]);
            } else {
                let w = graph.floats(&[inputs, outputs], &turned);
                graph.named_node("layer", "MatMul", &[value, &w], &["product"], &[]);
                graph.named_node("bias", "Add", &["product", &b], &["y"], &[]);
            }
            "y".to_string()
        }),
    }
}

#[test]
fn dense_layers() {
    all_hold(vec![
        dense(&[1, 7], 5, "Gemm"),
        dense(&[1, 7], 5, "MatMul"),
        dense(&[1, 3, 6], 4, "MatMul"),
    ]);
}

fn average_pooling(channels: usize, axes: &[Axis], counts: bool, ceil: bool) -> Layer {
    let length = |axis: &Axis| {
        let room = axis.input + axis.before + axis.after - axis.kernel;
        if ceil { room.div_ceil(axis.stride) + 1 } else { room / axis.stride + 1 }
    };
    let outputs: Vec<usize> = axes.iter().map(length).collect();
    let mut attributes = axis_attributes(axes);
    attributes
        .extend([int("count_include_pad", i64::from(counts)), int("ceil_mode", i64::from(ceil))]);
    Layer {
        name: format!("AveragePool {axes:?} counts padding {counts} ceil {ceil}"),
        input_shape: shape_of(channels, axes),
        map: dense_map::average_pooling(channels, axes, &outputs, counts),
        is_exact: false,
        append: Box::new(move |graph, value| {
            graph.named_node("layer", "AveragePool", &[value], &["y"], &attributes);
            "y".to_string()
        }),
    }
}

#[test]
fn average_poolings() {
    let padded = [Axis::new(5, 3).stride(2).padding(1, 1), Axis::new(6, 2).padding(1, 0)];
    all_hold(vec![
        average_pooling(2, &[Axis::new(4, 2).stride(2), Axis::new(6, 3).stride(3)], false, false),
        average_pooling(2, &padded, false, false),
        average_pooling(2, &padded, true, false),
        average_pooling(2, &[Axis::new(6, 3).stride(2), Axis::new(5, 2).stride(2)], false, true),
        average_pooling(1, &[Axis::new(7, 2).stride(3)], true, true),
    ]);
}

/// The mean over some axes, which keep the length one.
fn mean(shape: &'static [usize], axes: &'static [usize]) -> Layer {
    let kept: Vec<usize> = shape
        .iter()
        .enumerate()
        .map(|(axis, &n)| if axes.contains(&axis) { 1 } else { n })
        .collect();
    let count: usize = axes.iter().map(|&axis| shape[axis]).product();
    let mut rows = vec![vec![]; kept.iter().product()];
    for index in indices(shape) {
        let output: Vec<usize> = index.iter().zip(&kept).map(|(&at, &n)| at.min(n - 1)).collect();
        rows[flat(&kept, &output)].push((flat(shape, &index), 1.0 / count as f64));
    }
    Layer {
        name: format!("ReduceMean {shape:?} over {axes:?}"),
        input_shape: shape.to_vec(),
        map: DenseMap::without_bias(shape.iter().product(), rows),
        is_exact: false,
        append: Box::new(|graph, value| {
            let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
            graph.named_node("layer", "ReduceMean", &[value], &["y"], &[ints("axes", &axes)]);
            "y".to_string()
        }),
    }
}

#[test]
fn means() {
    all_hold(vec![mean(&[1, 3, 2, 4], &[2, 3]), mean(&[1, 3, 2, 4], &[1]), mean(&[1, 5, 3], &[2])]);
}

/// The sum or difference of two slices of the input, the second of which may broadcast.
fn sum(op: &'static str, second: [usize; 3]) -> Layer {
    const SHAPE: [usize; 4] = [1, 4, 2, 3];
    let half = [2, 2, 3];
    let sign = if op == "Sub" { -1.0 } else { 1.0 };
    let row = |index: Vec<usize>| {
        let at: Vec<usize> = (0..3).map(|axis| index[axis].min(second[axis] - 1)).collect();
        vec![
            (flat(&SHAPE[1..], &index), 1.0),
            (flat(&SHAPE[1..], &[at[0] + 2, at[1], at[2]]), sign),
        ]
    };
    Layer {
        name: format!("{op} of [2, 2, 3] and {second:?}"),
        input_shape: SHAPE.to_vec(),
        map: DenseMap::without_bias(24, indices(&half).into_iter().map(row).collect()),
        is_exact: true,
        append: Box::new(move |graph, value| {
            let ends = [[2, 2, 3], [second[0] as i64 + 2, second[1] as i64, second[2] as i64]];
            let parts = [[0, 0, 0], [2, 0, 0]].iter().zip(ends).map(|(starts, ends)| {
                let inputs = [graph.ints(starts), graph.ints(&ends), graph.ints(&[1, 2, 3])];
                graph.node("Slice", &[value, &inputs[0], &inputs[1], &inputs[2]], &[])
            });
            let parts: Vec<String> = parts.collect();
            graph.named_node("layer", op, &[&parts[0], &parts[1]], &["y"], &[]);
            "y".to_string()
        }),
    }
}

#[test]
fn sums() {
    all_hold(vec![
        sum("Add", [2, 2, 3]),
        sum("Sub", [2, 2, 3]),
        sum("Add", [2, 1, 1]),
        sum("Sub", [1, 1, 3]),
    ]);
}

/// Linear interpolation by a whole factor per axis, with half-pixel centres.
fn resize(factors: [usize; 2]) -> Layer {
    const SHAPE: [usize; 4] = [1, 2, 3, 4];
    let taps = |axis: usize, at: usize| -> Vec<(usize, f64)> {
        let last = SHAPE[axis + 2] - 1;
        let place = (at as f64 + 0.5) / factors[axis] as f64 - 0.5;
        let place = place.clamp(0.0, last as f64);
        let (low, part) = (place.floor() as usize, place.fract());
        let taps = [(low, 1.0 - part), ((low + 1).min(last), part)];
        taps.into_iter().filter(|tap| tap.1 > 0.0).collect()
    };
    let outputs = [2, 3 * factors[0], 4 * factors[1]];
    let row = |index: Vec<usize>| {
        let columns = taps(1, index[2]);
        let channel = index[0];
        let across = |(y, a): (usize, f64)| {
            let place = move |x| flat(&SHAPE[1..], &[channel, y, x]);
            columns.iter().map(move |&(x, b)| (place(x), a * b)).collect::<Vec<_>>()
        };
        taps(0, index[1]).into_iter().flat_map(across).collect()
    };
    Layer {
        name: format!("Resize by {factors:?}"),
        input_shape: SHAPE.to_vec(),
        map: DenseMap::without_bias(24, indices(&outputs).into_iter().map(row).collect()),
        is_exact: false,
        append: Box::new(move |graph, value| {
            let scales = graph.floats(&[4], &[1.0, 1.0, factors[0] as f32, factors[1] as f32]);
            let attributes =
                [text("mode", "linear"), text("coordinate_transformation_mode", "half_pixel")];
            graph.named_node("layer", "Resize", &[value, "", &scales], &["y"], &attributes);
            "y".to_string()
        }),
    }
}

#[test]
fn interpolations() {
    all_hold(vec![resize([1, 2]), resize([2, 3])]);
}

fn any_axis() -> impl Strategy<Value = Axis> {
    (1usize..7, 1usize..5, 1usize..4, 1usize..3, 0usize..4, 0usize..4)
        .prop_map(|(input, kernel, stride, dilation, before, after)| {
            Axis::new(input, kernel).stride(stride).dilation(dilation).padding(before, after)
        })
        .prop_filter("the window fits", |axis| axis.output().is_some())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(3),
        ..ProptestConfig::default()
    })]

    #[test]
    fn convolutions_of_any_geometry(
        height in any_axis(),
        width in any_axis(),
        groups in 1usize..4,
        inputs in 1usize..3,
        outputs in 1usize..3,
    ) {
        let layer = convolution([inputs * groups, outputs * groups], groups, &[height, width]);
        for place in PLACES {
            let failures = check(&layer, place);
            prop_assert!(failures.is_empty(), "{}", failures.join("\n"));
        }
    }
}
