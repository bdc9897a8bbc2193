//! Token ids: relevance ends at the rows that they choose, and is compared with torch's.

use std::fs;
use std::path::{Path, PathBuf};

use onnxplain::io::{Overwrite, write_npy};
use serde_json::Value;

use super::super::support::worst_error;
use super::super::{Run, command, files_in, folder, run};
use super::{list, named, number, refused};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/inputs").join(name)
}

/// Explains a golden model and compares its logits, and the relevance of its inputs with torch's.
fn check_golden(name: &str, inputs: &[&str], method: &str, key: &str) -> Value {
    let text = fs::read_to_string(golden(&format!("{name}.json"))).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let out = folder();
    let mut command = command();
    command
        .arg("explain")
        .arg(golden(&format!("{name}.onnx")))
        .args(["--json", "--method", method]);
    for input in inputs {
        command.arg("--input").arg(named(input, &golden(&format!("{name}.{input}.npy"))));
    }
    let run = Run::from(command.arg("-o").arg(out.path()).output().unwrap()).succeeded();
    let report = run.objects().remove(0);
    assert_eq!(report["target"]["index"], expected["target"]);
    let logits = list(&expected["logits"]);
    for class in report["prediction"].as_array().unwrap() {
        let index = class["index"].as_u64().unwrap() as usize;
        assert!((number(&class["logit"]) - logits[index]).abs() < 1e-4, "{class}");
    }
    if !key.is_empty() {
        for input in report["inputs"].as_array().unwrap() {
            let theirs = list(&expected["inputs"][input["name"].as_str().unwrap()][key]);
            let elements = input["elements"].as_array().unwrap();
            let ours: Vec<f64> =
                elements.iter().map(|element| number(&element["relevance"])).collect();
            let scale = theirs.iter().fold(0.0f64, |most, value| most.max(value.abs()));
            let error = worst_error(&ours, &theirs);
            assert!(
                error < 1e-4 * scale + 1e-7,
                "{}: {error:e} of {scale}: {ours:?}",
                input["name"]
            );
        }
    }
    report
}

#[test]
fn relevance_of_tokens_is_that_of_their_rows() {
    let inputs = ["input_ids", "attention_mask", "token_type_ids"];
    for (method, key) in [("gradient", "gradient"), ("input-x-gradient", "input_x_gradient")] {
        let report = check_golden("tokens", &inputs, method, key);
        let names: Vec<&str> = report["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["input_ids", "token_type_ids"]);
        check_golden("padding", &["ids"], method, key);
        check_golden("offsets", &["categories", "numbers"], method, key);
    }
    // LRP is conserved, and words that the mask hides get nothing.
    let report = check_golden("tokens", &inputs, "lrp", "");
    let sums = &report["relevance"];
    let accounted =
        ["input_sum", "absorbed_by_bias", "absorbed_by_stabilizer"].map(|key| number(&sums[key]));
    assert!((accounted.iter().sum::<f64>() - number(&sums["initial"])).abs() < 1e-4, "{sums}");
    let elements = report["inputs"][0]["elements"].as_array().unwrap();
    assert_eq!(elements.len(), 11);
    assert!(
        number(&elements[10]["relevance"]).abs() < 1e-6
            && number(&elements[1]["relevance"]).abs() > 1e-6
    );
    let mut check = command();
    check.arg("check").arg(golden("tokens.onnx"));
    for input in inputs {
        check.arg("--input").arg(named(input, &golden(&format!("tokens.{input}.npy"))));
    }
    Run::from(check.output().unwrap()).succeeded();
}

#[test]
fn a_text_is_a_strip_of_its_words() {
    let folder = folder();
    let words = folder.path().join("words.txt");
    fs::write(&words, "[CLS]\nwhat\na\nfine\nfilm\n").unwrap();
    let ids = golden("padding.ids.npy");
    let out = folder.path().join("out");
    let run =
        run!["explain", golden("padding.onnx"), &ids, "--tokens", &words, "-o", &out, "--json"]
            .succeeded();
    assert_eq!(
        files_in(&out),
        [
            "padding.ids.figure.png",
            "padding.ids.heatmap.png",
            "padding.ids.json",
            "padding.ids.overlay.png"
        ]
    );
    let elements = run.objects()[0]["inputs"][0]["elements"].clone();
    let names: Vec<&str> =
        elements.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    // Padding goes by its ids.
    assert_eq!(names, ["[CLS]", "what", "a", "fine", "film", "0", "0"]);
    let strip = image::open(out.join("padding.ids.overlay.png")).unwrap();
    assert!(strip.width() > 600 && strip.height() < 100, "{} x {}", strip.width(), strip.height());
    fs::write(&words, "a\n".repeat(8)).unwrap();
    refused(
        run!["explain", golden("padding.onnx"), &ids, "--tokens", &words, "-o", folder.path()],
        2,
        &["8 words, but only 7"],
    );
}

#[test]
fn texts_of_any_length_are_explained_in_one_go() {
    let folder = folder();
    let write = |name: &str, ids: &[f32]| {
        write_npy(&folder.path().join(name), &[ids.len()], ids, Overwrite::Refuse).unwrap();
    };
    write("a.npy", &[7.0, 12.0, 39.0, 0.0]);
    write("b.npy", &[1.0, 2.0]);
    write("c.npy", &[3.0, 4.0]);
    write("bad.npy", &[3.0, 41.0]);
    write("half.npy", &[3.5, 4.0]);
    let out = folder.path().join("out");
    let run = run!["explain", golden("padding.onnx"), folder.path(), "-o", &out, "--json"];
    assert_eq!(run.code, 1, "{}", run.stderr);
    let told = run.objects();
    let lengths: Vec<usize> = told
        .iter()
        .filter_map(|report| Some(report["inputs"][0]["elements"].as_array()?.len()))
        .collect();
    assert_eq!(lengths, [4, 2, 2]);
    assert!(
        run.stderr.contains("bad.npy") && run.stderr.contains("looking up the ids"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("half.npy") && run.stderr.contains("3.5"), "{}", run.stderr);
    // Alone, a text has the same relevance.
    let alone = run![
        "explain",
        golden("padding.onnx"),
        folder.path().join("c.npy"),
        "-o",
        folder.path().join("alone"),
        "--json"
    ]
    .succeeded();
    assert_eq!(
        alone.objects()[0]["inputs"],
        told.iter().rfind(|it| it["input"].as_str().unwrap().ends_with("c.npy")).unwrap()["inputs"]
    );
}
