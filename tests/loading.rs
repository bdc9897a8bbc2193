//! Which files can be loaded, and what errors say about others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "loading/damaged.rs"]
mod damaged;
#[path = "loading/external_weights.rs"]
mod external_weights;
#[path = "loading/guesses.rs"]
mod guesses;
#[path = "loading/large.rs"]
mod large;
#[path = "loading/number_types.rs"]
mod number_types;
#[path = "loading/strange.rs"]
mod strange;
mod support;
#[path = "loading/unchecked.rs"]
mod unchecked;

use onnxplain::onnx::{GivenInput, LoadOptions, Model};
use onnxplain::picture::Layout;
use onnxplain::tensor::Tensor;
use support::onnx::{Axis, Graph, fixed, int, ints, load_bytes};
use support::{Numbers, assert_near, difference, message, noise};
use tract_onnx::pb::tensor_proto::DataType;

fn weights(count: usize) -> Vec<f32> {
    Numbers::new(21).between(-1.0, 1.0, count)
}

/// Convolution, ReLU, global average, dense: three classes of a picture `x` of the given axes.
fn classifier(opset: i64, axes: &[Axis]) -> Graph {
    let mut graph = Graph::new(opset);
    graph.input("x", axes, DataType::Float);
    let (w, b) = (graph.floats(&[4, 3, 3, 3], &weights(108)), graph.floats(&[4], &weights(4)));
    let y = graph.node("Conv", &["x", &w, &b], &[ints("pads", &[1, 1, 1, 1])]);
    let y = graph.node("Relu", &[&y], &[]);
    let y = graph.node("GlobalAveragePool", &[&y], &[]);
    let y = graph.node("Flatten", &[&y], &[]);
    let (w, b) = (graph.floats(&[3, 4], &weights(12)), graph.floats(&[3], &weights(3)));
    let y = graph.node("Gemm", &[&y, &w, &b], &[int("transB", 1)]);
    graph.output(&y);
    graph
}

const PICTURE: [usize; 4] = [1, 3, 6, 5];

fn agrees_with_reference(model: &Model, tolerance: f32) {
    let input = noise(&model.inputs[0].shape, 1);
    let (ours, reference) =
        (model.network.evaluate(&input).unwrap(), model.run_reference(&input).unwrap());
    let error = difference(ours.data(), reference.data());
    assert!(error < tolerance, "{error:e}");
}

#[test]
fn every_opset_gives_the_same_logits() {
    let input = noise(&PICTURE, 2);
    let logits = |opset| {
        let model = classifier(opset, &fixed(&PICTURE)).load().unwrap();
        agrees_with_reference(&model, 1e-5);
        model.network.evaluate(&input).unwrap()
    };
    let expected = logits(13);
    for opset in [9, 11, 17, 18, 20, 21] {
        assert!(difference(logits(opset).data(), expected.data()) < 1e-6, "opset {opset}");
    }
}

#[test]
fn the_batch_may_be_fixed_or_a_symbol() {
    for batch in [Axis::Fixed(1), Axis::Symbol("N"), Axis::Fixed(0), Axis::Fixed(-1)] {
        let axes = [batch, Axis::Fixed(3), Axis::Fixed(6), Axis::Fixed(5)];
        let model = classifier(13, &axes).load().unwrap();
        assert_eq!(model.inputs[0].shape, PICTURE);
        assert!(model.notes.is_empty(), "{:?}", model.notes);
        agrees_with_reference(&model, 1e-5);
    }
    let axes = [Axis::Fixed(4), Axis::Fixed(3), Axis::Fixed(6), Axis::Fixed(5)];
    let model = classifier(13, &axes).load().unwrap();
    assert_eq!(model.inputs[0].shape, PICTURE);
    assert!(model.notes[0].contains("batch of 4"), "{:?}", model.notes);
}

const OPEN: [Axis; 4] = [Axis::Symbol("N"), Axis::Fixed(3), Axis::Symbol("H"), Axis::Symbol("W")];

#[test]
fn an_open_size_is_asked_for_or_assumed() {
    let graph = classifier(13, &OPEN);
    let options = LoadOptions { size: Some([7, 9]), ..LoadOptions::default() };
    let model = graph.load_with(&options).unwrap();
    assert_eq!(model.inputs[0].shape, [1, 3, 7, 9]);
    assert!(model.notes.is_empty(), "{:?}", model.notes);
    agrees_with_reference(&model, 1e-5);
    let model = graph.load().unwrap();
    assert_eq!(model.inputs[0].shape, [1, 3, 224, 224]);
    assert_eq!(model.notes.len(), 2, "{:?}", model.notes);
    assert!(model.notes[0].contains("--size") && model.notes[0].contains("height"));
}

#[test]
fn a_fixed_size_cannot_be_changed() {
    let options = LoadOptions { size: Some([7, 9]), ..LoadOptions::default() };
    let error = message(classifier(13, &fixed(&PICTURE)).load_with(&options));
    assert!(error.contains("fixed to 6, not 7"), "{error}");
}

