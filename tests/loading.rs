//! What files can be loaded, what is said about them, and that no file whatever makes the library panic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::panic::catch_unwind;

use onnxplain::onnx::{LoadOptions, Model};
use onnxplain::picture::Layout;
use onnxplain::tensor::Tensor;
use support::onnx::{
    Axis, Graph, dims, external_tensor, fixed, float_tensor, int, ints, load_bytes, load_in, tensor,
};
use support::{Numbers, difference, message, noise};
use tract_onnx::pb::TensorProto;
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
    let input = noise(&model.input.shape, 1);
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
        assert_eq!(model.input.shape, PICTURE);
        assert!(model.notes.is_empty(), "{:?}", model.notes);
        agrees_with_reference(&model, 1e-5);
    }
    let axes = [Axis::Fixed(4), Axis::Fixed(3), Axis::Fixed(6), Axis::Fixed(5)];
    let model = classifier(13, &axes).load().unwrap();
    assert_eq!(model.input.shape, PICTURE);
    assert!(model.notes[0].contains("batch of 4"), "{:?}", model.notes);
}

const OPEN: [Axis; 4] = [Axis::Symbol("N"), Axis::Fixed(3), Axis::Symbol("H"), Axis::Symbol("W")];

#[test]
fn an_open_size_is_asked_for_or_assumed() {
    let graph = classifier(13, &OPEN);
    let options = LoadOptions { size: Some([7, 9]), ..LoadOptions::default() };
    let model = graph.load_with(&options).unwrap();
    assert_eq!(model.input.shape, [1, 3, 7, 9]);
    assert!(model.notes.is_empty(), "{:?}", model.notes);
    agrees_with_reference(&model, 1e-5);
    let model = graph.load().unwrap();
    assert_eq!(model.input.shape, [1, 3, 224, 224]);
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
    let picture = model.input.picture.as_ref().unwrap();
    assert_eq!((picture.channels, picture.height, picture.width), (3, 6, 5));
    assert_eq!(picture.layout, Layout::Nhwc);
    agrees_with_reference(&model, 1e-5);
    let picture = classifier(13, &fixed(&PICTURE)).load().unwrap().input.picture.unwrap();
    assert_eq!((picture.layout, picture.height), (Layout::Nchw, 6));
}

/// The bits of a number as a float16; only for normal numbers.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let exponent = ((bits >> 23) & 0xff) as i32 - 127 + 15;
    if value == 0.0 || exponent <= 0 {
        sign
    } else {
        sign | ((exponent as u16) << 10) | ((bits >> 13) & 0x3ff) as u16
    }
}

#[test]
fn a_model_of_float16() {
    let mut graph = classifier(13, &[]);
    graph.proto.input.clear();
    graph.input("x", &fixed(&PICTURE), DataType::Float16);
    for weight in &mut graph.proto.initializer {
        let halves =
            weight.raw_data.chunks(4).map(|raw| half(f32::from_le_bytes(raw.try_into().unwrap())));
        weight.raw_data = halves.flat_map(u16::to_le_bytes).collect();
        weight.data_type = DataType::Float16 as i32;
    }
    let model = graph.load().unwrap();
    agrees_with_reference(&model, 5e-3);
    let input = noise(&PICTURE, 1);
    let full = classifier(13, &fixed(&PICTURE)).load().unwrap().network.evaluate(&input).unwrap();
    assert!(difference(model.network.evaluate(&input).unwrap().data(), full.data()) < 5e-3);
}

#[test]
fn a_model_of_float64() {
    let mut graph = Graph::new(13);
    graph.input("x", &fixed(&[1, 4]), DataType::Double);
    let double = |name: &str, shape: &[usize]| TensorProto {
        name: name.to_string(),
        dims: dims(shape),
        data_type: DataType::Double as i32,
        double_data: weights(shape.iter().product()).into_iter().map(f64::from).collect(),
        ..TensorProto::default()
    };
    let w = graph.tensor(double("w", &[4, 3]));
    let b = graph.node("Constant", &[], &[tensor("value", double("b", &[3]))]);
    let y = graph.node("Gemm", &["x", &w, &b], &[]);
    graph.output(&y);
    let model = graph.load().unwrap();
    agrees_with_reference(&model, 1e-5);
    let output = model.network.evaluate(&Tensor::zeros(&[1, 4]).unwrap()).unwrap();
    assert!(difference(output.data(), &weights(3)) < 1e-6);
}

