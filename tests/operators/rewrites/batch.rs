//! The batch axis of the input: frozen into shapes, missing, or open.

use onnxplain::onnx::LoadOptions;
use tract_onnx::pb::tensor_proto::DataType;

use super::super::weight;
use super::output;
use crate::support::message;
use crate::support::onnx::{Axis, Graph, int, ints};

/// `Σ` over the features that a reshape to `[batch, −1]` leaves, of pictures of two channels.
fn frozen(batch: usize, perm: &[i64]) -> Graph {
    let mut graph = Graph::with_input(13, &[batch, 2, 3]);
    let y = graph.node("Transpose", &["x"], &[ints("perm", perm)]);
    let shape = graph.ints(&[batch as i64, -1]);
    let y = graph.node("Reshape", &[&y, &shape], &[]);
    let axes = graph.ints(&[1]);
    let y = graph.node("ReduceSum", &[&y, &axes], &[]);
    graph.output(&y);
    graph
}

#[test]
fn a_batch_is_taken_out_of_the_file_where_it_stays_apart() {
    let model = frozen(4, &[0, 2, 1]).load().unwrap();
    assert_eq!(model.inputs[0].shape, [1, 2, 3]);
    assert_eq!(output(&model, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), [21.0]);
    // Behind this transposition, a row of four holds numbers of several pictures.
    let told = message(frozen(4, &[2, 0, 1]).load());
    assert!(told.contains("batch of 4") && told.contains("reshape_1"), "{told}");
    assert!(told.contains("batch_size=1"), "{told}");
}

#[test]
fn an_input_without_a_batch_axis_is_one_input() {
    let mut graph = Graph::with_input(13, &[3, 2, 2]);
    let axes = graph.ints(&[0]);
    let y = graph.node("Unsqueeze", &["x", &axes], &[]);
    let w = weight(&mut graph, &[5, 3, 2, 2]);
    let y = graph.node("Conv", &[&y, &w], &[]);
    let shape = graph.ints(&[5]);
    let y = graph.node("Reshape", &[&y, &shape], &[]);
    graph.output(&y);
    let model = graph.load().unwrap();
    assert_eq!(model.inputs[0].shape, [1, 3, 2, 2]);
    assert_eq!(model.inputs[0].picture.map(|picture| picture.channels), Some(3));
    assert_eq!(model.network.class_count(), 5);
}

#[test]
fn open_axes_are_those_of_the_tensor() {
    let mut graph = Graph::new(13);
    let axes = [Axis::Symbol("n"), Axis::Fixed(2), Axis::Symbol("length")];
    graph.input("x", &axes, DataType::Float);
    let y = graph.node("ReduceMean", &["x"], &[ints("axes", &[2]), int("keepdims", 0)]);
    graph.output(&y);
    for shape in [vec![1, 2, 7], vec![2, 7], vec![9, 2, 7]] {
        let options = LoadOptions { input_shape: Some(shape), ..LoadOptions::default() };
        let model = graph.load_with(&options).unwrap();
        assert_eq!(model.inputs[0].shape, [1, 2, 7]);
        model.check_classes().unwrap();
    }
    assert!(message(graph.load()).contains("leaves its axis 2 open"));
}

#[test]
fn a_batch_in_a_shape_that_is_computed_of_constants_is_found() {
    let mut graph = Graph::with_input(13, &[4, 1, 2]);
    let token = graph.floats(&[1, 1, 2], &[10.0, 20.0]);
    let (shape, one) = (graph.ints(&[4, 1, 2]), graph.ints(&[1, 1, 1]));
    let shape = graph.node("Mul", &[&shape, &one], &[]);
    let tokens = graph.node("Expand", &[&token, &shape], &[]);
    let y = graph.node("Concat", &[&tokens, "x"], &[int("axis", 1)]);
    let axes = graph.ints(&[1]);
    let y = graph.node("ReduceSum", &[&y, &axes], &[int("keepdims", 0)]);
    graph.output(&y);
    assert_eq!(output(&graph.load().unwrap(), &[1.0, 2.0]), [11.0, 22.0]);
}
