//! The command line as scripts use it: files, exit codes, messages.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const VGG: &str = "sample-models/fashion_vgg.onnx";
const SHIRT: &str = "sample-models/photos/fashion/shirt.png";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_onnxplain"))
        .args(arguments)
        .current_dir(root())
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn files_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_string()).collect();
    names.sort();
    names
}

fn explain(arguments: &[&str], output: &Path) -> Output {
    let mut all = vec!["explain"];
    all.extend(arguments);
    all.extend(["-o", output.to_str().unwrap()]);
    run(&all)
}

/// The PNG signature and a header that claims 30000 × 30000 pixels.
fn enormous_png() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend(30_000u32.to_be_bytes());
    bytes.extend(30_000u32.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0]);
    let checksum = crc32(&bytes[12..]);
    bytes.extend(checksum.to_be_bytes());
    bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    bytes
}

/// The checksum of PNG chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |mut crc, &byte| {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
        }
        crc
    })
}

fn npy(shape: &str, values: &[f32]) -> Vec<u8> {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes
}

#[test]
fn bad_input_gives_one_clear_message_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str, bytes: &[u8]| -> String {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_string()
    };
    let vgg = std::fs::read(root().join(VGG)).unwrap();
    let coffee = std::fs::read(root().join("sample-models/photos/coffee.jpg")).unwrap();
    let typo = "name: x\nrules:\n  - when: { frist: true }\n    rule: flat\n";
    let mut with_nan = vec![0.5; 784];
    with_nan[7] = f32::NAN;

    let empty_model = place("empty.onnx", b"");
    let text_model = place("text.onnx", b"this is no model");
    let cut_model = place("cut.onnx", &vgg[..vgg.len() / 2]);
    let cut_jpeg = place("cut.jpg", &coffee[..coffee.len() / 2]);
    let empty_png = place("empty.png", b"");
    let enormous = place("enormous.png", &enormous_png());
    let flat = place("flat.npy", &npy("(784,)", &[0.5; 784]));
    let nan = place("nan.npy", &npy("(1, 28, 28)", &with_nan));
    let yaml = place("typo.yaml", typo.as_bytes());
    let file = place("file", b"");
    let below_file = format!("{file}/out");

    let cases: &[(&[&str], &str)] = &[
        (&[&empty_model, SHIRT], "the file is empty"),
        (&[&text_model, SHIRT], "not an ONNX"),
        (&[&cut_model, SHIRT], "truncated or damaged"),
        (&["missing.onnx", SHIRT], "there is no model missing.onnx"),
        (&[VGG, &cut_jpeg], "cut.jpg"),
        (&[VGG, &empty_png], "empty.png"),
        (&[VGG, &enormous], "30000"),
        (&[VGG, &flat, "--input-range=0,1"], "[784]"),
        (&[VGG, &nan, "--input-range=0,1"], "nan.npy"),
        (&[VGG, SHIRT, "--target", "99"], "10 classes"),
        (&[VGG, SHIRT, "--target", "shrit"], "shirt"),
        (&[VGG, SHIRT, "--composite", "epsilon-plsu"], "did you mean `epsilon-plus`"),
        (&[VGG, SHIRT, "--composite", &yaml], "line 3"),
        (&[VGG, SHIRT, "--composite", &yaml], "did you mean `first`"),
        (&[VGG, SHIRT, "--output", &below_file], "file"),
        (&[VGG, SHIRT, "--frobnicate"], "--frobnicate"),
        (&[VGG, "missing.png"], "missing.png"),
        (&[VGG, SHIRT, SHIRT], "shirt"),
    ];
    for (arguments, message) in cases {
        let out = folder.path().join("out");
        let asks_for_output = arguments.contains(&"--output");
        let mut all = vec!["explain"];
        all.extend(*arguments);
        if !asks_for_output {
            all.extend(["-o", out.to_str().unwrap()]);
        }
        let output = run(&all);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(message), "{arguments:?} should say «{message}»: {errors}");
        assert!(!errors.contains("panicked"), "{errors}");
        assert!(!errors.to_lowercase().contains("backtrace"), "{errors}");
        assert_eq!(files_in(&out), Vec::<String>::new(), "{arguments:?} left files behind");
    }
}

