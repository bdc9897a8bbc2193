//! Recurrent classifiers against a dense replica of the rules in `f64`, and their gradient against torch's autograd:
//! `tests/oracle/recurrent_parity.py --goldens` wrote both.

use std::path::Path;

use anyhow::{Result, ensure};
use onnxplain::composite::Composite;
use onnxplain::onnx::{LoadOptions, Model};
use onnxplain::tensor::Tensor;
use serde::Deserialize;

use super::goldens::all_agree;
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
    all_agree("recurrent", 15, |golden: &Golden| (&golden.name, &golden.file), check);
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