#[test]
fn float16_weights_behind_casts() {
    let mut graph = Graph::with_input(13, &[1, 4]);
    let raw_data = weights(12).iter().flat_map(|&w| half(w).to_le_bytes()).collect();
    let w = graph.tensor(TensorProto {
        name: "w".to_string(),
        dims: dims(&[4, 3]),
        data_type: DataType::Float16 as i32,
        raw_data,
        ..TensorProto::default()
    });
    let w = graph.node("Cast", &[&w], &[int("to", 1)]);
    let y = graph.node("MatMul", &["x", &w], &[]);
    graph.output(&y);
    agrees_with_reference(&graph.load().unwrap(), 1e-5);
}

/// A dense layer whose weight is stored at `location`.
fn external(location: &str, offset: usize) -> Graph {
    let mut graph = Graph::with_input(13, &[1, 4]);
    let w = graph.tensor(external_tensor("w", &[4, 3], location, offset));
    let y = graph.node("MatMul", &["x", &w], &[]);
    graph.output(&y);
    graph
}

fn raw(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn weights_beside_the_model() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    for (location, offset) in
        [("weights.bin", 0), ("weights.bin", 16), ("data/w.bin", 8), ("./w", 0)]
    {
        let bytes = [vec![7; offset], raw(&weights(12)), vec![7; 5]].concat();
        std::fs::write(folder.path().join(location), bytes).unwrap();
        let graph = external(location, offset);
        let model = load_in(folder.path(), &graph.bytes(), &LoadOptions::default()).unwrap();
        let input = Tensor::new(&[1, 4], &[1.0, 0.0, 0.0, 0.0]).unwrap();
        let output = model.network.evaluate(&input).unwrap();
        assert!(difference(output.data(), &weights(12)[..3]) < 1e-6, "{location}");
    }
}

#[test]
fn weights_outside_the_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let file = folder.path().join("w.bin");
    std::fs::write(&file, raw(&weights(12))).unwrap();
    for location in ["../w.bin", "./../w.bin", "a/../../w.bin", file.to_str().unwrap()] {
        let graph = external(location, 0);
        let error = message(load_in(&inner, &graph.bytes(), &LoadOptions::default()));
        for word in ["\"w\"", location, "outside the model's own folder"] {
            assert!(error.contains(word), "{error}");
        }
    }
}

#[test]
fn a_constant_node_outside_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(folder.path().join("w.bin"), raw(&weights(12))).unwrap();
    let mut graph = Graph::with_input(13, &[1, 4]);
    let value = tensor("value", external_tensor("w", &[4, 3], "../w.bin", 0));
    let w = graph.node("Constant", &[], &[value]);
    let y = graph.node("MatMul", &["x", &w], &[]);
    graph.output(&y);
    let error = message(load_in(&inner, &graph.bytes(), &LoadOptions::default()));
    assert!(error.contains("a relative path inside the model directory"), "{error}");
}

#[test]
fn a_missing_or_short_weight_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let graph = external("absent.bin", 0);
    let error = message(load_in(folder.path(), &graph.bytes(), &LoadOptions::default()));
    assert!(error.contains("absent.bin"), "{error}");
    std::fs::write(folder.path().join("short.bin"), [0; 20]).unwrap();
    for offset in [0, 16, 4096] {
        let graph = external("short.bin", offset);
        let error = message(load_in(folder.path(), &graph.bytes(), &LoadOptions::default()));
        assert!(error.contains("external data range"), "{error}");
    }
}

