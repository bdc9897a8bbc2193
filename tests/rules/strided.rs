//! `spread-strided`: what a layer hands to single elements some apart is shared with the elements between them.

use onnxplain::composite::Composite;
use onnxplain::tensor::Tensor;

use super::support::onnx::{Graph, ints};
use super::support::{Numbers, difference, explain, message, noise};

const RULES: [&str; 5] =
    ["epsilon", "z-plus", "{ gamma: 0.5 }", "{ alpha-beta: { alpha: 2, beta: 1 } }", "flat"];

/// The rule on convolutions, with next to no stabilizer.
fn composite(rule: &str, spreads: bool) -> Composite {
    let yaml = format!(
        "name: test\nstabilizer: 1e-12\nspread-strided: {spreads}\nrules:\n  - {{ when: {{ kind: convolution }}, rule: {rule} }}\n  \
         - {{ when: {{ kind: sum }}, rule: norm }}\n  - rule: pass\n"
    );
    Composite::parse(&yaml, "test").unwrap()
}

/// The relevance of `[1, C, H, W]` that lies at elements a stride apart, spread, written down naively.
fn spread(
    relevance: &[f32],
    value: &[f32],
    [height, width]: [usize; 2],
    [rows, columns]: [usize; 2],
) -> Vec<f32> {
    let mut result = vec![0.0; relevance.len()];
    for at in 0..relevance.len() {
        let (plane, y, x) = (at / (height * width), at / width % height, at % width);
        let read = (plane * height + y / rows * rows) * width + x / columns * columns;
        let is_of_cell = |other: usize| {
            let (y, x) = (other / width % height, other % width);
            let of_other = (plane * height + y / rows * rows) * width + x / columns * columns;
            other / (height * width) == plane && of_other == read
        };
        let total: f32 = (0..relevance.len())
            .filter(|&other| is_of_cell(other) && value[other] * value[read] > 0.0)
            .map(|other| value[other])
            .sum();
        if value[read] == 0.0 {
            result[at] = relevance[at];
        } else if value[at] * value[read] > 0.0 {
            result[at] = relevance[read] * value[at] / total;
        }
    }
    result
}

/// The network's only layer, perhaps behind a ReLU: a 1 × 1 convolution with a stride.
fn strided(shape: &[usize], stride: usize, is_rectified: bool) -> Graph {
    let mut graph = Graph::with_input(17, shape);
    let value = if is_rectified { graph.node("Relu", &["x"], &[]) } else { "x".to_string() };
    let rank = shape.len() - 2;
    let kernel = [&[16, shape[1]][..], &vec![1; rank]].concat();
    let weight = Numbers::new(1).between(-1.0, 1.0, 16 * shape[1]);
    let weight = graph.floats(&kernel, &weight);
    let strides = ints("strides", &vec![stride as i64; rank]);
    let y = graph.node("Conv", &[&value, &weight], &[strides]);
    graph.output(&y);
    graph
}

fn read_by(input: &Tensor, is_rectified: bool) -> Vec<f32> {
    input.data().iter().map(|x| if is_rectified { x.max(0.0) } else { *x }).collect()
}

#[test]
fn cells_share_under_every_rule() {
    for (shape, stride) in [([1, 3, 7, 6], 2), ([1, 32, 7, 6], 2), ([1, 16, 5, 8], 3)] {
        for is_rectified in [false, true] {
            let network = strided(&shape, stride, is_rectified).load().unwrap().network;
            let input = noise(&shape, 2);
            let initial = noise(&network.layers[network.output].shape, 3);
            for rule in RULES {
                let relevance = |spreads| {
                    let rules = composite(rule, spreads);
                    let found = explain(&network, &rules, None, &input, &initial).unwrap();
                    assert!(found.conservation.worst_imbalance() < 1e-4, "{rule}");
                    found.relevance[0].data().to_vec()
                };
                let value = read_by(&input, is_rectified);
                let expected = spread(&relevance(false), &value, [shape[2], shape[3]], [stride; 2]);
                let error = difference(&relevance(true), &expected);
                assert!(error < 1e-6, "{shape:?} {is_rectified} {rule}: {error:e}");
            }
        }
    }
}

