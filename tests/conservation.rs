//! Conservation from the logit to the pixels: with biases left out, what arrives at the picture is what
//! was put in at the logit (Bach et al. 2015, eq. 2), through BatchNormalizations, gates,
//! concatenations and sums of real trained networks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::PathBuf;

use onnxplain::composite::Composite;
use onnxplain::onnx::{LoadOptions, Model};
use onnxplain::picture::{Card, Preprocessor, decode};
use onnxplain::tensor::Tensor;
use support::explain;

/// For networks of many contributions to an output. Flat in the first layer, because the few contributions to
/// one of its outputs can all be negative, of which z⁺ hands down nothing.
const EPSILON_PLUS_FLAT: &str = "
name: epsilon-plus-flat-without-bias
stabilizer: 1e-9
rules:
  - { when: { first: true }, rule: flat }
  - { when: { kind: dense }, rule: { epsilon: { bias: false } } }
  - { when: { kind: convolution }, rule: { z-plus: { bias: false } } }
  - { when: { kind: [sum, average-pool, resize] }, rule: norm }
  - { when: { kind: [activation, normalization, layer-normalization, gate, product] }, rule: pass }
";

/// For networks of depthwise convolutions. z⁺ hands down nothing where all nine contributions to an
/// output are negative and only the bias kept it alive, and without biases ε and γ divide by
/// sums that nearly cancel; w² has neither, and shows that gates and sums conserve.
const W_SQUARE: &str = "
name: w-square-without-bias
stabilizer: 1e-9
rules:
  - { when: { kind: dense }, rule: { epsilon: { bias: false } } }
  - { when: { kind: convolution }, rule: { w-square: { bias: false } } }
  - { when: { kind: [sum, average-pool, resize] }, rule: norm }
  - { when: { kind: [activation, normalization, layer-normalization, gate, product] }, rule: pass }
";

fn assert_conserves(name: &str, photo: &str, yaml: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sample-models");
    let path = folder.join(format!("{name}.onnx"));
    let model = Model::load(&path, &LoadOptions::default()).unwrap();
    let card = Card::discover(&path).unwrap().unwrap();
    let preprocessor =
        Preprocessor::new(&card.input.unwrap(), model.inputs[0].picture.unwrap()).unwrap();
    let picture = decode(&folder.join("photos").join(photo)).unwrap();
    let values = preprocessor.apply(&picture).unwrap().values;
    let input = Tensor::new(&model.inputs[0].shape, &values).unwrap();
    let logits = model.network.evaluate(&input).unwrap();
    let top = (0..logits.len()).max_by(|&a, &b| logits.data()[a].total_cmp(&logits.data()[b]));
    let mut initial = Tensor::zeros(logits.shape()).unwrap();
    initial.data_mut()[top.unwrap()] = 1.0;
    let composite = Composite::parse(yaml, "test").unwrap();
    let relevance =
        explain(&model.network, &composite, None, &input, &initial).unwrap().relevance[0].clone();
    let error = (relevance.sum() - 1.0).abs();
    assert!(error < 1e-3, "{name}, {photo}: 1 became {}", relevance.sum());
}

#[test]
fn relevance_is_conserved_from_the_logit_to_the_pixels() {
    for photo in ["fashion/ankle-boot.png", "fashion/bag.png", "fashion/coat.png"] {
        assert_conserves("fashion_densenet", photo, EPSILON_PLUS_FLAT);
        assert_conserves("fashion_resnet", photo, W_SQUARE);
        assert_conserves("fashion_mobilenet", photo, W_SQUARE);
    }
    for photo in ["chelsea.png", "coffee.jpg", "rocket.jpg"] {
        assert_conserves("efficientnet_lite0", photo, W_SQUARE);
    }
}
