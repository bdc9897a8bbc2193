//! `Where`, comparisons, and the guards around softmax.

use super::{all_hold, case, check_books, check_gradient, check_value, kinds, scalar, spread};
use crate::support::onnx::{Graph, int, ints};

const SHAPE: &[usize] = &[1, 3, 4];

/// The constant mask of `SHAPE` whose every third element is open.
fn mask(g: &mut Graph) -> String {
    let numbers: Vec<f32> = (0..12).map(|at| f32::from(at % 3 == 1)).collect();
    let numbers = g.floats(SHAPE, &numbers);
    g.node("Cast", &[&numbers], &[int("to", 9)])
}

#[test]
fn choices_by_constant_masks() {
    all_hold(vec![
        case("a signal or a number", 13, SHAPE, &["reshape"], |g| {
            let (mask, number) = (mask(g), scalar(g, -3.0));
            g.node("Where", &[&mask, &number, "x"], &[])
        }),
        case("a signal or numbers", 13, SHAPE, &["reshape", "normalization"], |g| {
            let (mask, numbers) = (mask(g), g.floats(&[1, 1, 4], &[1.0, 2.0, 3.0, 4.0]));
            g.node("Where", &[&mask, "x", &numbers], &[])
        }),
        case(
            "two signals",
            13,
            SHAPE,
            &["activation", "reshape", "reshape", "concat", "reshape"],
            |g| {
                let (mask, y) = (mask(g), g.node("Sigmoid", &["x"], &[]));
                g.node("Where", &[&mask, &y, "x"], &[])
            },
        ),
    ]);
}

#[test]
fn choices_by_computed_masks() {
    all_hold(vec![
        case("of one signal", 13, SHAPE, &["activation"], |g| {
            let (half, number) = (scalar(g, 0.5), scalar(g, -1.0));
            let is_large = g.node("Greater", &["x", &half], &[]);
            g.node("Where", &[&is_large, "x", &number], &[])
        }),
        case(
            "of a signal and its mean",
            13,
            SHAPE,
            &["average-pool", "reshape", "constant", "constant", "reshape"],
            |g| {
                let mean = g.node("ReduceMean", &["x"], &[ints("axes", &[2])]);
                let is_large = g.node("Greater", &["x", &mean], &[]);
                let number = scalar(g, 0.25);
                g.node("Where", &[&is_large, "x", &number], &[])
            },
        ),
        case(
            "a mask that is multiplied",
            13,
            SHAPE,
            &["average-pool", "reshape", "constant", "product"],
            |g| {
                let mean = g.node("ReduceMean", &["x"], &[ints("axes", &[2])]);
                let is_large = g.node("Less", &["x", &mean], &[]);
                let number = g.node("Cast", &[&is_large], &[int("to", 1)]);
                g.node("Mul", &["x", &number], &[])
            },
        ),
        case("of truth values", 13, SHAPE, &["activation", "activation", "gate"], |g| {
            let (low, high) = (scalar(g, -1.0), scalar(g, 2.0));
            let (above, below) =
                (g.node("Greater", &["x", &low], &[]), g.node("Less", &["x", &high], &[]));
            let inside = g.node("And", &[&above, &below], &[]);
            let outside = g.node("Not", &[&inside], &[]);
            let number = g.node("Cast", &[&outside], &[int("to", 1)]);
            g.node("Mul", &["x", &number], &[])
        }),
    ]);
}

/// Over an interval, both operands of the maximum are the signal itself: its slope there is 1.
#[test]
fn maxima_of_functions_that_are_equal() {
    all_hold(vec![case("a choice and its signal", 13, SHAPE, &["activation"], |g| {
        let (low, curve) = (scalar(g, -0.5), g.node("Tanh", &["x"], &[]));
        let is_above = g.node("Greater", &["x", &low], &[]);
        let chosen = g.node("Where", &[&is_above, "x", &curve], &[]);
        g.node("Max", &[&chosen, "x"], &[])
    })]);
}

/// Without a table of all pairs of classes, which would take 17 GB for 65,535 of them.
#[test]
fn one_hot_of_computed_classes() {
    let kinds =
        &["constant", "reshape", "reshape", "normalization", "constant", "reshape", "product"];
    all_hold(vec![
        case("the largest of an axis", 13, SHAPE, kinds, |g| {
            let largest = g.node("Hardmax", &["x"], &[int("axis", 1)]);
            g.node("Mul", &["x", &largest], &[])
        }),
        case("classes on an axis in the middle", 13, SHAPE, kinds, |g| {
            let classes = g.node("ArgMax", &["x"], &[int("axis", 1), int("keepdims", 0)]);
            let (depth, numbers) = (g.ints(&[3]), g.floats(&[2], &[-0.5, 2.0]));
            let hot = g.node("OneHot", &[&classes, &depth, &numbers], &[int("axis", 1)]);
            g.node("Mul", &["x", &hot], &[])
        }),
    ]);
}

/// Attention as PyTorch exports it today: rows that a mask closes altogether would not be numbers.
#[test]
fn a_guarded_softmax_is_a_softmax() {
    for closed in [0.0, f32::NEG_INFINITY] {
        let mut graph = Graph::with_input(13, SHAPE);
        let g = &mut graph;
        let bias = g.floats(
            &[3, 4],
            &[0.0, 0.1, 0.2, 0.3, closed, closed, closed, closed, 0.0, 0.2, 0.0, 0.1],
        );
        let scores = g.node("Add", &["x", &bias], &[]);
        let weights = g.node("Softmax", &[&scores], &[int("axis", -1)]);
        let is_nan = g.node("IsNaN", &[&weights], &[]);
        let zero = scalar(g, 0.0);
        let guarded = g.node("Where", &[&is_nan, &zero, &weights], &[]);
        let y = g.node("Mul", &["x", &guarded], &[]);
        graph.output(&y);
        let model = graph.load().unwrap();
        assert_eq!(kinds(&model.network), ["normalization", "softmax", "product"]);
        let input = spread(SHAPE, 5);
        check_value(&model, &input).unwrap();
        if closed == 0.0 {
            check_gradient(&model.network, &input).unwrap();
            check_books(&model.network, &input).unwrap();
        }
    }
}
