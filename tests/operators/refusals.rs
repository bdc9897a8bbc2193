//! Operators that cannot be explained are named, all of them.

use crate::support::message;
use crate::support::onnx::{Graph, int, ints};

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
    let y = graph.node("ArgMax", &["x"], &[int("axis", 2)]);
    let y = graph.node("Cast", &[&y], &[int("to", 1)]);
    let z = graph.node("Hardmax", &["x"], &[]);
    let y = graph.node("Add", &[&y, &z], &[]);
    graph.output(&y);
    let error = message(graph.load());
    for word in ["ArgMax", "argmax_0", "Hardmax", "hardmax_2"] {
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
