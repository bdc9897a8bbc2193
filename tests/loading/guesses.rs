//! What is guessed about the pictures of a model without a card, by what its file shows.

use onnxplain::{Notice, Session, Topic};
use prost::Message;
use tract_onnx::pb::{ModelProto, StringStringEntryProto};

use crate::support::onnx::{Graph, int, ints};

/// What is said about the preprocessing of a small classifier; `begin` adds nodes behind its input and returns the last.
fn guess(
    // Who wrote it, and an entry of its metadata.
    (producer, entry): (&str, &str),
    shape: &[usize],
    begin: impl Fn(&mut Graph) -> String,
) -> String {
    let mut graph = Graph::with_input(13, shape);
    let signal = begin(&mut graph);
    let channels = if shape[1] == 32 { shape[3] } else { shape[1] };
    let weights: Vec<f32> = (0..4 * channels * 9).map(|it| (it as f32).sin()).collect();
    let weight = graph.floats(&[4, channels, 3, 3], &weights);
    let convolved = graph.node("Conv", &[&signal, &weight], &[]);
    let pooled = graph.node("GlobalAveragePool", &[&convolved], &[]);
    let scores = graph.node("Flatten", &[&pooled], &[int("axis", 1)]);
    graph.output(&scores);
    let mut model = ModelProto::decode(graph.bytes().as_slice()).unwrap();
    model.producer_name = producer.to_string();
    if !entry.is_empty() {
        let (key, value) = entry.split_once('=').unwrap();
        let (key, value) = (key.to_string(), value.to_string());
        model.metadata_props.push(StringStringEntryProto { key, value });
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    let session = Session::open(&path).unwrap();
    let is_said = |notice: &&Notice| notice.topic == Topic::Preprocessing;
    let notice = session.notices().iter().find(is_said);
    notice.map(|notice| notice.text.clone()).unwrap()
}

const TORCH: (&str, &str) = ("pytorch", "");

#[test]
fn the_writer_and_the_layout_of_a_file_decide() {
    let plain = |_: &mut Graph| "x".to_string();
    let transposed =
        |graph: &mut Graph| graph.node("Transpose", &["x"], &[ints("perm", &[0, 3, 1, 2])]);
    let torch = guess(TORCH, &[1, 3, 32, 32], plain);
    assert!(torch.contains("a guess: preset imagenet, because no model card"), "{torch}");
    let keras = guess(("tf2onnx", ""), &[1, 32, 32, 3], transposed);
    assert!(keras.contains("a guess: preset keras, because tf2onnx wrote the file"), "{keras}");
    assert!(keras.contains("NHWC") && keras.contains("x/127.5, mean 1"), "{keras}");
    let last = guess(TORCH, &[1, 32, 32, 3], transposed);
    assert!(last.contains("preset keras, because its channels are the last axis"), "{last}");
    let ultralytics = guess(("pytorch", "author=Ultralytics"), &[1, 3, 32, 32], plain);
    assert!(ultralytics.contains("because Ultralytics wrote the file"), "{ultralytics}");
    assert!(ultralytics.contains("center crop") && ultralytics.contains("x/255"), "{ultralytics}");
    let range = ("custom vision", "Image.NominalPixelRange=NominalRange_0_255");
    let custom_vision = guess(range, &[1, 3, 32, 32], plain);
    assert!(custom_vision.contains("preset raw, because its metadata says"), "{custom_vision}");
    let gray = guess(TORCH, &[1, 1, 32, 32], plain);
    assert!(gray.contains("preset unit, because it takes pictures of one channel"), "{gray}");
}

#[test]
fn preprocessing_inside_the_graph_decides() {
    let divided = |graph: &mut Graph| {
        let divisor = graph.floats(&[1], &[255.0]);
        graph.node("Div", &["x", &divisor], &[])
    };
    let bytes = guess(TORCH, &[1, 3, 32, 32], divided);
    assert!(
        bytes.contains("preset raw, because the network scales numbers from 0 to 255"),
        "{bytes}"
    );
    // Behind a transpose, mean and deviation apart.
    let normalised = |graph: &mut Graph| {
        let mean = graph.floats(&[3], &[0.485, 0.456, 0.406]);
        let deviation = graph.floats(&[3], &[0.229, 0.224, 0.225]);
        let centred = graph.node("Sub", &["x", &mean], &[]);
        let scaled = graph.node("Div", &[&centred, &deviation], &[]);
        graph.node("Transpose", &[&scaled], &[ints("perm", &[0, 3, 1, 2])])
    };
    let unit = guess(("tf2onnx", ""), &[1, 32, 32, 3], normalised);
    assert!(unit.contains("preset unit, because the network scales numbers from 0 to 1"), "{unit}");
    // A trained normalisation says nothing.
    let trained = |graph: &mut Graph| {
        let scale = graph.floats(&[1, 3, 1, 1], &[1.2, 0.7, -0.3]);
        graph.node("Mul", &["x", &scale], &[])
    };
    assert!(guess(TORCH, &[1, 3, 32, 32], trained).contains("preset imagenet"));
}
