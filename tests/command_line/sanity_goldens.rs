//! `onnxplain sanity` against numbers of Quantus 0.6 (MPRT, eMPRT), scikit-image (SSIM, HOG), SciPy and torch
//! (`tests/oracle/make_sanity_goldens.py`), which computes the random parameters a second time.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Run, command, folder, report};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/sanity")
}

/// Numbers of 32 bits went through the same layers in another order.
const ALLOWED: f64 = 1e-5;

fn assert_close(ours: &Value, theirs: &Value, what: &str) {
    let (ours, theirs) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
    assert!((ours - theirs).abs() <= ALLOWED, "{what}: {ours} instead of {theirs}");
}

#[test]
fn equal_networks_give_the_numbers_of_others() {
    let out = folder();
    let mut command = command();
    command.arg("sanity").arg(golden().join("network.onnx")).arg(golden().join("inputs"));
    command.args(["--methods", "gradient", "--seed", "3", "--smprt", "4", "--input-range=-2,3"]);
    Run::from(command.arg("-o").arg(out.path()).output().unwrap()).succeeded();
    let text = fs::read_to_string(golden().join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let lines = report(&out.path().join("report.jsonl"));
    assert_eq!(lines.len(), 2 * 4);
    let mut compared = 0;
    for line in lines.iter().filter(|line| line["step"] != 0) {
        let stem = Path::new(line["input"].as_str().unwrap()).file_stem().unwrap();
        let (stem, step) = (stem.to_str().unwrap(), line["step"].to_string());
        let theirs = &expected[stem][&step];
        for (name, value) in theirs["values"].as_object().unwrap() {
            let ours = &line["methods"]["gradient"]["values"][name];
            assert_close(ours, value, &format!("{name} of {stem}, step {step}"));
            compared += 1;
        }
        // The first layer reads the picture.
        assert_eq!(line["channels"].is_null(), step == "3");
        for (name, value) in theirs["channels"].as_object().into_iter().flatten() {
            assert_close(&line["channels"][name], value, &format!("{name} of {stem}, step {step}"));
            compared += 1;
        }
    }
    assert_eq!(compared, 2 * (3 * 12 + 2 * 4));
    let summary = fs::read_to_string(out.path().join("summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let rises = expected["emprt"].as_object().unwrap().values().map(|rise| rise.as_f64().unwrap());
    let mean = rises.sum::<f64>() / 2.0;
    assert_close(&summary["methods"]["gradient"]["emprt"]["mean"], &mean.into(), "emprt");
}
