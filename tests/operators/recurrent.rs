//! Recurrent layers against the formulas of the ONNX specification, written out in `f64`.

use super::{check_books, check_gradient, kinds, spread};
use crate::support::Numbers;
use crate::support::difference;
use crate::support::onnx::{Graph, float, int, ints, text};
use onnxplain::tensor::Tensor;
use tract_onnx::pb::AttributeProto;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;

const STEPS: usize = 4;
const INPUTS: usize = 3;
const UNITS: usize = 2;

/// A recurrent layer of one or two directions, over `[1, STEPS, INPUTS]`.
struct Layer {
    op: &'static str,
    gates: usize,
    directions: usize,
    attributes: Vec<AttributeProto>,
    has_peepholes: bool,
    has_states: bool,
}

impl Layer {
    fn numbers(&self, seed: u64, per_direction: usize) -> Vec<f32> {
        Numbers::new(seed).between(-0.8, 0.8, self.directions * per_direction)
    }

    fn new(op: &'static str, gates: usize) -> Layer {
        let attributes = vec![int("hidden_size", UNITS as i64)];
        Layer { op, gates, directions: 1, attributes, has_peepholes: false, has_states: false }
    }

    fn with(mut self, attribute: AttributeProto) -> Layer {
        self.attributes.push(attribute);
        self
    }

    /// The graph; its output is that of the given number (all states, the last state).
    fn graph(&self, output: usize) -> Graph {
        let mut graph = Graph::with_input(14, &[1, STEPS, INPUTS]);
        let x = graph.node("Transpose", &["x"], &[ints("perm", &[1, 0, 2])]);
        self.append(&mut graph, &x, output);
        graph
    }

    fn append(&self, graph: &mut Graph, x: &str, output: usize) {
        let (rows, directions) = (self.gates * UNITS, self.directions);
        let w = graph.floats(&[directions, rows, INPUTS], &self.numbers(1, rows * INPUTS));
        let r = graph.floats(&[directions, rows, UNITS], &self.numbers(2, rows * UNITS));
        let b = graph.floats(&[directions, 2 * rows], &self.numbers(3, 2 * rows));
        let mut inputs = vec![x.to_string(), w, r, b];
        if self.has_states || self.has_peepholes {
            inputs.push(String::new());
            inputs.push(graph.floats(&[directions, 1, UNITS], &self.numbers(4, UNITS)));
        }
        if self.op == "LSTM" && inputs.len() > 4 {
            inputs.push(graph.floats(&[directions, 1, UNITS], &self.numbers(5, UNITS)));
        }
        if self.has_peepholes {
            inputs.push(graph.floats(&[directions, 3 * UNITS], &self.numbers(6, 3 * UNITS)));
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let outputs: &[&str] = if output == 0 { &["y"] } else { &["", "y"] };
        graph.named_node("layer", self.op, &inputs, outputs, &self.attributes);
        graph.output("y");
    }

    /// All states of a direction, in the order of time.
    fn states(
        &self,
        direction: usize,
        x: &[f32],
        is_reversed: bool,
        step: impl Fn(&Parameters, &[f64], &[f64], &[f64]) -> (Vec<f64>, Vec<f64>),
    ) -> Vec<Vec<f64>> {
        let rows = self.gates * UNITS;
        let part = |seed: u64, len: usize| -> Vec<f64> {
            let numbers = self.numbers(seed, len);
            numbers[direction * len..][..len].iter().map(|&number| f64::from(number)).collect()
        };
        let is_given = self.has_states || self.has_peepholes;
        let initial = |seed| if is_given { part(seed, UNITS) } else { vec![0.0; UNITS] };
        let parameters = Parameters {
            w: part(1, rows * INPUTS),
            r: part(2, rows * UNITS),
            b: part(3, 2 * rows),
            p: if self.has_peepholes { part(6, 3 * UNITS) } else { vec![0.0; 3 * UNITS] },
        };
        let (mut state, mut cell) = (initial(4), initial(5));
        let mut order: Vec<usize> = (0..STEPS).collect();
        if is_reversed {
            order.reverse();
        }
        let mut states = vec![vec![]; STEPS];
        for at in order {
            let x: Vec<f64> = x[at * INPUTS..][..INPUTS].iter().map(|&x| f64::from(x)).collect();
            (state, cell) = step(&parameters, &x, &state, &cell);
            states[at] = state.clone();
        }
        states
    }
}

struct Parameters {
    w: Vec<f64>,
    r: Vec<f64>,
    b: Vec<f64>,
    p: Vec<f64>,
}

impl Parameters {
    /// `W x + bias of the input` for one row.
    fn of_input(&self, row: usize, x: &[f64]) -> f64 {
        let weights = &self.w[row * INPUTS..][..INPUTS];
        weights.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + self.b[row]
    }

