//! `onnxplain compile`, and `check --against`, which runs what it wrote.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::onnx::{Graph, text};
use super::{Run, command, fashion_photo, files_in, folder, run, sample, vgg};

/// Compiles the VGG to `explainer.onnx` in a folder.
fn compile(folder: &Path, options: &[&str]) -> (Run, PathBuf) {
    let path = folder.join("explainer.onnx");
    let mut command = command();
    command.arg("compile").arg(vgg()).arg("-o").arg(&path).args(options);
    (Run::from(command.output().unwrap()), path)
}

/// Runs compile, which must refuse with exit code 2 and leave no file; returns what it says.
fn refused(options: &[&str]) -> String {
    let folder = folder();
    let (run, _) = compile(folder.path(), options);
    assert_eq!(run.code, 2, "{options:?}: {}{}", run.stdout, run.stderr);
    assert_eq!(files_in(folder.path()), [""; 0], "{options:?}");
    run.stderr
}

#[test]
fn a_graph_with_all_outputs_is_what_explain_computes() {
    let place = folder();
    // The folder is made.
    let below = place.path().join("graphs/today");
    let outputs = ["--outputs", "logits,relevance,heatmap,absorbed", "--json"];
    let (compiled, path) = compile(&below, &outputs);
    let told = &compiled.succeeded().objects()[0];
    assert_eq!(told["opset"], 17);
    assert!(
        told["nodes"].as_u64().unwrap() > 50 && told["operators"]["Conv"].as_u64().unwrap() > 5
    );
    assert_eq!(told["bytes"].as_u64().unwrap(), path.metadata().unwrap().len());
    assert!(told["difference"]["relevance"].as_f64().unwrap() < 1e-4, "{told}");
    assert_eq!(files_in(&below), ["explainer.onnx"]);
    let run = run!["check", &path, "--against", vgg(), fashion_photo("coat.png")].succeeded();
    assert!(run.stdout.contains("what the engine computes (vgg): yes"), "{}", run.stdout);
    assert!(run.stdout.contains("4 inputs"), "{}", run.stdout);
}

#[test]
fn a_graph_takes_decoded_pictures() {
    let place = folder();
    let options = ["--input", "picture", "--target", "Bag", "--outputs", "heatmap"];
    let (compiled, path) = compile(place.path(), &options);
    assert!(compiled.succeeded().stdout.contains("nodes"));
    let run = run!["check", &path, "--against", vgg(), fashion_photo("bag.png")].succeeded();
    assert!(run.stdout.contains("of the largest relevance"), "{}", run.stdout);
}

#[test]
fn forms_of_the_graph_differ_in_operators_and_size() {
    let place = folder();
    let told = |name: &str, options: &[&str]| {
        let (run, _) = compile(&place.path().join(name), &[options, &["--json"]].concat());
        run.succeeded().objects().swap_remove(0)
    };
    let standard = told("standard", &[]);
    let portable = told("portable", &["--portable"]);
    let half = told("half", &["--float16"]);
    assert!(standard["operators"].get("ScatterElements").is_some(), "{standard}");
    assert!(portable["operators"].get("ScatterElements").is_none(), "{portable}");
    assert_eq!(portable["opset"], 13);
    assert!(portable["difference"]["relevance"].as_f64().unwrap() < 1e-4, "{portable}");
    let size = |told: &serde_json::Value| told["bytes"].as_f64().unwrap();
    assert!(size(&half) < 0.6 * size(&standard) && size(&half) > 0.4 * size(&standard));
    let off = half["difference"]["relevance"].as_f64().unwrap();
    assert!(off > 1e-5 && off < 0.1, "{half}");
}

#[test]
fn the_difference_of_two_classes_is_explained() {
    for rival in ["top", "Bag", "3"] {
        let place = folder();
        let (compiled, path) = compile(place.path(), &["--against", rival]);
        compiled.succeeded();
        let run = run!["check", &path, "--against", vgg(), fashion_photo("coat.png")].succeeded();
        assert!(run.stdout.contains("of the largest relevance"), "{rival}: {}", run.stdout);
    }
    let told = refused(&["--target", "Bag", "--against", "Bag"]);
    assert!(told.contains("same class"), "{told}");
    let told = refused(&["--against", "Bagg"]);
    assert!(told.contains("Bagg") && told.contains("Bag"), "{told}");
    let told = refused(&["--target", "10"]);
    assert!(told.contains("--target 10") && told.contains('9'), "{told}");
}

#[test]
fn relevance_of_an_inner_layer_is_put_out() {
    let run = run!["inspect", vgg(), "--json"].succeeded();
    let layers = run.objects()[0]["layers"].as_array().unwrap().clone();
    let mut pools = layers.iter().rev().filter(|layer| layer["kind"] == "max-pool");
    let name = pools.next().unwrap()["name"].as_str().unwrap().to_string();
    let place = folder();
    let (compiled, path) = compile(place.path(), &["--at", &name]);
    compiled.succeeded();
    run!["check", &path, "--against", vgg(), fashion_photo("coat.png")].succeeded();
    let told = refused(&["--at", "no_such_layer"]);
    assert!(told.contains("no_such_layer") && told.contains("onnxplain inspect"), "{told}");
}