#[test]
fn poolings_of_one_element_and_slices_are_spread_too() {
    let shape = [1, 16, 7, 6];
    let single = [ints("kernel_shape", &[1, 1]), ints("strides", &[2, 2])];
    for (op, strides) in [("MaxPool", [2, 2]), ("AveragePool", [2, 2]), ("Slice", [1, 2])] {
        let mut graph = Graph::with_input(17, &shape);
        let value = graph.node("Relu", &["x"], &[]);
        let y = match op {
            "Slice" => {
                let [begin, end, axis, step] = [0, 6, 3, 2].map(|number| graph.ints(&[number]));
                graph.node(op, &[&value, &begin, &end, &axis, &step], &[])
            }
            _ => graph.node(op, &[&value], &single),
        };
        graph.output(&y);
        let network = graph.load().unwrap().network;
        let input = noise(&shape, 2);
        let initial = noise(&network.layers[network.output].shape, 3);
        let rules = |spreads: bool| {
            let yaml = format!(
                "name: test\nstabilizer: 1e-12\nspread-strided: {spreads}\nrules:\n  - {{ when: {{ kind: average-pool }}, rule: norm }}\n  - rule: pass\n"
            );
            Composite::parse(&yaml, "test").unwrap()
        };
        let relevance = |spreads| {
            let found = explain(&network, &rules(spreads), None, &input, &initial).unwrap();
            found.relevance[0].data().to_vec()
        };
        let expected = spread(&relevance(false), &read_by(&input, true), [7, 6], strides);
        let error = difference(&relevance(true), &expected);
        assert!(error < 1e-6, "{op}: {error:e}");
        assert!(difference(&relevance(false), &expected) > 0.1, "{op} is not spread");
    }
}

#[test]
fn cells_of_a_signal() {
    let network = strided(&[1, 3, 10], 3, true).load().unwrap().network;
    let (input, initial) = (noise(&[1, 3, 10], 2), noise(&[1, 16, 4], 3));
    let relevance = |spreads| {
        let found = explain(&network, &composite("epsilon", spreads), None, &input, &initial);
        found.unwrap().relevance[0].data().to_vec()
    };
    let value = read_by(&input, true);
    let mut expected = vec![];
    for (relevance, value) in relevance(false).chunks(10).zip(value.chunks(10)) {
        for (relevance, value) in relevance.chunks(3).zip(value.chunks(3)) {
            let total: f32 = value.iter().sum();
            let share = |x: &f32| if value[0] == 0.0 { 0.0 } else { relevance[0] * x / total };
            expected.extend(value.iter().map(share));
        }
    }
    assert!(difference(&relevance(true), &expected) < 1e-6);
}

/// A block of a ResNet: what the other branch hands to the same value stays where it is.
#[test]
fn only_what_the_shortcut_hands_is_spread() {
    for channels in [3, 32] {
        let shape = [1, channels, 7, 6];
        let mut numbers = Numbers::new(4);
        let mut graph = Graph::with_input(17, &shape);
        let value = graph.node("Relu", &["x"], &[]);
        let kernel = numbers.between(-1.0, 1.0, 16 * channels * 9);
        let kernel = graph.floats(&[16, channels, 3, 3], &kernel);
        let strides = ints("strides", &[2, 2]);
        let attributes = [strides.clone(), ints("pads", &[1; 4])];
        let main = graph.node("Conv", &[&value, &kernel], &attributes);
        let weight = numbers.between(-1.0, 1.0, 16 * channels);
        let stored = graph.floats(&[16, channels, 1, 1], &weight);
        let short = graph.node("Conv", &[&value, &stored], &[strides]);
        let sum = graph.node("Add", &[&main, &short], &[]);
        graph.output(&sum);
        let network = graph.load().unwrap().network;
        let (input, slope) = (noise(&shape, 2), noise(&[1, 16, 4, 3], 3));
        // Relevance over the output is the slope, at every layer.
        let mut initial = network.evaluate(&input).unwrap();
        initial.combine([&slope], |y, [slope]| y * slope).unwrap();
        let relevance = |spreads| {
            let rules = composite("epsilon", spreads);
            let found = explain(&network, &rules, None, &input, &initial).unwrap();
            found.relevance[0].data().to_vec()
        };
        let value = read_by(&input, true);
        let mut handed = vec![0.0; value.len()];
        for (at, handed) in handed.iter_mut().enumerate() {
            let (channel, y, x) = (at / 42, at / 6 % 7, at % 6);
            if y % 2 == 0 && x % 2 == 0 {
                let read = |filter: usize| {
                    weight[filter * channels + channel]
                        * slope.data()[(filter * 4 + y / 2) * 3 + x / 2]
                };
                *handed = value[at] * (0..16).map(read).sum::<f32>();
            }
        }
        let shared = spread(&handed, &value, [7, 6], [2; 2]);
        let moved = shared.iter().zip(&handed).map(|(shared, handed)| shared - handed);
        let expected: Vec<f32> =
            relevance(false).iter().zip(moved).map(|(before, moved)| before + moved).collect();
        let error = difference(&relevance(true), &expected);
        assert!(error < 1e-4, "{channels}: {error:e}");
    }
}

#[test]
fn where_nothing_is_strided_it_says_so() {
    let network = strided(&[1, 3, 4, 4], 1, true).load().unwrap().network;
    let assignment =
        onnxplain::composite::Assignment::of(&network, &composite("epsilon", true)).unwrap();
    assert!(assignment.warnings.iter().any(|it| it.contains("spread-strided")), "{assignment:?}");
    let wrong = Composite::parse("name: a\nspread-strided: 2\nrules:\n  - rule: pass\n", "my.yaml");
    assert!(message(wrong).contains("my.yaml:2"));
}
