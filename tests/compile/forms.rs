//! What no sample model with its preset asks of a graph: every kind of stabilizer, weights in a second file.

use std::fs;

use onnxplain::{Composite, GraphOptions, Session};

use super::samples::{FASHION, LIMIT, agrees, sample};
use super::support::Numbers;
use super::support::onnx::{Graph, ints};

/// Rules that divide by the layer's own output, by parts of it and by outputs of one sign.
fn stabilized(kind: &str) -> Composite {
    let yaml = format!(
        "name: {kind}\nstabilizer: {{ epsilon: 0.05, kind: {kind} }}\nrules:\n\
         - {{ when: {{ kind: convolution, first: true }}, rule: w-square }}\n\
         - {{ when: {{ kind: convolution, depth: [0, 0.4] }}, rule: {{ gamma: {{ gamma: 0.25 }} }} }}\n\
         - {{ when: {{ kind: convolution, depth: [0.4, 0.7] }}, rule: {{ alpha-beta: {{ alpha: 2, beta: 1 }} }} }}\n\
         - {{ when: {{ kind: [convolution, dense, sum, average-pool] }}, rule: epsilon }}\n\
         - {{ rule: pass }}\n"
    );
    Composite::parse(&yaml).unwrap()
}

#[test]
fn stabilizers_of_every_kind() {
    for model in ["fashion_resnet.onnx", "fashion_vgg.onnx"] {
        let composites = ["additive", "clip", "relative"].map(stabilized);
        assert_eq!(agrees(model, FASHION, composites.into_iter()), 3);
    }
}

/// Rules that spread what a strided 1 × 1 convolution hands down.
fn spreading() -> Composite {
    let yaml = "name: spreading\nspread-strided: true\nrules:\n  - { when: { kind: convolution, depth: [0, 0.5] }, rule: { gamma: 0.25 } }\n  \
                - { when: { kind: convolution }, rule: z-plus }\n  \
                - { when: { kind: [dense, sum, average-pool] }, rule: epsilon }\n  - { rule: pass }\n";
    Composite::parse(yaml).unwrap()
}

#[test]
fn cells_that_share_what_a_strided_layer_hands_down() {
    assert_eq!(agrees("fashion_resnet.onnx", FASHION, [spreading()].into_iter()), 1);
    // Values of both signs, and an odd number of rows.
    let mut graph = Graph::with_input(17, &[1, 3, 7, 6]);
    let weight = graph.floats(&[4, 3, 1, 1], &Numbers::new(1).between(-1.0, 1.0, 12));
    let y = graph.node("Conv", &["x", &weight], &[ints("strides", &[2, 2])]);
    let y = graph.node("Flatten", &[&y], &[]);
    graph.output(&y);
    let folder = tempfile::tempdir().unwrap();
    let [model, path] = ["model.onnx", "explainer.onnx"].map(|name| folder.path().join(name));
    fs::write(&model, graph.bytes()).unwrap();
    let explainer = Session::open(&model).unwrap().explainer(spreading()).unwrap();
    explainer.graph(&GraphOptions::new()).unwrap().save(&path, false).unwrap();
    let found = explainer.compare_with_graph(&path, 3, &[]).unwrap();
    assert!(found.is_within(LIMIT), "{found:?}");
}

#[test]
fn large_weights_lie_in_a_second_file() {
    let folder = tempfile::tempdir().unwrap();
    let session = Session::open(sample("fashion_vgg.onnx")).unwrap();
    let explainer = session.explainer(Composite::auto()).unwrap();
    let path = folder.path().join("explainer.onnx");
    let inside = explainer.graph(&GraphOptions::new()).unwrap();
    let whole = inside.save(&path, false).unwrap();
    assert_eq!(whole.external, None);
    // As if a file could hold no more than 10 000 bytes of weights.
    let graph = explainer.graph(&GraphOptions::new().external_from(10_000)).unwrap();
    let written = graph.save(&path, true).unwrap();
    assert_eq!(written.external.as_deref(), Some("explainer.onnx.data"));
    let beside = folder.path().join("explainer.onnx.data");
    let [graph_size, data_size] = [&path, &beside].map(|path| path.metadata().unwrap().len());
    assert_eq!(written.bytes, graph_size + data_size);
    assert!(
        data_size > whole.bytes / 2 && graph_size < whole.bytes / 2,
        "{graph_size} {data_size}"
    );
    let found = explainer.compare_with_graph(&path, 2, &[]).unwrap();
    assert!(found.is_within(LIMIT), "{found:?}");
    // Neither file is replaced without being asked.
    fs::remove_file(&path).unwrap();
    let error = graph.save(&path, false).unwrap_err().to_string();
    assert!(error.contains("explainer.onnx.data"), "{error}");
    assert!(!path.exists());
    graph.save(&path, true).unwrap();
    fs::remove_file(&beside).unwrap();
    let error = format!("{:#}", explainer.compare_with_graph(&path, 1, &[]).unwrap_err());
    assert!(error.contains("explainer.onnx.data"), "{error}");
}
