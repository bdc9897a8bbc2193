//! Recurrent classifiers against a dense replica of the rules in `f64`, and their gradient against torch's autograd:
//! `tests/oracle/recurrent_parity.py --goldens` wrote both.

use std::path::Path;

use anyhow::{Result, ensure};
use onnxplain::composite::Composite;
use onnxplain::onnx::{LoadOptions, Model};
use onnxplain::tensor::Tensor;
use serde::Deserialize;

use super::recognised;
use crate::support::{difference, explain};

#[derive(Deserialize)]
struct Golden {
    name: String,
    file: String,
    shape: Vec<usize>,
    input: Vec<f32>,
    logits: Vec<f32>,
    target: usize,
    gradient: Vec<f32>,
    /// Of the input, where the logit itself is put in.
    relevance: Vec<f32>,
    /// What the replica is off by in `f32`, of the largest relevance.
    float32_error: f32,
}

#[test]
fn recurrent_layers_agree_with_a_dense_replica_of_the_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/recurrent");
    let index = std::fs::read_to_string(folder.join("index.json")).unwrap();
    let goldens: Vec<Golden> = serde_json::from_str(&index).unwrap();
    assert!(goldens.len() >= 15, "only {} goldens", goldens.len());
    let failed = |golden: &Golden| {
        let error = check(golden, &folder.join(&golden.file)).err()?;
        Some(format!("{}: {error:#}", golden.name))
    };
    let failures: Vec<String> = goldens.iter().filter_map(failed).collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn check(golden: &Golden, path: &Path) -> Result<()> {
    let model = Model::load(path, &LoadOptions::default())?;
    let network = recognised(&model.network);
    let input = Tensor::new(&golden.shape, &golden.input)?.reshaped(&model.inputs[0].shape)?;
    let logits = network.evaluate(&input)?;
    let error = difference(logits.data(), &golden.logits);
    ensure!(error < 1e-5, "the logits are off by {error:e}");

    let mut initial = Tensor::zeros(logits.shape())?;
    for (name, amount, wanted, tolerance) in [
        ("gradient", 1.0, &golden.gradient, 1e-5),
        ("epsilon", logits.data()[golden.target], &golden.relevance, 5.0 * golden.float32_error),
    ] {
        initial.data_mut()[golden.target] = amount;
        let composite = Composite::find(name)?;
        let found = explain(&network, &composite, None, &input, &initial)?;
        let error = difference(found.relevance[0].data(), wanted);
        let allowed = tolerance.max(1e-5);
        ensure!(error < allowed, "{name}: off by {error:e} of the largest, {allowed:e} allowed");
    }
    Ok(())
}
