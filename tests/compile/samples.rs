//! Every sample model on a batch of photos and on one alone: with the preset that suits it, and, where asked for
//! (`cargo test --test compile -- --ignored`, some ten minutes), with every preset that fits.

use std::path::{Path, PathBuf};

use onnxplain::{Composite, Error, GraphOptions, Session};

/// The largest difference, as a part of the largest relevance, or three times what moving the input's last bits does.
pub const LIMIT: f32 = 1e-4;

/// The largest difference between a picture in a batch and the same alone.
const BATCH_LIMIT: f32 = 1e-5;

const PHOTOS: [&str; 3] = ["chelsea.png", "coffee.jpg", "rocket.jpg"];

pub const FASHION: [&str; 3] = ["fashion/bag.png", "fashion/sneaker.png", "fashion/trouser.png"];

pub fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-models").join(name)
}

/// Compiles the model with these composites and compares on photos.
pub fn agrees(
    model: &str,
    photos: [&str; 3],
    composites: impl Iterator<Item = Composite>,
) -> usize {
    let session = Session::open(sample(model)).unwrap();
    let photos = photos.map(|photo| sample("photos").join(photo));
    let photos = photos.map(|photo| session.prepare(photo.as_path()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = vec![];
    let mut count = 0;
    for composite in composites {
        let name = composite.name().to_string();
        let explainer = match session.explainer(composite) {
            Ok(explainer) => explainer,
            Err(Error::Composite(_)) => continue,
            Err(error) => panic!("{name}: {error:?}"),
        };
        let path = folder.path().join(format!("{name}.onnx"));
        let graph = explainer.graph(&GraphOptions::new()).unwrap();
        graph.save(&path, false).unwrap();
        let found = explainer.compare_with_graph(&path, 0, &photos).unwrap();
        println!("{model} {name}: {} nodes, {found:?}", graph.node_count());
        if !(found.is_within(LIMIT) && found.batch <= BATCH_LIMIT) {
            wrong.push(format!("{name}: {found:?}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{model}:\n{}", wrong.join("\n"));
    count
}

/// The model with the preset that suits it.
fn agrees_with_its_preset(model: &str, photos: [&str; 3]) {
    assert_eq!(agrees(model, photos, [Composite::auto()].into_iter()), 1);
}

const EVERY: [(&str, [&str; 3]); 7] = [
    ("fashion_vgg.onnx", FASHION),
    ("fashion_resnet.onnx", FASHION),
    ("fashion_densenet.onnx", FASHION),
    ("fashion_inception.onnx", FASHION),
    ("fashion_mobilenet.onnx", FASHION),
    ("fashion_vit.onnx", FASHION),
    ("efficientnet_lite0.onnx", PHOTOS),
];

#[test]
#[ignore = "takes some ten minutes"]
fn every_preset() {
    for (model, photos) in EVERY {
        let presets = Composite::presets().map(|preset| Composite::named(preset).unwrap());
        let count = agrees(model, photos, presets);
        assert!(count > 10, "only {count} presets fit {model}");
    }
}

#[test]
fn vgg() {
    agrees_with_its_preset("fashion_vgg.onnx", FASHION);
}

#[test]
fn resnet() {
    agrees_with_its_preset("fashion_resnet.onnx", FASHION);
}

#[test]
fn densenet() {
    agrees_with_its_preset("fashion_densenet.onnx", FASHION);
}

#[test]
fn inception() {
    agrees_with_its_preset("fashion_inception.onnx", FASHION);
}

#[test]
fn mobilenet() {
    agrees_with_its_preset("fashion_mobilenet.onnx", FASHION);
}

#[test]
fn vit() {
    agrees_with_its_preset("fashion_vit.onnx", FASHION);
}

#[test]
fn efficientnet() {
    agrees_with_its_preset("efficientnet_lite0.onnx", PHOTOS);
}