#[test]
fn what_is_no_single_propagation_is_refused_with_the_way_out() {
    let told = refused(&["--method", "smoothgrad"]);
    assert!(told.contains("--method gradient") && told.contains("docs/compile.md"), "{told}");
    let told = refused(&["--method", "occlusion"]);
    assert!(told.contains("occlusion") && told.contains("one propagation"), "{told}");
    let told = refused(&["--outputs", "relevance,heat"]);
    assert!(told.contains("heat") && told.contains("absorbed"), "{told}");
    let told = refused(&["--composite", "no-such-preset"]);
    assert!(told.contains("no-such-preset"), "{told}");
    let told = refused(&["--input", "photo"]);
    assert!(told.contains("neither tensor, picture nor NAME=FILE"), "{told}");
}

#[test]
fn a_layer_that_cannot_be_written_is_named() {
    let place = folder();
    let path = place.path().join("sampled.onnx");
    let mut graph = Graph::with_input(16, &[1, 2, 4, 4]);
    let weight = graph.floats(&[2, 2, 1, 1], &[0.5, -0.25, 0.125, 0.5]);
    let places = graph.node("Conv", &["x", &weight], &[]);
    let places = graph.node("Tanh", &[&places], &[]);
    let order = super::support::onnx::ints("perm", &[0, 2, 3, 1]);
    let places = graph.node("Transpose", &[&places], &[order]);
    let sampled = graph.node("GridSample", &["x", &places], &[text("mode", "bilinear")]);
    let flat = graph.node("Flatten", &[&sampled], &[]);
    let numbers: Vec<f32> = (0..96).map(|at| (at as f32 * 0.7).sin()).collect();
    let weight = graph.floats(&[32, 3], &numbers);
    let logits = graph.node("MatMul", &[&flat, &weight], &[]);
    graph.output(&logits);
    fs::write(&path, graph.bytes()).unwrap();
    let output = place.path().join("explainer.onnx");
    let run = run!["compile", &path, "-o", &output];
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    for word in ["GridSample node \"gridsample_3\"", "`onnxplain explain` computes it"] {
        assert!(run.stderr.contains(word), "{word} is missing: {}", run.stderr);
    }
    let run = run!["compile", &path, "-o", &output, "--portable"];
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("leave --portable out"), "{}", run.stderr);
    assert!(!output.exists());
}

#[test]
fn files_are_replaced_only_where_onnxplain_wrote_them() {
    let place = folder();
    let (first, path) = compile(place.path(), &["--no-check"]);
    assert!(first.succeeded().stdout.contains("not compared (--no-check)"));
    let before = fs::read(&path).unwrap();
    let (again, _) = compile(place.path(), &["--no-check", "--portable"]);
    assert!(again.code == 2 && again.stderr.contains("--overwrite"), "{}", again.stderr);
    assert_eq!(fs::read(&path).unwrap(), before);
    let (replaced, _) = compile(place.path(), &["--no-check", "--portable", "--overwrite"]);
    replaced.succeeded();
    assert_ne!(fs::read(&path).unwrap(), before);
    assert_eq!(files_in(place.path()), ["explainer.onnx"]);
    // A model of somebody else.
    fs::copy(sample("fashion_resnet.onnx"), &path).unwrap();
    let (other, _) = compile(place.path(), &["--no-check", "--overwrite"]);
    assert!(other.code == 2 && other.stderr.contains("did not write it"), "{}", other.stderr);
    assert_eq!(fs::read(&path).unwrap(), fs::read(sample("fashion_resnet.onnx")).unwrap());
    // The model itself.
    let run = run!["compile", &path, "-o", &path, "--overwrite"];
    assert!(run.code == 2 && run.stderr.contains("is the model itself"), "{}", run.stderr);
    // A file where a folder should be.
    let run = run!["compile", vgg(), "-o", path.join("explainer.onnx")];
    assert!(run.code == 2 && run.stderr.contains("explainer.onnx"), "{}", run.stderr);
}

#[test]
fn a_graph_of_another_model_or_none_is_noticed() {
    let place = folder();
    let (compiled, path) = compile(place.path(), &["--no-check"]);
    compiled.succeeded();
    // Another model with the same input and classes.
    let run = run!["check", &path, "--against", sample("fashion_resnet.onnx")];
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("is not the file that the graph was made of"), "{}", run.stderr);
    // One with another input.
    let run = run!["check", &path, "--against", sample("efficientnet_lite0.onnx")];
    assert!(run.code == 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("is not the file that the graph was made of"), "{}", run.stderr);
    assert!(run.stderr.contains("the graph was made of another model"), "{}", run.stderr);
    let run = run!["check", vgg(), "--against", vgg()];
    assert!(run.code == 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("was not written by `onnxplain compile`"), "{}", run.stderr);
    let run = run!["check", &path, "--against", place.path().join("missing.onnx")];
    assert!(run.code == 2 && run.stderr.contains("missing.onnx"), "{}", run.stderr);
    // A graph that computes something else: a damaged weight.
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4000].iter_mut().for_each(|byte| *byte = 0x3f);
    let damaged = place.path().join("damaged.onnx");
    fs::write(&damaged, bytes).unwrap();
    let run = run!["check", &damaged, "--against", vgg(), fashion_photo("coat.png")];
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains(": NO"), "{}", run.stdout);
}
