//! A single explanation reads weights when they are needed and packs them in passing; it must not differ from others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};

use onnxplain::canonize::{PassSelection, canonize};
use onnxplain::composite::Composite;
use onnxplain::explain::{Explainer, InputRange, Prepack, RelevanceSupport, Step};
use onnxplain::linear::Weight;
use onnxplain::network::{Network, Op};
use onnxplain::onnx::{LoadOptions, Model};
use onnxplain::parallel::Threads;
use onnxplain::tensor::Tensor;
use support::onnx::{Graph, int, ints};
use support::{message, noise};
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-models").join(name)
}

fn load(path: &Path, is_without_reference: bool) -> Network {
    let options = LoadOptions { is_without_reference, ..LoadOptions::default() };
    Model::load(path, &options).unwrap().network
}

fn explainer(mut network: Network, preset: &str, prepack: Prepack) -> anyhow::Result<Explainer> {
    let composite = Composite::find(preset)?;
    canonize(&mut network, &PassSelection::of(&composite.canonize)?)?;
    let range = InputRange { low: vec![-2.0], high: vec![2.0], channel_axis: 1 };
    Explainer::with_prepack(network, &composite, Some(&range), Threads::new(2)?, prepack)
}

fn relevance(network: Network, preset: &str, prepack: Prepack) -> anyhow::Result<Vec<u32>> {
    let explainer = explainer(network, preset, prepack)?;
    let input = noise(explainer.network().input_shape(), 3);
    let activations = explainer.forward(&input)?;
    let mut initial = Tensor::zeros(activations.logits()?.shape())?;
    initial.data_mut()[1] = 1.0;
    let relevance = explainer.propagate(activations, initial)?.relevance[0].clone();
    Ok(relevance.data().iter().map(|number| number.to_bits()).collect())
}

/// The weights of a network.
fn weights(network: &Network) -> impl Iterator<Item = &Weight> {
    network.layers.iter().filter_map(|layer| match &layer.op {
        Op::Convolution(map) => Some(&map.weight),
        Op::Dense(map) => Some(&map.weight),
        _ => None,
    })
}

#[test]
fn weights_that_are_read_late_are_the_same() {
    for name in ["fashion_resnet.onnx", "fashion_vit.onnx", "efficientnet_lite0.onnx"] {
        let (read, stored) = (load(&sample(name), false), load(&sample(name), true));
        let mut large = 0;
        for (read, stored) in weights(&read).zip(weights(&stored)) {
            assert_eq!(read.shape(), stored.shape());
            assert_eq!(read.signs(), stored.signs());
            assert_eq!(read.load().unwrap().data(), stored.load().unwrap().data());
            large += usize::from(read.len() >= 1 << 12);
        }
        assert!(large > 3, "{name} has weights that are worth leaving in the file");
    }
}

#[test]
fn a_single_explanation_is_the_same_to_the_last_bit() {
    let presets = ["epsilon-plus-flat", "epsilon-gamma-box", "epsilon-alpha2-beta1", "gradient"];
    let check = |name: &str, preset: &str| {
        let path = sample(name);
        let kept = relevance(load(&path, false), preset, Prepack::Once).unwrap();
        let in_passing = relevance(load(&path, true), preset, Prepack::OnTheFly).unwrap();
        assert_eq!(kept, in_passing, "{name} {preset}");
    };
    for name in ["densenet", "inception", "mobilenet", "resnet", "vgg", "vit"] {
        presets.iter().for_each(|preset| check(&format!("fashion_{name}.onnx"), preset));
    }
    // Its dense layer is large enough to be read piece by piece.
    check("efficientnet_lite0.onnx", "epsilon-plus-flat");
}

#[test]
fn a_program_stays_as_it_was_compiled_while_an_explainer_runs_it() {
    for name in ["fashion_vgg.onnx", "fashion_resnet.onnx"] {
        let mut network = load(&sample(name), false);
        let explainer =
            explainer(load(&sample(name), true), "epsilon-gamma-box", Prepack::Once).unwrap();
        canonize(&mut network, &PassSelection::all()).unwrap();
        let program = explainer.program().clone();
        drop(explainer);
        for (stored, read) in weights(&program.network).zip(weights(&network)) {
            assert_eq!(stored.load().unwrap().data(), read.load().unwrap().data(), "{name}");
        }
        let mut with_range = 0;
        for (layer, step) in program.network.layers.iter().zip(&program.steps) {
            let Step::Linear(step) = step else { continue };
            for range in &step.ranges {
                let shape = &program.network.layers[layer.inputs[0]].shape;
                assert_eq!(range.low.shape(), shape);
                assert!(range.low.data().iter().all(|low| *low == -2.0));
                with_range += 1;
            }
        }
        assert_eq!(with_range, 1, "z-box is the rule of the first layer of {name}");
    }
}

