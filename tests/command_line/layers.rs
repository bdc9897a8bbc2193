//! `--at`: the relevance of an inner layer.

use onnxplain::io::read_npy;
use serde_json::Value;
use tempfile::TempDir;

use super::{Run, command, fashion_photo, sample};

const TOKENS: &str = "/blocks/blocks.0/Add";

/// Explains a bag at a layer of the small transformer, with more words; and where the files are.
fn explained_at(layer: &str, words: &[&str]) -> (TempDir, Run) {
    let folder = TempDir::new().unwrap();
    let (model, photo) = (sample("fashion_vit.onnx"), fashion_photo("bag.png"));
    let mut command = command();
    command.arg("explain").args([model, photo]).arg("-o").arg(folder.path());
    let run = command.args(["--at", layer]).args(words).output().unwrap().into();
    (folder, run)
}

#[test]
fn the_relevance_of_tokens_is_written_in_their_shape_and_drawn() {
    let words = ["--save", "relevance,heatmap,overlay,report", "--composite", "epsilon-plus"];
    let (folder, explained) = explained_at(TOKENS, &words);
    assert_eq!(explained.code, 0, "{}", explained.stderr);
    let (shape, values) = read_npy(&folder.path().join("bag.relevance.npy")).unwrap();
    assert_eq!(shape, [50, 48]);
    let report = std::fs::read(folder.path().join("bag.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["parameters"]["at"], TOKENS);
    let sum: f64 = values.iter().map(|&value| f64::from(value)).sum();
    let told = report["relevance"]["input_sum"].as_f64().unwrap();
    assert!((sum - told).abs() < 1e-4 * told.abs().max(1.0), "{sum}, not {told}");
    let heatmap = image::open(folder.path().join("bag.heatmap.png")).unwrap();
    assert_eq!((heatmap.width(), heatmap.height()), (28, 28));
}

#[test]
fn the_gradient_at_a_convolution_is_that_of_its_maps() {
    let words = ["--method", "gradient", "--save", "relevance"];
    let (folder, explained) = explained_at("/patches/Conv", &words);
    assert_eq!(explained.code, 0, "{}", explained.stderr);
    let (shape, _) = read_npy(&folder.path().join("bag.relevance.npy")).unwrap();
    assert_eq!(shape, [48, 7, 7]);
}

#[test]
fn what_has_no_positions_is_said() {
    let (_, explained) = explained_at("/blocks/blocks.0/attention/Softmax", &["--save", "heatmap"]);
    assert_eq!(explained.code, 2);
    assert!(explained.stderr.contains("no positions on the picture"), "{}", explained.stderr);
}

#[test]
fn an_unknown_layer_and_a_method_without_one_are_refused() {
    let (_, unknown) = explained_at("/patches/Con", &[]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("did you mean \"/patches/Conv\""), "{}", unknown.stderr);
    let (_, occlusion) = explained_at(TOKENS, &["--method", "occlusion"]);
    assert_eq!(occlusion.code, 2);
    assert!(occlusion.stderr.contains("--at belongs to lrp"), "{}", occlusion.stderr);
}
