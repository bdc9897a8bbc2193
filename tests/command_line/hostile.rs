//! Small files that ask for the impossible are refused by an error that names the node, at once and with little memory.

use std::fs;
use std::time::{Duration, Instant};

use onnxplain::io::{Overwrite, write_npy};
use tract_onnx::pb::AttributeProto;

use super::support::onnx::{Graph, float, int, ints, text};
use super::{Run, command, folder, sample, vgg};

/// What is right and done by the first of a few machines takes a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// Explains an array with a model.
fn explain(graph: &Graph, shape: &[usize], options: &[&str]) -> Run {
    let folder = folder();
    let (model, input) = (folder.path().join("m.onnx"), folder.path().join("x.npy"));
    fs::write(&model, graph.bytes()).unwrap();
    let values = vec![0.5; shape.iter().product()];
    write_npy(&input, shape, &values, Overwrite::Refuse).unwrap();
    let out = folder.path().join("out");
    let mut command = command();
    command.arg("explain").arg(&model).arg(&input).arg("-o").arg(&out).args(options);
    let begin = Instant::now();
    let run = Run::from(command.output().unwrap());
    assert!(begin.elapsed() < PATIENCE, "it took {:?}", begin.elapsed());
    if run.code == 2 {
        assert!(!out.exists());
    }
    run
}

/// Asserts that a graph is refused by an error that holds some words.
fn refused(graph: &Graph, shape: &[usize], words: &[&str]) {
    let run = explain(graph, shape, &["--composite", "gradient"]);
    assert_eq!(run.code, 2, "{words:?}\n{}{}", run.stdout, run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "`{word}` is missing in:\n{}", run.stderr);
    }
    for noise in ["internal error", "inconsistent", "panicked", "Error {"] {
        assert!(!run.stderr.contains(noise), "`{noise}` in:\n{}", run.stderr);
    }
}

/// `x`, a node `n` with some stored vectors, a sum over the positions.
fn around(shape: &[usize], op: &str, stored: &[&[i64]], attributes: &[AttributeProto]) -> Graph {
    let mut graph = Graph::with_input(17, shape);
    let mut inputs = vec!["x".to_string()];
    inputs.extend(stored.iter().map(|numbers| graph.ints(numbers)));
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    graph.named_node("n", op, &inputs, &["y"], attributes);
    let value = graph.node("ReduceMean", &["y"], &[ints("axes", &[2]), int("keepdims", 0)]);
    graph.output(&value);
    graph
}

const PICTURE: [usize; 4] = [1, 1, 8, 8];

#[test]
fn windows_of_nothing_and_beyond_their_input() {
    let pool =
        |kernel: &[i64]| around(&PICTURE, "AveragePool", &[], &[ints("kernel_shape", kernel)]);
    refused(
        &pool(&[0, 2]),
        &PICTURE,
        &["AveragePool node \"n\"", "kernel_shape [0, 2]", "at least 1"],
    );
    refused(
        &pool(&[2, 9]),
        &PICTURE,
        &["AveragePool node \"n\"", "9", "larger than the 8 elements"],
    );
    for kernel in [&[0usize, 3][..], &[3, 0], &[9, 1]] {
        let mut graph = Graph::with_input(17, &PICTURE);
        let count: usize = kernel.iter().product();
        let weight = graph.floats(&[2, 1, kernel[0], kernel[1]], &vec![0.5; count * 2]);
        graph.named_node("n", "Conv", &["x", &weight], &["y"], &[]);
        let value = graph.node("GlobalAveragePool", &["y"], &[]);
        graph.output(&value);
        refused(&graph, &PICTURE, &["Conv node \"n\""]);
    }
}