    /// `R h + bias of the state` for one row.
    fn of_state(&self, row: usize, h: &[f64]) -> f64 {
        let rows = self.b.len() / 2;
        let weights = &self.r[row * UNITS..][..UNITS];
        weights.iter().zip(h).map(|(r, h)| r * h).sum::<f64>() + self.b[rows + row]
    }

    fn sum(&self, row: usize, x: &[f64], h: &[f64]) -> f64 {
        self.of_input(row, x) + self.of_state(row, h)
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn lstm(p: &Parameters, x: &[f64], h: &[f64], c: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let next = |unit: usize| {
        let sum = |gate: usize| p.sum(gate * UNITS + unit, x, h);
        let input = sigmoid(sum(0) + p.p[unit] * c[unit]);
        let forget = sigmoid(sum(2) + p.p[2 * UNITS + unit] * c[unit]);
        let cell = forget * c[unit] + input * sum(3).tanh();
        (sigmoid(sum(1) + p.p[UNITS + unit] * cell) * cell.tanh(), cell)
    };
    (0..UNITS).map(next).unzip()
}

/// The state and cell behind a step.
type Next = (Vec<f64>, Vec<f64>);

fn gru(resets_sum: bool) -> impl Fn(&Parameters, &[f64], &[f64], &[f64]) -> Next {
    move |p, x, h, _| {
        let reset: Vec<f64> = (0..UNITS).map(|unit| sigmoid(p.sum(UNITS + unit, x, h))).collect();
        let next = |unit: usize| {
            let update = sigmoid(p.sum(unit, x, h));
            let row = 2 * UNITS + unit;
            let of_state = match resets_sum {
                true => reset[unit] * p.of_state(row, h),
                false => {
                    let kept: Vec<f64> = reset.iter().zip(h).map(|(r, h)| r * h).collect();
                    p.of_state(row, &kept)
                }
            };
            (1.0 - update) * (p.of_input(row, x) + of_state).tanh() + update * h[unit]
        };
        let next: Vec<f64> = (0..UNITS).map(next).collect();
        (next.clone(), next)
    }
}

fn plain(p: &Parameters, x: &[f64], h: &[f64], _: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let next: Vec<f64> = (0..UNITS).map(|unit| p.sum(unit, x, h).tanh()).collect();
    (next.clone(), next)
}

/// The layer's states are those expected, its gradient is right and its books balance.
fn holds(layer: &Layer, expected: impl Fn(&[f32]) -> Vec<f64>) {
    let model = layer.graph(0).load().unwrap();
    let input = spread(&[1, STEPS, INPUTS], 3);
    let output = model.network.evaluate(&input).unwrap();
    assert_eq!(output.shape(), [STEPS, layer.directions, 1, UNITS], "{}", layer.op);
    let expected: Vec<f32> = expected(input.data()).into_iter().map(|y| y as f32).collect();
    let error = difference(output.data(), &expected);
    assert!(error < 1e-5, "the {} is wrong by {error:e}", layer.op);
    check_gradient(&model.network, &input).unwrap();
    check_books(&model.network, &input).unwrap();
}

#[test]
fn the_formulas_of_one_direction() {
    let flat = |states: Vec<Vec<f64>>| states.concat();
    let lstms = [Layer::new("LSTM", 4), Layer { has_states: true, ..Layer::new("LSTM", 4) }];
    for layer in &lstms {
        holds(layer, |x| flat(layer.states(0, x, false, lstm)));
    }
    let layer = Layer::new("GRU", 3);
    holds(&layer, |x| flat(layer.states(0, x, false, gru(false))));
    let layer = Layer::new("GRU", 3).with(int("linear_before_reset", 1));
    holds(&layer, |x| flat(layer.states(0, x, false, gru(true))));
    let layer = Layer { has_states: true, ..Layer::new("RNN", 1) };
    holds(&layer, |x| flat(layer.states(0, x, false, plain)));
    let layer = Layer::new("LSTM", 4).with(text("direction", "reverse"));
    holds(&layer, |x| flat(layer.states(0, x, true, lstm)));
}

#[test]
fn two_directions_lie_side_by_side() {
    let layer = Layer { directions: 2, ..Layer::new("GRU", 3) };
    let layer = layer.with(text("direction", "bidirectional"));
    holds(&layer, |x| {
        let (there, back) =
            (layer.states(0, x, false, gru(false)), layer.states(1, x, true, gru(false)));
        there.into_iter().zip(back).flat_map(|(a, b)| [a, b].concat()).collect()
    });
}

#[test]
fn a_cell_is_seen_through_peepholes() {
    let layer = Layer { has_peepholes: true, ..Layer::new("LSTM", 4) };
    holds(&layer, |x| layer.states(0, x, false, lstm).concat());
}

#[test]
fn other_activations_and_clipped_sums() {
    let clipped = Layer::new("RNN", 1).with(float("clip", 0.3)).with(AttributeProto {
        name: "activations".to_string(),
        r#type: AttributeType::Strings as i32,
        strings: vec![b"Relu".to_vec()],
        ..AttributeProto::default()
    });
    holds(&clipped, |x| {
        let step = |p: &Parameters, x: &[f64], h: &[f64], _: &[f64]| {
            let next: Vec<f64> =
                (0..UNITS).map(|unit| p.sum(unit, x, h).clamp(-0.3, 0.3).max(0.0)).collect();
            (next.clone(), next)
        };
        clipped.states(0, x, false, step).concat()
    });
}

#[test]
fn the_last_state_of_a_sequence_with_a_length() {
    let layer = Layer::new("LSTM", 4);
    let mut graph = layer.graph(1);
    let length = graph.tensor(tract_onnx::pb::TensorProto {
        name: "length".to_string(),
        dims: vec![1],
        data_type: DataType::Int32 as i32,
        int32_data: vec![3],
        ..tract_onnx::pb::TensorProto::default()
    });
    graph.proto.node[1].input.push(length);
    let network = graph.load().unwrap().network;
    let input = spread(&[1, STEPS, INPUTS], 3);
    let output = network.evaluate(&input).unwrap();
    let expected: Vec<f32> =
        layer.states(0, input.data(), false, lstm)[2].iter().map(|&y| y as f32).collect();
    assert!(difference(output.data(), &expected) < 1e-5);
    check_gradient(&network, &input).unwrap();
    check_books(&network, &input).unwrap();
}

/// Arras et al. 2017: the relevance of a written value goes through the linear map of the candidate, that of
/// gates is nothing.
#[test]
fn gates_get_no_relevance() {
    let mut graph = Graph::with_input(14, &[1, 1, 1]);
    let w = graph.floats(&[1, 4, 1], &[0.7, -0.4, 0.9, 1.5]);
    let r = graph.floats(&[1, 4, 1], &[0.0; 4]);
    graph.named_node("layer", "LSTM", &["x", &w, &r], &["y"], &[int("hidden_size", 1)]);
    graph.output("y");
    let network = graph.load().unwrap().network;
    assert!(kinds(&network).contains(&"dense"));
    let composite = onnxplain::composite::Composite::find("epsilon").unwrap();
    let (input, one) =
        (Tensor::filled(&[1, 1, 1], 0.8).unwrap(), Tensor::filled(&[1, 1, 1, 1], 1.0).unwrap());
    let relevance =
        crate::support::explain(&network, &composite, None, &input, &one).unwrap().relevance[0]
            .clone();
    assert!((relevance.data()[0] - 1.0).abs() < 1e-4, "{:?}", relevance.data());
}
