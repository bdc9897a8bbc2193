//! Relevance against zennit in float64, on small networks: data made by `tests/oracle/make_goldens.py`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};

use onnxplain::canonize::{PassSelection, canonize};
use onnxplain::composite::Composite;
use onnxplain::explain::{Explainer, Initial, InputRange, Target, initial_relevance};
use onnxplain::io::read_npy;
use onnxplain::onnx::{LoadOptions, Model};
use onnxplain::parallel::Threads;
use onnxplain::tensor::Tensor;
use serde::Deserialize;
use support::worst_error;

#[derive(Deserialize)]
struct Golden {
    network: String,
    composite: String,
    relevance: String,
    target: usize,
    input_range: Range,
    max_abs: f32,
}

#[derive(Deserialize)]
struct Range {
    low: Vec<f32>,
    high: Vec<f32>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn tensor(path: &Path) -> Tensor {
    let (shape, values) = read_npy(path).unwrap();
    Tensor::new(&shape, &values).unwrap()
}

/// Our relevance for a golden, in the golden's shape.
fn relevance(golden: &Golden) -> Tensor {
    let folder = folder();
    let path = folder.join(&golden.network).join("model.onnx");
    let model = Model::load(&path, &LoadOptions::default()).unwrap();
    let mut network = model.network;
    let composite = match golden.composite.ends_with(".yaml") {
        true => Composite::find(folder.join(&golden.composite).to_str().unwrap()).unwrap(),
        false => Composite::find(&golden.composite).unwrap(),
    };
    canonize(&mut network, &PassSelection::of(&composite.canonize).unwrap()).unwrap();
    let range = InputRange {
        low: golden.input_range.low.clone(),
        high: golden.input_range.high.clone(),
        channel_axis: 1,
    };
    let explainer = Explainer::new(network, &composite, Some(&range), Threads::default()).unwrap();
    let input = tensor(&folder.join(&golden.network).join("input.npy"));
    let activations = explainer.forward(&input.reshaped(&model.inputs[0].shape).unwrap()).unwrap();
    let logits = activations.logits().unwrap();
    let class = Target::Class(golden.target).classes(logits).unwrap()[0];
    let initial = initial_relevance(logits, class, None, Initial::One).unwrap();
    explainer.propagate(activations, initial).unwrap().relevance[0].clone()
}

#[test]
fn relevance_agrees_with_zennit() {
    let index = std::fs::read_to_string(folder().join("index.json")).unwrap();
    let goldens: Vec<Golden> = serde_json::from_str(&index).unwrap();
    assert!(goldens.len() >= 50);
    let mut failures = vec![];
    for golden in &goldens {
        let ours = relevance(golden);
        let theirs = tensor(&folder().join(&golden.relevance));
        let name = format!("{} {}", golden.network, golden.composite);
        assert!(golden.max_abs > 0.0 && golden.max_abs.is_finite(), "{name}");
        let error = worst_error(ours.data(), theirs.data()) / f64::from(golden.max_abs);
        if error > 2e-5 {
            failures.push(format!("{name}: {error:e}"));
        }
    }
    assert!(failures.is_empty(), "max|ΔR| / max|R| is too large:\n{}", failures.join("\n"));
}