#[test]
fn channels_may_come_last() {
    let mut graph = Graph::with_input(13, &[1, 6, 5, 3]);
    let y = graph.node("Transpose", &["x"], &[ints("perm", &[0, 3, 1, 2])]);
    let w = graph.floats(&[2, 3, 3, 3], &weights(54));
    let y = graph.node("Conv", &[&y, &w], &[]);
    let y = graph.node("GlobalAveragePool", &[&y], &[]);
    let y = graph.node("Flatten", &[&y], &[]);
    graph.output(&y);
    let model = graph.load().unwrap();
    let picture = model.inputs[0].picture.as_ref().unwrap();
    assert_eq!((picture.channels, picture.height, picture.width), (3, 6, 5));
    assert_eq!(picture.layout, Layout::Nhwc);
    agrees_with_reference(&model, 1e-5);
    let picture = classifier(13, &fixed(&PICTURE)).load().unwrap().inputs[0].picture.unwrap();
    assert_eq!((picture.layout, picture.height), (Layout::Nchw, 6));
}

#[test]
fn one_of_several_outputs() {
    let mut graph = classifier(13, &fixed(&PICTURE));
    graph.output("relu_1_out");
    let model = graph.load().unwrap();
    assert_eq!(model.network.class_count(), 3);
    assert!(model.notes[0].contains("gemm_4_out, relu_1_out"), "{:?}", model.notes);
    let named =
        |name: &str| LoadOptions { output_name: Some(name.to_string()), ..LoadOptions::default() };
    let model = graph.load_with(&named("relu_1_out")).unwrap();
    assert_eq!(model.network.class_count(), 4 * 6 * 5);
    assert!(model.notes.is_empty());
    agrees_with_reference(&model, 1e-5);
    let error = message(graph.load_with(&named("probabilities")));
    assert!(error.contains("probabilities") && error.contains("gemm_4_out, relu_1_out"), "{error}");
}

#[test]
fn several_inputs_are_read_or_held_fixed() {
    let mut graph = Graph::with_input(13, &[1, 4]);
    graph.input("scale", &fixed(&[1, 4]), DataType::Float);
    graph.input("mask", &fixed(&[1, 4]), DataType::Int64);
    let mask = graph.node("Cast", &["mask"], &[int("to", 1)]);
    let y = graph.node("Mul", &["x", "scale"], &[]);
    let y = graph.node("Mul", &[&y, &mask], &[]);
    graph.output(&y);
    let error = message(graph.load());
    assert!(error.contains("missing: mask (--input mask=FILE)"), "{error}");
    let mask = Tensor::new(&[4], &[1.0, 0.0, 1.0, 1.0]).unwrap();
    let given = GivenInput {
        name: Some("mask".to_string()),
        shape: vec![4],
        values: Some(mask),
        is_table: false,
    };
    let options = LoadOptions { inputs: vec![given], ..LoadOptions::default() };
    let model = graph.load_with(&options).unwrap();
    assert_eq!((model.inputs.len(), model.fixed.len()), (2, 1));
    let inputs = [noise(&[1, 4], 1), noise(&[1, 4], 2)];
    let output = model.network.evaluate(&inputs).unwrap();
    assert_eq!(output.data()[1], 0.0);
    let expected = inputs[0].data()[2] * inputs[1].data()[2];
    assert!((output.data()[2] - expected).abs() < 1e-6);
    assert_near(&output, model.run_reference(&inputs).unwrap().data(), 1e-6);
}

#[test]
fn a_stored_weight_may_be_listed_as_an_input() {
    let mut graph = classifier(9, &fixed(&PICTURE));
    graph.input("w0", &fixed(&[4, 3, 3, 3]), DataType::Float);
    agrees_with_reference(&graph.load().unwrap(), 1e-5);
}

#[test]
fn inputs_of_any_rank() {
    for (shape, whole) in [(&[5][..], &[1, 5][..]), (&[1, 2, 2, 2, 2, 2], &[1, 2, 2, 2, 2, 2])] {
        let mut graph = Graph::with_input(13, shape);
        let y = graph.node("Relu", &["x"], &[]);
        graph.output(&y);
        let model = graph.load().unwrap();
        assert_eq!(model.inputs[0].shape, whole);
        assert_eq!(model.network.class_count(), whole.iter().product::<usize>());
    }
}

#[test]
fn an_output_that_ignores_the_input_is_refused() {
    let mut graph = Graph::with_input(13, &[1, 4]);
    let c = graph.floats(&[1, 2], &[1.0, 2.0]);
    let y = graph.node("Relu", &[&c], &[]);
    graph.output(&y);
    let error = message(graph.load());
    assert!(error.contains("does not depend on its input"), "{error}");
}

#[test]
fn what_is_no_model_is_named_so() {
    let load = |bytes: &[u8]| message(load_bytes(bytes, &LoadOptions::default()));
    assert!(load(b"").contains("the file is empty"));
    assert!(load(b"hello, this is a text file\n").contains("not an ONNX"));
    assert!(load(&[0; 64]).contains("not an ONNX"));
    assert!(load(b"PK\x03\x04 a zip file").contains("not an ONNX"));
    let error =
        message(Model::load(std::path::Path::new("/nowhere/model.onnx"), &LoadOptions::default()));
    assert!(error.contains("/nowhere/model.onnx") && error.contains("cannot be read"), "{error}");
}
