//! Files that were cut or changed: none of them makes the library panic.

use std::panic::catch_unwind;

use onnxplain::onnx::LoadOptions;

use super::support::onnx::{Graph, float_tensor, int, ints, load_bytes, tensor};
use super::support::{Numbers, message, noise};
use super::weights;

/// Loads and, where that succeeds, runs; whether there was a panic.
fn panics(bytes: &[u8]) -> bool {
    let bytes = bytes.to_vec();
    catch_unwind(move || {
        if let Ok(model) = load_bytes(&bytes, &LoadOptions::default()) {
            let input = noise(&model.inputs[0].shape, 1);
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
