//! Noise on the stored parameters.

use onnxplain::network::Op;
use prost::Message;
use support::Numbers;
use tract_onnx::pb::{ModelProto, tensor_proto::DataType};

use super::*;

#[test]
fn noise_grad_multiplies_the_stored_weights_by_normal_factors() {
    let model = linear(&weights());
    let input = noise(&[1, 1, 4, 4], 23);
    let factors = |seed: u64| -> Vec<f32> {
        let method = NoiseGrad { samples: 1, weight_noise: 0.2, seed, ..NoiseGrad::default() };
        let explanation = explained(&model.path, method.into(), &input);
        let pairs = explanation.relevance[0].data().iter().zip(class_weights());
        pairs.map(|(value, weight)| value / weight).collect()
    };
    let all: Vec<f64> = (0..40).flat_map(factors).map(f64::from).collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let variance = all.iter().map(|factor| (factor - mean).powi(2)).sum::<f64>() / all.len() as f64;
    // 640 factors: standard errors 0.2 / √640 and 0.04 √(2 / 640).
    assert!((mean - 1.0).abs() < 4.0 * 0.0079, "mean {mean}");
    assert!((variance - 0.04).abs() < 4.0 * 0.00224, "variance {variance}");
}

#[test]
fn parameters_are_what_was_trained() {
    let mut graph = Graph::with_input(17, &[1, 1, 4, 4]);
    let [weight, bias] =
        [graph.floats(&[2, 1, 1, 1], &[1.0, 2.0]), graph.floats(&[2], &[0.1, 0.2])];
    let conv = graph.node("Conv", &["x", &weight, &bias], &[]);
    let norm: Vec<String> = (0..4).map(|_| graph.floats(&[2], &[0.5, 1.5])).collect();
    let inputs: Vec<&str> =
        std::iter::once(conv.as_str()).chain(norm.iter().map(String::as_str)).collect();
    let normal = graph.node("BatchNormalization", &inputs, &[]);
    let three = graph.floats(&[1], &[3.0]);
    let shifted = graph.node("Add", &[&normal, &three], &[]);
    let flat = graph.node("Flatten", &[&shifted], &[]);
    let dense = graph.floats(&[32, 2], &[0.1; 64]);
    let turned = graph.node("Transpose", &[&dense], &[ints("perm", &[1, 0])]);
    let back = graph.node("Transpose", &[&turned], &[ints("perm", &[1, 0])]);
    let output = graph.node("MatMul", &[&flat, &back], &[]);
    graph.output(&output);
    let model = file(&graph);

    let stored = ParametricModel::read(&model.path, &LoadOptions::default()).unwrap();
    let names = RefCell::new(vec![]);
    let network = stored
        .network(|name, values| {
            names.borrow_mut().push(name.to_string());
            if name == weight {
                values[0] = 10.0;
            }
        })
        .unwrap();
    let expected = vec![weight.clone(), bias, norm[0].clone(), norm[1].clone(), dense];
    assert_eq!(names.into_inner(), expected);
    let input = Tensor::filled(&[1, 1, 4, 4], 1.0).unwrap();
    let changed = network.evaluate(&input).unwrap();
    graph.proto.initializer[0] = support::onnx::float_tensor(&weight, &[2, 1, 1, 1], &[10.0, 2.0]);
    let expected = graph.load().unwrap().network.evaluate(&input).unwrap();
    assert_near(&changed, expected.data(), 1e-6);
}

/// What becomes of a parameter: another number for each of its numbers, the same in every run.
fn change(name: &str, values: &mut [f32]) {
    let seed = name.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
    let mut numbers = Numbers::new(seed);
    for value in values {
        *value *= 1.0 + numbers.between(-0.3, 0.3, 1)[0];
    }
}

/// The file with those of its stored tensors changed that are named.
fn changed_file(path: &Path, names: &[String]) -> File {
    let mut proto = ModelProto::decode(&*std::fs::read(path).unwrap()).unwrap();
    for stored in &mut proto.graph.as_mut().unwrap().initializer {
        if !names.contains(&stored.name) {
            continue;
        }
        assert!(stored.float_data.is_empty() && stored.data_type == DataType::Float as i32);
        let bytes = stored.raw_data.chunks_exact(4);
        let mut values: Vec<f32> =
            bytes.map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
        change(&stored.name, &mut values);
        stored.raw_data = values.into_iter().flat_map(f32::to_le_bytes).collect();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, proto.encode_to_vec()).unwrap();
    File { _folder: folder, path }
}

/// The stored numbers of a layer, to the last bit.
fn numbers(op: &Op) -> Vec<u32> {
    let tensors: [Option<Tensor>; 2] = match op {
        Op::Convolution(map) => [Some(map.weight.load().unwrap()), map.bias.clone()],
        Op::Dense(map) => [Some(map.weight.load().unwrap()), map.bias.clone()],
        Op::Affine(affine) => [affine.scale.clone(), affine.shift.clone()],
        Op::LayerNormalization(norm) => [norm.scale.clone(), norm.shift.clone()],
        Op::Constant(value) => [Some(value.clone()), None],
        _ => [None, None],
    };
    tensors
        .into_iter()
        .flatten()
        .flat_map(|tensor| tensor.data().to_vec())
        .map(f32::to_bits)
        .collect()
}

#[test]
fn a_changed_network_is_to_the_last_bit_that_of_a_file_with_these_numbers() {
    let names = ["densenet", "inception", "mobilenet", "resnet", "vgg", "vit"];
    let fashion = names.map(|name| fashion(&format!("fashion_{name}")));
    for path in fashion.into_iter().chain([sample("efficientnet_lite0.onnx")]) {
        let stored = ParametricModel::read(&path, &LoadOptions::default()).unwrap();
        let names = RefCell::new(vec![]);
        let ours = stored
            .network(|name, values| {
                names.borrow_mut().push(name.to_string());
                change(name, values);
            })
            .unwrap();
        let file = changed_file(&path, &names.into_inner());
        let theirs = Model::load(&file.path, &LoadOptions::default()).unwrap().network;
        for passes in [PassSelection::none(), PassSelection::all()] {
            let [mut ours, mut theirs] = [ours.clone(), theirs.clone()];
            canonize(&mut ours, &passes).unwrap();
            canonize(&mut theirs, &passes).unwrap();
            assert_eq!(ours.layers.len(), theirs.layers.len(), "{}", path.display());
            for (ours, theirs) in ours.layers.iter().zip(&theirs.layers) {
                let place = format!("{}: {}", path.display(), theirs.describe());
                assert_eq!(ours.describe(), theirs.describe());
                assert_eq!((&ours.inputs, &ours.shape), (&theirs.inputs, &theirs.shape), "{place}");
                assert_eq!(ours.kind(), theirs.kind(), "{place}");
                assert!(numbers(&ours.op) == numbers(&theirs.op), "{place}");
            }
            let input = noise(ours.input_shape(), 43);
            let [ours, theirs] = [ours, theirs].map(|network| network.evaluate(&input).unwrap());
            assert_eq!(ours.data(), theirs.data(), "{}", path.display());
        }
    }
}
