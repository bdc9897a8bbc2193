//! Attribution methods: identities that each must satisfy, finite differences, and the command line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod command_line;
mod gradients;
mod initial;
mod maps;
mod noise;
mod parameters;
#[path = "../support/mod.rs"]
mod support;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use onnxplain::canonize::{PassSelection, canonize};
use onnxplain::composite::Composite;
use onnxplain::explain::{Initial, InputRange, Prepack};
use onnxplain::method::{
    Explanation, Fill, FusionGrad, GradCam, Gradient, GuidedBackprop, InputInfo, InputXGradient,
    IntegratedGradients, Method, NoiseGrad, Objective, Occlusion, PreparedMethod, Quadrature, Rise,
    Saliency, Setup, SmoothGrad, SmoothTaylor, TargetSpec, Unwatched,
};
use onnxplain::onnx::{LoadOptions, Model, ParametricModel};
use onnxplain::tensor::Tensor;
use serde_json::Value;
use support::onnx::{Graph, ints};
use support::{assert_near, noise};

const FASHION: [&str; 4] =
    ["fashion_densenet", "fashion_mobilenet", "fashion_resnet", "fashion_vgg"];

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-models").join(name)
}

fn fashion(name: &str) -> PathBuf {
    sample(&format!("{name}.onnx"))
}

/// A method made ready for a model file.
fn prepared(path: &Path, method: Method, threads: usize) -> anyhow::Result<PreparedMethod> {
    let options = LoadOptions::default();
    let model = Model::load(path, &options)?;
    let mut network = model.network;
    let passes = match method.needs_layers_as_stored() {
        true => PassSelection::none(),
        false => PassSelection::all(),
    };
    canonize(&mut network, &passes)?;
    let stored = match method.perturbs_parameters() {
        true => Some(ParametricModel::read(path, &options)?),
        false => None,
    };
    let range = InputRange { low: vec![-2.0], high: vec![2.0], channel_axis: 1 };
    let setup = Setup {
        network,
        composite: Composite::find(method.preset().unwrap_or("epsilon-plus"))?,
        passes,
        infos: vec![InputInfo { picture: model.inputs[0].picture, range: Some(range) }],
        at: None,
        stored,
        threads,
        prepack: Prepack::Once,
    };
    PreparedMethod::new(method, setup)
}

const TARGET: TargetSpec = TargetSpec { class: 1, against: None, initial: Initial::One };

fn explained(path: &Path, method: Method, input: &Tensor) -> Explanation {
    explained_on(path, method, input, 2)
}

fn explained_on(path: &Path, method: Method, input: &Tensor, threads: usize) -> Explanation {
    let prepared = prepared(path, method, threads).unwrap();
    let pass = prepared.forward(input.clone()).unwrap();
    prepared.explain(pass, TARGET, &Unwatched).unwrap()
}

/// A small model written to a folder of its own.
struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn file(graph: &Graph) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, graph.bytes()).unwrap();
    File { _folder: folder, path }
}

/// `y = W x` of a picture [1, 1, 4, 4] to two classes.
fn linear(weights: &[f32]) -> File {
    let mut graph = Graph::with_input(17, &[1, 1, 4, 4]);
    let flat = graph.node("Flatten", &["x"], &[]);
    let weight = graph.floats(&[16, 2], weights);
    let output = graph.node("MatMul", &[&flat, &weight], &[]);
    graph.output(&output);
    file(&graph)
}

fn weights() -> Vec<f32> {
    (0..32).map(|index| (index as f32 * 0.7).sin() + 0.1).collect()
}

/// The weights of the class that is asked for.
fn class_weights() -> Vec<f32> {
    weights().chunks(2).map(|pair| pair[1]).collect()
}
