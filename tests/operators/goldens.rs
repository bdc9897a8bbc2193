//! One-operator classifiers that were once misread or refused, against onnxruntime: `tests/oracle/make_operator_goldens.py`
//! made them.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use onnxplain::composite::Composite;
use onnxplain::explain::InputRange;
use onnxplain::onnx::{LoadOptions, Model};
use onnxplain::tensor::Tensor;
use serde::Deserialize;
use serde::de::DeserializeOwned;

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
    /// `None` where there is a kink within a step of the differences.
    gradient: Vec<Option<f32>>,
}

#[test]
fn agree_with_onnxruntime() {
    all_agree("operators", 20, |golden: &Golden| (&golden.name, &golden.file), check);
}

/// Checks all goldens of a folder, of which there are at least so many; `named` gives name and file.
pub fn all_agree<G: DeserializeOwned>(
    folder: &str,
    least: usize,
    named: impl Fn(&G) -> (&str, &str),
    check: impl Fn(&G, &Path) -> Result<()>,
) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let index = std::fs::read_to_string(folder.join("index.json")).unwrap();
    let goldens: Vec<G> = serde_json::from_str(&index).unwrap();
    assert!(goldens.len() >= least, "only {} goldens", goldens.len());
    let failed = |golden: &G| {
        let (name, file) = named(golden);
        let error = check(golden, &folder.join(file)).err()?;
        Some(format!("{name}: {error:#}"))
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
    ensure!(error < 1e-4, "the logits are off by {error:e}");

    let mut seed = Tensor::zeros(logits.shape())?;
    seed.data_mut()[golden.target] = 1.0;
    let gradient =
        explain(&network, &Composite::find("gradient")?, None, &input, &seed)?.relevance[0].clone();
    let known = golden.gradient.iter().zip(gradient.data());
    let (wanted, found): (Vec<f32>, Vec<f32>) =
        known.filter_map(|(wanted, &found)| Some(((*wanted)?, found))).unzip();
    let largest = wanted.iter().fold(1e-2f32, |largest, value| largest.max(value.abs()));
    let error = difference(&found, &wanted);
    ensure!(error < 2e-3 * largest + 2e-4, "the gradient is off by {error:e} of {largest:e}");

    let range = InputRange { low: vec![-4.0], high: vec![4.0], channel_axis: 1 };
    for name in ["epsilon-plus", "gamma"] {
        let composite = Composite::find(name)?;
        let attribution =
            explain(&network, &composite, Some(&range), &input, &seed).context(name)?;
        let worst = attribution.conservation.worst_imbalance();
        ensure!(worst < 1e-4, "the books of {name} are out of balance by {worst:e}");
    }
    Ok(())
}