#[test]
fn a_program_says_where_relevance_arrives() {
    let explainer =
        explainer(load(&sample("fashion_vgg.onnx"), true), "epsilon-gamma-box", Prepack::OnTheFly)
            .unwrap();
    let program = explainer.program();
    assert_eq!(program.support[program.network.output], RelevanceSupport::ANYWHERE);
    // Every convolution is in front of a ReLU, and nothing above gives relevance to silent units.
    for (layer, support) in program.network.layers.iter().zip(&program.support) {
        if matches!(layer.op, Op::Convolution(_)) {
            assert_eq!(*support, RelevanceSupport::POSITIVE, "{}", layer.name);
        }
    }
}

#[test]
fn a_file_that_is_written_meanwhile_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::copy(sample("fashion_vgg.onnx"), &path).unwrap();
    let network = load(&path, true);
    let bytes = std::fs::read(&path).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::write(&path, bytes).unwrap();
    let told = message(relevance(network, "epsilon-plus-flat", Prepack::OnTheFly));
    assert!(told.contains("model.onnx was written while it was in use; run again"), "{told}");
}

/// Noise, stored byte by byte.
fn raw(name: &str, shape: &[usize]) -> TensorProto {
    TensorProto {
        name: name.to_string(),
        dims: shape.iter().map(|&axis| axis as i64).collect(),
        data_type: DataType::Float as i32,
        raw_data: noise(shape, 7).data().iter().flat_map(|number| number.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

#[test]
fn large_dense_layers_are_multiplied_where_they_lie() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    // Names of other lengths let the numbers begin at other places of a word, and nobody counts rows by fours.
    for name in ["w", "ww", "www", "wwww"] {
        let mut graph = Graph::with_input(13, &[1, 2101]);
        let weights = [&[1031, 2101], &[7, 1031]]
            .map(|shape: &[usize; 2]| graph.tensor(raw(&format!("{name}{}", shape[0]), shape)));
        assert!(graph.proto.initializer[0].raw_data.len() > 1 << 23, "worth a mapping");
        let transposed = [int("transB", 1)];
        let hidden = graph.node("Gemm", &["x", &weights[0]], &transposed);
        let hidden = graph.node("Relu", &[&hidden], &[]);
        let output = graph.node("Gemm", &[&hidden, &weights[1]], &transposed);
        graph.output(&output);
        std::fs::write(&path, graph.bytes()).unwrap();
        for preset in ["epsilon", "excitation-backprop"] {
            let kept = relevance(load(&path, false), preset, Prepack::Once).unwrap();
            let in_passing = relevance(load(&path, true), preset, Prepack::OnTheFly).unwrap();
            assert_eq!(kept, in_passing, "{name} {preset}");
        }
    }
    let network = load(&path, true);
    std::fs::write(&path, "short").unwrap();
    let told = message(relevance(network, "epsilon", Prepack::OnTheFly));
    assert!(told.contains("model.onnx was written while it was in use; run again"), "{told}");
}

#[test]
fn layers_may_share_a_weight() {
    let shape = [96, 96, 3, 3];
    let mut graph = Graph::with_input(13, &[1, 96, 8, 8]);
    let weight = graph.tensor(raw("shared", &shape));
    let mut value = "x".to_string();
    for _ in 0..4 {
        value = graph.node("Conv", &[&value, &weight], &[ints("pads", &[1; 4])]);
        value = graph.node("Relu", &[&value], &[]);
    }
    graph.output(&value);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, graph.bytes()).unwrap();
    let expected = relevance(load(&path, false), "epsilon-plus", Prepack::Once).unwrap();
    for prepack in [Prepack::Once, Prepack::OnTheFly] {
        assert_eq!(relevance(load(&path, true), "epsilon-plus", prepack).unwrap(), expected);
    }
}
