//! Weights in files beside the model.

use onnxplain::onnx::LoadOptions;
use onnxplain::tensor::Tensor;

use super::support::onnx::{Graph, external_tensor, load_bytes, load_in, tensor};
use super::support::{difference, message};
use super::weights;

/// A dense layer whose weight is stored at `location`.
fn external(location: &str, offset: usize) -> Graph {
    let mut graph = Graph::with_input(13, &[1, 4]);
    let w = graph.tensor(external_tensor("w", &[4, 3], location, offset));
    let y = graph.node("MatMul", &["x", &w], &[]);
    graph.output(&y);
    graph
}

fn raw(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn weights_beside_the_model() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    for (location, offset) in
        [("weights.bin", 0), ("weights.bin", 16), ("data/w.bin", 8), ("./w", 0)]
    {
        let bytes = [vec![7; offset], raw(&weights(12)), vec![7; 5]].concat();
        std::fs::write(folder.path().join(location), bytes).unwrap();
        let graph = external(location, offset);
        let model = load_in(folder.path(), &graph.bytes(), &LoadOptions::default()).unwrap();
        let input = Tensor::new(&[1, 4], &[1.0, 0.0, 0.0, 0.0]).unwrap();
        let output = model.network.evaluate(&input).unwrap();
        assert!(difference(output.data(), &weights(12)[..3]) < 1e-6, "{location}");
    }
}

#[test]
fn weights_outside_the_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let file = folder.path().join("w.bin");
    std::fs::write(&file, raw(&weights(12))).unwrap();
    for location in ["../w.bin", "./../w.bin", "a/../../w.bin", file.to_str().unwrap()] {
        let graph = external(location, 0);
        let error = message(load_in(&inner, &graph.bytes(), &LoadOptions::default()));
        for word in ["\"w\"", location, "outside the model's own folder"] {
            assert!(error.contains(word), "{error}");
        }
    }
}

#[test]
fn a_constant_node_outside_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(folder.path().join("w.bin"), raw(&weights(12))).unwrap();
    let mut graph = Graph::with_input(13, &[1, 4]);
    let value = tensor("value", external_tensor("w", &[4, 3], "../w.bin", 0));
    let w = graph.node("Constant", &[], &[value]);
    let y = graph.node("MatMul", &["x", &w], &[]);
    graph.output(&y);
    let error = message(load_in(&inner, &graph.bytes(), &LoadOptions::default()));
    assert!(error.contains("outside the model's own folder"), "{error}");
}

/// As the cache of Hugging Face has it: links to files that are called by their checksums.
#[cfg(unix)]
#[test]
fn weights_behind_links_lie_where_the_model_does() {
    use std::os::unix::fs::symlink;
    let cache = tempfile::tempdir().unwrap();
    let (blobs, snapshot) = (cache.path().join("blobs"), cache.path().join("snapshots/1/onnx"));
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::write(blobs.join("ab12"), external("model.onnx_data", 0).bytes()).unwrap();
    std::fs::write(blobs.join("cd34"), raw(&weights(12))).unwrap();
    std::fs::write(cache.path().join("secret"), raw(&weights(12))).unwrap();
    let (model, data) = (snapshot.join("model.onnx"), snapshot.join("model.onnx_data"));
    symlink("../../../blobs/ab12", &model).unwrap();
    let load = |target: &str| {
        let _ = std::fs::remove_file(&data);
        symlink(target, &data).unwrap();
        onnxplain::onnx::Model::load(&model, &LoadOptions::default())
    };
    let input = Tensor::new(&[1, 4], &[1.0, 0.0, 0.0, 0.0]).unwrap();
    let output = load("../../../blobs/cd34").unwrap().network.evaluate(&input).unwrap();
    assert!(difference(output.data(), &weights(12)[..3]) < 1e-6);
    let error = message(load("../../../secret"));
    assert!(error.contains("outside the model's own folder"), "{error}");
    // A link to the model alone: its data lies beside the model itself.
    std::fs::remove_file(&data).unwrap();
    std::fs::rename(blobs.join("cd34"), blobs.join("model.onnx_data")).unwrap();
    assert!(onnxplain::onnx::Model::load(&model, &LoadOptions::default()).is_ok());
}

#[test]
fn a_missing_or_short_weight_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let graph = external("absent.bin", 0);
    let error = message(load_in(folder.path(), &graph.bytes(), &LoadOptions::default()));
    assert!(error.contains("absent.bin"), "{error}");
    std::fs::write(folder.path().join("short.bin"), [0; 20]).unwrap();
    for offset in [0, 16, 4096] {
        let graph = external("short.bin", offset);
        let error = message(load_in(folder.path(), &graph.bytes(), &LoadOptions::default()));
        assert!(error.contains("reach beyond the end of \"short.bin\""), "{error}");
    }
}

/// Whoever opens a pipe waits for somebody who writes.
#[cfg(unix)]
#[test]
fn a_pipe_is_no_file_of_weights() {
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe.bin")).status();
    assert!(made.unwrap().success());
    let graph = external("pipe.bin", 0);
    let error = message(load_in(folder.path(), &graph.bytes(), &LoadOptions::default()));
    assert!(error.contains("\"pipe.bin\"") && error.contains("no regular file"), "{error}");
}

#[test]
fn what_stands_in_the_place_of_a_file_is_called_by_its_name() {
    const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
    let error = message(load_bytes(POINTER, &LoadOptions::default()));
    assert!(error.contains("Git LFS pointer") && error.contains("git lfs pull"), "{error}");
    let error = message(load_bytes(b"<!DOCTYPE html><html>", &LoadOptions::default()));
    assert!(error.contains("web page"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("w.data"), POINTER).unwrap();
    let graph = external("w.data", 0);
    let error = message(load_in(folder.path(), &graph.bytes(), &LoadOptions::default()));
    assert!(error.contains("\"w.data\"") && error.contains("Git LFS pointer"), "{error}");
}
