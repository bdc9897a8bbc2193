//! `onnxplain evaluate` against numbers of Quantus 0.6 (`tests/oracle/make_quantus_goldens.py`): equal settings, equal numbers.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Run, command, folder, report, sample};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/quantus")
}

/// The settings of `tests/oracle/quantus_pairs.py`.
fn plan() -> String {
    let golden = golden();
    let folder = |name: &str| golden.join(name).display().to_string();
    format!(
        "model: {model}\ninputs: {inputs}\nmasks: {masks}\nmethods: [{{ name: noise, maps: {maps} }}]\ncontrols: false\nmetrics:\n\
         - {{ name: pixels, metric: srg, regions: pixels, fill: black, levels: 784 }}\n\
         - {{ name: pixels-area, metric: morf, regions: pixels, fill: black, levels: 784 }}\n\
         - {{ name: regions, metric: srg, regions: cells, fill: black, levels: 196 }}\n\
         - {{ name: imputed, metric: srg, regions: pixels, fill: 'linear:0', levels: 8 }}\n\
         - {{ name: correlation, metric: faithfulness-correlation, fill: black }}\n\
         - rank\n- pointing\n- roc\n- mass\n- sparseness\n- complexity\n",
        model = sample("fashion_resnet.onnx").display(),
        inputs = folder("inputs"),
        masks = folder("masks"),
        maps = folder("maps-noise"),
    )
}

/// Lowest and highest value of the inputs, which were prepared by the model's card: black is the lowest.
const INPUT_RANGE: &str = "--input-range=-0.8101983002832861,2.022662889518413";

fn lines() -> Vec<Value> {
    let place = folder();
    fs::write(place.path().join("plan.yaml"), plan()).unwrap();
    let mut command = command();
    command.current_dir(place.path()).args([
        "evaluate",
        "--plan",
        "plan.yaml",
        "-o",
        "out",
        INPUT_RANGE,
    ]);
    Run::from(command.output().unwrap()).succeeded();
    report(&place.path().join("out/report.jsonl"))
}

fn numbers(value: &Value) -> Vec<f64> {
    match value.as_array() {
        Some(list) => list.iter().map(|number| number.as_f64().unwrap()).collect(),
        None => vec![value.as_f64().unwrap()],
    }
}

/// Our numbers in the units of Quantus.
fn ours(line: &Value, metric: &str, what: &str) -> Vec<f64> {
    let curve = |order: &str| numbers(&line["curves"][metric][order]);
    let value = |metric: &str| line["metrics"][metric].as_f64().unwrap();
    match (metric, what) {
        ("pixels", _) => {
            // Theirs has a step of 1 and lacks the first point.
            let curve = curve("morf");
            vec![(curve.len() - 1) as f64 * value("pixels-area") - 0.5 * (curve[0] + curve[1])]
        }
        ("regions", order) => {
            let curve = curve(order);
            curve[1..].iter().map(|score| curve[0] - score).collect()
        }
        ("imputed", _) => {
            let curve = curve("morf");
            curve[1..curve.len() - 1].to_vec()
        }
        _ => vec![value(metric)],
    }
}

#[test]
fn equal_settings_give_the_numbers_of_quantus() {
    let text = fs::read_to_string(golden().join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let lines = lines();
    assert_eq!(expected.as_object().unwrap().len(), 11);
    for (name, entry) in expected.as_object().unwrap() {
        let (metric, what) = (entry["metric"].as_str().unwrap(), entry["what"].as_str().unwrap());
        for (stem, theirs) in entry["quantus"].as_object().unwrap() {
            let is_line = |line: &&Value| {
                let input = Path::new(line["input"].as_str().unwrap());
                input.file_stem().unwrap() == stem.as_str() && line["method"] == "noise"
            };
            let line = lines.iter().find(is_line).unwrap();
            let (theirs, ours) = (numbers(theirs), ours(line, metric, what));
            assert_eq!(theirs.len(), ours.len(), "{name} of {stem}");
            for (place, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
                // The file has nine digits.
                let scale = if entry["is_relative"] == true { theirs.abs() } else { 1.0 };
                let allowed = entry["tolerance"].as_f64().unwrap() * scale + 1e-9;
                let off = (theirs - ours).abs();
                assert!(
                    off <= allowed,
                    "{name} of {stem}, number {place}: {ours} instead of {theirs}"
                );
            }
        }
    }
}
