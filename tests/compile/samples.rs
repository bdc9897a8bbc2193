//! Every sample model with every preset that fits, on a batch of photos and on one alone.

use std::path::{Path, PathBuf};

use onnxplain::{Composite, Error, GraphOptions, Session};

/// The largest difference, as a part of the largest relevance, or three times what moving the input's last bits does.
const LIMIT: f32 = 1e-4;

/// The largest difference between a picture in a batch and the same alone.
const BATCH_LIMIT: f32 = 1e-5;

const FASHION: [&str; 3] = ["fashion/bag.png", "fashion/sneaker.png", "fashion/trouser.png"];

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-models").join(name)
}

/// Compiles the model with every preset and compares on photos.
fn agrees_with_every_preset(model: &str, photos: [&str; 3]) {
    let session = Session::open(sample(model)).unwrap();
    let photos = photos.map(|photo| sample("photos").join(photo));
    let photos = photos.map(|photo| session.prepare(photo.as_path()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = vec![];
    let mut count = 0;
    for preset in Composite::presets() {
        let explainer = match session.explainer(Composite::named(preset).unwrap()) {
            Ok(explainer) => explainer,
            Err(Error::Composite(_)) => continue,
            Err(error) => panic!("{preset}: {error:?}"),
        };
        let path = folder.path().join(format!("{preset}.onnx"));
        let graph = explainer.graph(&GraphOptions::new()).unwrap();
        graph.save(&path, false).unwrap();
        let found = explainer.compare_with_graph(&path, 0, &photos).unwrap();
        println!("{model} {preset}: {} nodes, {found:?}", graph.node_count());
        if !(found.is_within(LIMIT) && found.batch <= BATCH_LIMIT) {
            wrong.push(format!("{preset}: {found:?}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{model}:\n{}", wrong.join("\n"));
    assert!(count > 10, "only {count} presets fit {model}");
}

#[test]
fn vgg() {
    agrees_with_every_preset("fashion_vgg.onnx", FASHION);
}

#[test]
fn resnet() {
    agrees_with_every_preset("fashion_resnet.onnx", FASHION);
}

#[test]
fn densenet() {
    agrees_with_every_preset("fashion_densenet.onnx", FASHION);
}

#[test]
fn inception() {
    agrees_with_every_preset("fashion_inception.onnx", FASHION);
}

#[test]
fn mobilenet() {
    agrees_with_every_preset("fashion_mobilenet.onnx", FASHION);
}

#[test]
fn vit() {
    agrees_with_every_preset("fashion_vit.onnx", FASHION);
}

#[test]
fn efficientnet() {
    agrees_with_every_preset(
        "efficientnet_lite0.onnx",
        ["chelsea.png", "coffee.jpg", "rocket.jpg"],
    );
}
