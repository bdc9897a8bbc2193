//! Graphs of thousands of nodes: what they take in time and memory grows with their size, and not with its square or worse.

use std::time::{Duration, Instant};

use onnxplain::canonize::{PassSelection, canonize};
use onnxplain::onnx::Model;
use onnxplain::tensor::Tensor;

use super::support::onnx::Graph;
use super::support::{assert_near, message};

/// The longest that reading and canonization may take. They take less than a second each; with the square of the number of
/// nodes it were minutes.
const PATIENCE: Duration = Duration::from_secs(20);

const INPUT: [f32; 4] = [-1.5, -0.25, 0.5, 2.0];

/// What makes a value of the two before it.
type Step = fn(&mut Graph, &str, &str) -> String;

/// A chain of steps on `x`.
fn chain(count: usize, step: Step) -> Graph {
    let mut graph = Graph::with_input(17, &[1, 4]);
    let (mut before, mut last) = ("x".to_string(), "x".to_string());
    for _ in 0..count {
        let next = step(&mut graph, &last, &before);
        (before, last) = (last, next);
    }
    graph.output(&last);
    graph
}

/// Reads, canonizes and runs it.
fn run(graph: &Graph) -> Tensor {
    let begin = Instant::now();
    let Model { mut network, .. } = graph.load().unwrap();
    canonize(&mut network, &PassSelection::all()).unwrap();
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    network.evaluate(&Tensor::new(&[1, 4], &INPUT).unwrap()).unwrap()
}

fn node(graph: &mut Graph, op: &str, inputs: &[&str]) -> String {
    graph.node(op, inputs, &[])
}

#[test]
fn maxima_of_maxima_do_not_double() {
    for count in [60, 3000] {
        let graph = chain(count, |graph, last, before| {
            let negative = node(graph, "Neg", &[last]);
            node(graph, "Max", &[&negative, before])
        });
        let (mut before, mut last) = (INPUT, INPUT);
        for _ in 0..count {
            let next = std::array::from_fn(|at| f32::max(-last[at], before[at]));
            (before, last) = (last, next);
        }
        assert_near(&run(&graph), &last, 0.0);
    }
}

#[test]
fn products_and_selections_do_not_double() {
    run(&chain(3000, |graph, last, _| {
        let gate = node(graph, "Sigmoid", &[last]);
        node(graph, "Mul", &[&gate, last])
    }));
    run(&chain(3000, |graph, last, before| {
        let is_above = node(graph, "Greater", &[last, before]);
        node(graph, "Where", &[&is_above, last, "x"])
    }));
}

#[test]
fn long_chains_take_seconds() {
    let found = run(&chain(6000, |graph, last, _| node(graph, "Relu", &[last])));
    assert_near(&found, &[0.0, 0.0, 0.5, 2.0], 0.0);
    let found = run(&chain(3000, |graph, last, _| {
        let piece = node(graph, "Relu", &["x"]);
        node(graph, "Add", &[&piece, last])
    }));
    assert_near(&found, &[-1.5, -0.25, 0.5 * 3001.0, 2.0 * 3001.0], 1e-6);
    run(&chain(2000, |graph, last, _| {
        let scale = graph.floats(&[4], &[1.0, 1.5, 0.5, 1.0]);
        graph.node("LayerNormalization", &[last, &scale], &[])
    }));
    let found = run(&chain(6000, |graph, last, _| {
        let constant = graph.floats(&[1], &[graph.proto.node.len() as f32 % 2.0 - 0.5]);
        node(graph, "Add", &[last, &constant])
    }));
    assert_near(&found, &INPUT, 1e-6);
}

#[test]
fn an_lstm_of_thousands_of_steps_is_read_in_seconds() {
    let lstm = |steps: usize| {
        let mut graph = Graph::with_input(14, &[steps, 1, 3]);
        let (w, r) = (graph.floats(&[1, 8, 3], &[0.25; 24]), graph.floats(&[1, 8, 2], &[0.5; 16]));
        let y = graph.node("LSTM", &["x", &w, &r], &[super::int("hidden_size", 2)]);
        let y = graph.node("ReduceSum", &[&y], &[super::int("keepdims", 0)]);
        graph.output(&y);
        graph
    };
    let begin = Instant::now();
    lstm(3000).load().unwrap();
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    let told = message(lstm(30_000).load());
    assert!(told.contains("30000 steps, which are unrolled"), "{told}");
}
