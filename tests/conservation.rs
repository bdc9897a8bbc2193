//! Conservation from the logit to the pixels: with biases left out, what arrives at the picture is what
//! was put in at the logit (Bach et al. 2015, eq. 2), through BatchNormalizations, gates,
//! concatenations and sums of real trained networks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::PathBuf;

use onnxplain::composite::Composite;
use onnxplain::model::{LoadOptions, Model};
use onnxplain::tensor::Tensor;
use support::{explain, noise};

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
  - { when: { kind: [activation, normalization, gate, product] }, rule: pass }
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
  - { when: { kind: [activation, normalization, gate, product] }, rule: pass }
";

fn assert_conserves(name: &str, yaml: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("sample-models/{name}.onnx"));
    let network = Model::load(&path, &LoadOptions::default()).unwrap().network;
    let composite = Composite::parse(yaml, "test").unwrap();
    for seed in 1..=3 {
        let input = noise(network.input_shape(), seed);
        let mut initial = Tensor::zeros(&network.layers[network.output].shape).unwrap();
        initial.data_mut()[seed as usize] = 1.0;
        let relevance = explain(&network, &composite, None, &input, &initial).unwrap().relevance;
        let error = (relevance.sum() - 1.0).abs();
        assert!(error < 1e-3, "{name}, {}: 1 became {}", composite.name, relevance.sum());
    }
}

#[test]
fn relevance_is_conserved_from_the_logit_to_the_pixels() {
    assert_conserves("fashion_densenet", EPSILON_PLUS_FLAT);
    assert_conserves("fashion_resnet", EPSILON_PLUS_FLAT);
    assert_conserves("efficientnet_lite0", W_SQUARE);
    assert_conserves("fashion_mobilenet", W_SQUARE);
}