#[test]
fn what_stands_in_the_place_of_a_file_is_called_by_its_name() {
    const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
    let error = message(load_bytes(POINTER, &LoadOptions::default()));
    assert!(error.contains("Git LFS pointer") && error.contains("git lfs pull"), "{error}");
    let error = message(load_bytes(b"<!DOCTYPE html><html>", &LoadOptions::default()));
    assert!(error.contains("web page"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("w.data"), POINTER).unwrap();
    let graph = external("w.data", 0);
    let error = message(load_in(folder.path(), &graph.bytes(), &LoadOptions::default()));
    assert!(error.contains("\"w.data\"") && error.contains("Git LFS pointer"), "{error}");
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
fn several_inputs_are_refused() {
    let mut graph = Graph::with_input(13, &[1, 4]);
    graph.input("mask", &fixed(&[1, 4]), DataType::Float);
    let y = graph.node("Mul", &["x", "mask"], &[]);
    graph.output(&y);
    let error = message(graph.load());
    assert!(error.contains("2 inputs (x, mask)"), "{error}");
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
        assert_eq!(model.input.shape, whole);
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

/// Loads and, where that succeeds, runs; whether there was a panic.
fn panics(bytes: &[u8]) -> bool {
    let bytes = bytes.to_vec();
    catch_unwind(move || {
        if let Ok(model) = load_bytes(&bytes, &LoadOptions::default()) {
            let input = noise(&model.input.shape, 1);
            let _ = model.network.evaluate(&input);
        }
    })
    .is_err()
}

/// A small model with as many kinds of nodes as make sense.
fn varied() -> Vec<u8> {
    let mut graph = Graph::with_input(13, &[1, 2, 4, 4]);
    let w = graph.floats(&[2, 2, 3, 3], &weights(36));
    let y = graph.node("Conv", &["x", &w], &[ints("pads", &[1, 1, 1, 1])]);
    let y = graph.node("Sigmoid", &[&y], &[]);
    let y = graph.node("Add", &["x", &y], &[]);
    let y =
        graph.node("MaxPool", &[&y], &[ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])]);
    let y = graph.node("Concat", &[&y, &y], &[int("axis", 1)]);
    let value = tensor("value", float_tensor("c", &[4, 1, 1], &weights(4)));
    let c = graph.node("Constant", &[], &[value]);
    let y = graph.node("Mul", &[&y, &c], &[]);
    let scales = graph.floats(&[4], &[1.0, 1.0, 2.0, 2.0]);
    let y = graph.node("Resize", &[&y, "", &scales], &[]);
    let shape = graph.ints(&[1, -1]);
    let y = graph.node("Reshape", &[&y, &shape], &[]);
    let w = graph.floats(&[64, 2], &weights(128));
    let y = graph.node("MatMul", &[&y, &w], &[]);
    let y = graph.node("Softmax", &[&y], &[]);
    graph.output(&y);
    graph.bytes()
}

#[test]
fn no_cut_of_a_model_panics() {
    let bytes = varied();
    assert!(load_bytes(&bytes, &LoadOptions::default()).is_ok());
    let panicking: Vec<usize> = (0..bytes.len()).filter(|&end| panics(&bytes[..end])).collect();
    assert!(panicking.is_empty(), "cut at {panicking:?} of {}", bytes.len());
}

#[test]
fn no_flipped_byte_panics() {
    let bytes = varied();
    let mut numbers = Numbers::new(31);
    let mut panicking = vec![];
    for _ in 0..400 {
        let (place, value) = (numbers.bits() as usize % bytes.len(), numbers.bits() as u8);
        let mut damaged = bytes.clone();
        damaged[place] = value;
        if panics(&damaged) {
            panicking.push((place, value));
        }
    }
    assert!(panicking.is_empty(), "(place, value): {panicking:?}");
}

#[test]
fn a_cut_model_is_called_damaged() {
    let bytes = varied();
    let error = message(load_bytes(&bytes[..bytes.len() - 40], &LoadOptions::default()));
    assert!(error.contains("truncated or damaged"), "{error}");
}
