//! Canonization never changes the function: every pass alone and all together, on the sample models
//! and the goldens' networks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::PathBuf;

use onnxplain::canonize::{PASSES, PassSelection, canonize};
use onnxplain::network::{Family, Kind};
use onnxplain::onnx::{LoadOptions, Model};
use support::{difference, noise};

const MODELS: [&str; 10] = [
    "sample-models/efficientnet_lite0.onnx",
    "sample-models/fashion_densenet.onnx",
    "sample-models/fashion_inception.onnx",
    "sample-models/fashion_mobilenet.onnx",
    "sample-models/fashion_resnet.onnx",
    "sample-models/fashion_vgg.onnx",
    "tests/golden/branches/model.onnx",
    "tests/golden/depthwise/model.onnx",
    "tests/golden/plain/model.onnx",
    "tests/golden/residual/model.onnx",
];

fn load(model: &str) -> Model {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(model);
    Model::load(&path, &LoadOptions::default()).unwrap()
}

#[test]
fn no_pass_changes_the_function() {
    for name in MODELS {
        let model = load(name);
        let input = noise(&model.inputs[0].shape, 1);
        let before = model.network.evaluate(&input).unwrap();
        let alone = PASSES.iter().map(|pass| PassSelection::only(&[pass.name]).unwrap());
        for selection in alone.chain([PassSelection::all()]) {
            let mut network = model.network.clone();
            canonize(&mut network, &selection).unwrap();
            let after = network.evaluate(&input).unwrap();
            let difference = difference(after.data(), before.data());
            assert!(difference < 2e-5, "{name} {selection:?}: {difference:e}");
        }
    }
}

#[test]
fn the_network_computes_what_the_file_says() {
    for name in MODELS {
        let model = load(name);
        let input = noise(&model.inputs[0].shape, 1);
        let ours = model.network.evaluate(&input).unwrap();
        let reference = model.run_reference(&input).unwrap();
        let difference = difference(ours.data(), reference.data());
        assert!(difference < 2e-5, "{name}: {difference:e}");
    }
}

#[test]
fn no_batch_normalization_is_left_in_the_sample_models() {
    for name in MODELS {
        let mut network = load(name).network;
        canonize(&mut network, &PassSelection::all()).unwrap();
        let left = network.layers.iter().filter(|layer| layer.kind() == Kind::Normalization);
        let left: Vec<&str> = left.map(|layer| layer.name.as_str()).collect();
        assert!(left.is_empty(), "{name}: {left:?}");
    }
}

#[test]
fn the_families_of_the_sample_models() {
    let family = |name: &str| {
        let mut network = load(&format!("sample-models/{name}.onnx")).network;
        canonize(&mut network, &PassSelection::all()).unwrap();
        Family::of(&network)
    };
    assert_eq!(family("efficientnet_lite0"), Family::Depthwise);
    assert_eq!(family("fashion_vgg"), Family::Plain);
    assert_eq!(family("fashion_resnet"), Family::Residual);
    assert_eq!(family("fashion_densenet"), Family::DenseConcat);
    assert_eq!(family("fashion_mobilenet"), Family::GatedDepthwise);
    assert_eq!(family("fashion_inception"), Family::Inception);
}