#[test]
fn an_explanation_writes_what_was_asked_for() {
    let out = tempfile::tempdir().unwrap();
    let save = ["--save", "overlay,heatmap,relevance,report"];
    let output = explain(&[&[VGG, SHIRT][..], &save].concat(), out.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let expected = ["shirt.heatmap.png", "shirt.json", "shirt.overlay.png", "shirt.relevance.npy"];
    assert_eq!(files_in(out.path()), expected);
    let report = std::fs::read_to_string(out.path().join("shirt.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    for key in [
        "input",
        "model",
        "composite",
        "method",
        "canonization",
        "prediction",
        "target",
        "relevance",
        "preprocessing",
        "files",
        "seconds",
        "version",
    ] {
        assert!(report.get(key).is_some(), "the report lacks {key}");
    }
    assert_eq!(report["target"]["label"], "Shirt");
    let number = |name: &str| report["relevance"][name].as_f64().unwrap();
    let accounted =
        number("input_sum") + number("absorbed_by_bias") + number("absorbed_by_stabilizer");
    assert!((number("initial") - accounted).abs() < 1e-4 * number("initial").abs());
    let (shape, relevance) =
        onnxplain::heatmap::read_npy(&out.path().join("shirt.relevance.npy")).unwrap();
    assert_eq!(shape, [1, 28, 28]);
    let sum: f64 = relevance.iter().map(|&value| f64::from(value)).sum();
    assert!((sum - number("input_sum")).abs() < 1e-3);
}

#[test]
fn existing_files_are_kept_unless_told_otherwise() {
    let out = tempfile::tempdir().unwrap();
    assert!(explain(&[VGG, SHIRT], out.path()).status.success());
    let before = std::fs::read(out.path().join("shirt.json")).unwrap();
    let refused = explain(&[VGG, SHIRT], out.path());
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("--overwrite"), "{}", text(&refused.stderr));
    assert_eq!(std::fs::read(out.path().join("shirt.json")).unwrap(), before);
    assert!(explain(&[VGG, SHIRT, "--overwrite"], out.path()).status.success());
}

#[test]
fn one_bad_input_does_not_stop_the_others() {
    let out = tempfile::tempdir().unwrap();
    let bad = out.path().join("bad.png");
    std::fs::write(&bad, b"no picture").unwrap();
    let written = out.path().join("out");
    let output = explain(&[VGG, bad.to_str().unwrap(), SHIRT, "--json"], &written);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("bad.png"));
    let lines = text(&output.stdout);
    assert_eq!(lines.lines().count(), 2);
    assert!(lines.lines().next().unwrap().contains("error"));
    assert_eq!(files_in(&written), ["shirt.heatmap.png", "shirt.json", "shirt.overlay.png"]);
}

#[test]
fn results_do_not_depend_on_the_threads() {
    let relevance = |threads: &str| {
        let out = tempfile::tempdir().unwrap();
        let arguments = [VGG, SHIRT, "--save", "relevance", "--threads", threads];
        assert!(explain(&arguments, out.path()).status.success());
        std::fs::read(out.path().join("shirt.relevance.npy")).unwrap()
    };
    assert_eq!(relevance("1"), relevance("2"));
}

#[test]
fn several_targets_and_contrasts() {
    let out = tempfile::tempdir().unwrap();
    let output = explain(&[VGG, SHIRT, "--target", "top:2,dress", "--json"], out.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines: Vec<Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 2);
    assert!(files_in(out.path()).iter().any(|name| name == "shirt.6.overlay.png"));
    let against = explain(&[VGG, SHIRT, "--against", "coat", "--overwrite"], out.path());
    assert!(text(&against.stdout).contains("against Coat"), "{}", text(&against.stdout));
}

#[test]
fn canonization_does_not_change_the_prediction() {
    let logit = |arguments: &[&str]| {
        let out = tempfile::tempdir().unwrap();
        let output = explain(&[&[VGG, SHIRT, "--json"], arguments].concat(), out.path());
        let report: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
        report["prediction"][0]["logit"].as_f64().unwrap()
    };
    let canonized = logit(&[]);
    assert!((canonized - logit(&["--no-canonize=linear-batchnorm"])).abs() < 1e-4);
    assert!((canonized - logit(&["--no-canonize"])).abs() < 1e-4);
}

#[test]
fn inspect_check_and_presets() {
    let inspected = text(&run(&["inspect", "sample-models/fashion_densenet.onnx"]).stdout);
    for word in ["dense-concat", "convolution", "batchnorm-relu-linear", "activation"] {
        assert!(inspected.contains(word), "inspect should say {word}:\n{inspected}");
    }
    for model in ["vgg", "resnet", "densenet", "mobilenet"] {
        let model = format!("sample-models/fashion_{model}.onnx");
        let checked = run(&["check", &model, SHIRT]);
        assert!(checked.status.success(), "{model}: {}", text(&checked.stdout));
    }
    let json = run(&["check", VGG, "--json"]);
    let verdict: Value = serde_json::from_str(&text(&json.stdout)).unwrap();
    assert_eq!(verdict["function"]["is_unchanged"], true);
    assert_eq!(verdict["conservation"]["is_conserved"], true);
    let presets = text(&run(&["presets"]).stdout);
    assert!(presets.contains("epsilon-gamma-box"));
    let shown = text(&run(&["presets", "show", "epsilon-plus"]).stdout);
    assert!(shown.contains("rule: z-plus"));
}

/// The cat's face fills this part of the 224 × 224 window: eyes, nose, whiskers.
const FACE: (std::ops::Range<usize>, std::ops::Range<usize>) = (50..224, 30..224);

#[test]
fn the_heatmap_of_the_cat_sits_on_the_cat() {
    let out = tempfile::tempdir().unwrap();
    let model = "sample-models/efficientnet_lite0.onnx";
    let photo = "sample-models/photos/chelsea.png";
    let output = explain(&[model, photo, "--save", "relevance", "--json"], out.path());
    let report: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    let label = report["target"]["label"].as_str().unwrap();
    assert!(label.contains("cat"), "the cat is taken for {label}");
    let (_, relevance) =
        onnxplain::heatmap::read_npy(&out.path().join("chelsea.relevance.npy")).unwrap();
    let mut on_face = 0.0;
    let mut positive = 0.0;
    for (index, &value) in relevance.iter().enumerate().filter(|(_, value)| **value > 0.0) {
        let (y, x) = (index / 224 % 224, index % 224);
        positive += value;
        if FACE.0.contains(&y) && FACE.1.contains(&x) {
            on_face += value;
        }
    }
    assert!(on_face > 0.8 * positive, "only {} of the evidence is on the face", on_face / positive);
}
