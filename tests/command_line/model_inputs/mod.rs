//! Inputs that are no pictures, and outputs that are no classes: what their tests share.

mod forms;
mod reductions;
mod several_inputs;
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};

use onnxplain::io::{Overwrite, write_npy};
use onnxplain::{Array, Method, Session, Source, Target};
use serde_json::Value;
use tempfile::TempDir;

use super::support::Numbers;
use super::support::onnx::Graph;
use super::{Run, folder};

/// A model file in a folder of its own, with what is written beside it.
pub struct Model {
    folder: TempDir,
}

impl Model {
    pub fn of(graph: &Graph) -> Model {
        let folder = folder();
        fs::write(folder.path().join("model.onnx"), graph.bytes()).unwrap();
        Model { folder }
    }

    pub fn path(&self) -> PathBuf {
        self.at("model.onnx")
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn array(&self, name: &str, shape: &[usize], values: &[f32]) -> PathBuf {
        write_npy(&self.at(name), shape, values, Overwrite::Replace).unwrap();
        self.at(name)
    }

    pub fn text(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.at(name), text).unwrap();
        self.at(name)
    }
}

pub fn numbers(seed: u64, count: usize) -> Vec<f32> {
    Numbers::new(seed).between(-1.0, 1.0, count)
}

/// An operand of an option that names an input.
pub fn named(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

pub fn refused(run: Run, code: i32, parts: &[&str]) {
    assert_eq!(run.code, code, "{}{}", run.stdout, run.stderr);
    for part in parts {
        assert!(run.stderr.contains(part), "`{part}` is missing in:\n{}", run.stderr);
    }
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

pub fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// The gradient by every number of every input against central differences.
pub fn check_gradients(session: &Session, inputs: &[(&str, Array)], class: usize) {
    let explainer = session.explainer(Method::named("gradient").unwrap()).unwrap();
    let source = |inputs: &[(&str, Array)]| -> Vec<(String, Array)> {
        inputs.iter().map(|(name, array)| (name.to_string(), array.clone())).collect()
    };
    let logit = |inputs: &[(&str, Array)]| {
        let owned = source(inputs);
        let named: Vec<(String, Source)> =
            owned.iter().map(|(name, array)| (name.clone(), array.into())).collect();
        f64::from(session.predict(named).unwrap().logits()[class])
    };
    let owned = source(inputs);
    let all: Vec<(String, Source)> =
        owned.iter().map(|(name, array)| (name.clone(), array.into())).collect();
    let explanation = explainer.explain_target(all, Target::Class(class)).unwrap();
    let names: Vec<&str> = explanation.inputs().map(|(name, _)| name).collect();
    assert_eq!(names, inputs.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    const STEP: f32 = 1.0 / 128.0;
    for (place, (name, relevance)) in explanation.inputs().enumerate() {
        let values = inputs[place].1.values();
        for at in 0..values.len() {
            let moved = |change: f32| {
                let mut values = values.to_vec();
                values[at] += change;
                let mut inputs = inputs.to_vec();
                inputs[place].1 = Array::new(inputs[place].1.shape(), &values).unwrap();
                logit(&inputs)
            };
            let slope = (moved(STEP) - moved(-STEP)) / f64::from(2.0 * STEP);
            let found = f64::from(relevance.values()[at]);
            assert!((slope - found).abs() < 2e-3, "{name} {at}: {found} instead of {slope}");
        }
    }
}