#[test]
fn axes_that_are_not_there() {
    let mut graph = Graph::with_input(17, &PICTURE);
    let scale = graph.floats(&[8], &[1.0; 8]);
    graph.named_node("n", "LayerNormalization", &["x", &scale], &["y"], &[int("axis", -5)]);
    let value = graph.node("GlobalAveragePool", &["y"], &[]);
    graph.output(&value);
    refused(&graph, &PICTURE, &["LayerNormalization node \"n\"", "axis is -5", "from -4 to 3"]);
    let transposed = around(&PICTURE, "Transpose", &[], &[ints("perm", &[0, 1, 2, 2])]);
    refused(&transposed, &PICTURE, &["Transpose node \"n\"", "perm [0, 1, 2, 2]"]);
    let softmax = around(&PICTURE, "Softmax", &[], &[int("axis", 7)]);
    refused(&softmax, &PICTURE, &["Softmax node \"n\"", "axis is 7"]);
    let normal = around(&PICTURE, "LRN", &[], &[int("size", 0)]);
    refused(&normal, &PICTURE, &["LRN node \"n\"", "size is 0"]);
    let leaky = around(&PICTURE, "LeakyRelu", &[], &[float("alpha", f32::NAN)]);
    refused(&leaky, &PICTURE, &["LeakyRelu node \"n\"", "alpha is NaN"]);
}

#[test]
fn more_memory_than_there_is() {
    let million = 1_000_000;
    let pads = [0, 0, million, million, 0, 0, million, million];
    let words = |op: &str| format!("{op} node \"n\"");
    refused(
        &around(&PICTURE, "Pad", &[&pads], &[]),
        &PICTURE,
        &[&words("Pad"), "[1, 1, 2000008, 2000008]", "--max-memory"],
    );
    let tiled = around(&PICTURE, "Tile", &[&[1, 1, million, million]], &[]);
    refused(&tiled, &PICTURE, &[&words("Tile"), "--max-memory"]);
    let mut graph = Graph::with_input(17, &PICTURE);
    let sizes = graph.ints(&[1, 1, 400_000, 400_000]);
    graph.named_node("n", "Resize", &["x", "", "", &sizes], &["y"], &[text("mode", "nearest")]);
    let value = graph.node("GlobalAveragePool", &["y"], &[]);
    graph.output(&value);
    refused(&graph, &PICTURE, &[&words("Resize"), "[1, 1, 400000, 400000]", "--max-memory"]);
}

#[test]
fn the_limit_can_be_set() {
    let graph = around(&PICTURE, "Tile", &[&[1, 1, 50, 50]], &[]);
    explain(&graph, &PICTURE, &["--composite", "gradient"]).succeeded();
    let run = explain(&graph, &PICTURE, &["--composite", "gradient", "--max-memory", "500K"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("more than the limit of 500.0 KiB"), "{}", run.stderr);
    let run = explain(&graph, &PICTURE, &["--max-memory", "much!"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("500M or 8G"), "{}", run.stderr);
}

#[test]
fn sizes_on_the_command_line() {
    let mut graph = Graph::new(17);
    let axes = ["N", "C", "H", "W"].map(super::support::onnx::Axis::Symbol);
    graph.input("x", &axes, tract_onnx::pb::tensor_proto::DataType::Float);
    let value = graph.node("GlobalAveragePool", &["x"], &[]);
    graph.output(&value);
    let folder = folder();
    let model = folder.path().join("m.onnx");
    fs::write(&model, graph.bytes()).unwrap();
    let run = super::run!["inspect", &model, "--size", "1000000"];
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(
        run.stderr.contains("input \"x\"") && run.stderr.contains("--max-memory"),
        "{}",
        run.stderr
    );
    let photo = sample("photos/fashion/coat.png");
    let out = folder.path().join("out");
    let run =
        super::run!["explain", vgg(), &photo, "-o", &out, "--method", "rise", "--cells", "100000"];
    assert_ne!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("--cells must be at most 28"), "{}", run.stderr);
}

#[test]
fn nested_brackets() {
    let folder = folder();
    let composite = folder.path().join("c.yaml");
    fs::write(&composite, format!("name: x\nrules: {}", "[".repeat(100_000))).unwrap();
    let begin = Instant::now();
    let run = super::run!["inspect", vgg(), "--composite", &composite];
    assert!(begin.elapsed() < PATIENCE);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("c.yaml") && run.stderr.contains(":2:1"), "{}", run.stderr);
    let run = super::run![
        "explain",
        vgg(),
        sample("photos/fashion/coat.png"),
        "--preprocess",
        &composite
    ];
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("more than 64 deep"), "{}", run.stderr);
}
