//! `onnxplain sanity`: what the report holds, what does not change it, and what becomes of mistakes.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{
    Run, command, fashion_photo, files_in, folder, photos, report, run, sample, sorted_lines, vgg,
};

/// Two methods and four steps.
const QUICK: [&str; 5] = ["--methods", "lrp,gradient", "--steps", "4", "-q"];

fn sanity(inputs: &Path, output: &Path, more: &[&str]) -> Run {
    let mut command = command();
    command.arg("sanity").arg(vgg()).arg(inputs).args(QUICK).arg("-o").arg(output).args(more);
    command.output().unwrap().into()
}

#[test]
fn a_report_has_a_line_for_every_input_and_step() {
    let (photos, out) = (photos(2), folder());
    let run = sanity(photos.path(), out.path(), &["--json"]).succeeded();
    let lines = report(&out.path().join("report.jsonl"));
    let place = |line: &Value| (line["input"].to_string(), line["step"].as_u64().unwrap());
    let places: Vec<_> = lines.iter().map(place).collect();
    assert_eq!(places.len(), 2 * 5);
    assert!(places.is_sorted(), "{places:?}");
    let mut printed: Vec<_> = run.objects().iter().map(place).collect();
    printed.sort();
    assert_eq!(printed, places);
    let settings: Value =
        serde_json::from_slice(&fs::read(out.path().join("settings.json")).unwrap()).unwrap();
    assert_eq!(
        (&settings["order"], &settings["initialisation"]),
        (&json!("top-down"), &json!("permute"))
    );
    // Eight layers in four steps, from the head down.
    assert_eq!(settings["steps"].as_array().unwrap().len(), 4);
    assert_eq!(settings["steps"][0]["layers"], json!(["/22/Gemm", "/24/Gemm"]));
    for line in &lines {
        assert_eq!(line["settings"], settings["hash"]);
        let names: Vec<&String> = line["methods"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["edges", "gradient", "input x noise", "lrp:vgg", "noise"]);
        let values = &line["methods"]["lrp:vgg"]["values"];
        let is_trained = line["step"] == 0;
        assert_eq!(values["spearman"].is_null(), is_trained);
        assert!(values["entropy"].as_f64().unwrap() > 0.0);
        assert_eq!(line["channels"].is_null(), is_trained || line["step"] == 4);
        if is_trained {
            assert_eq!(line["network"]["top"], line["target"]["index"]);
        }
    }
    let again = sanity(photos.path(), out.path(), &[]);
    assert!(again.code == 2 && again.stderr.contains("--resume"), "{}", again.stderr);
}

#[test]
fn neither_order_nor_threads_nor_shards_change_a_byte() {
    let (photos, out) = (photos(3), folder());
    let output = |name: &str| out.path().join(name);
    let more = ["--init", "keep-scale"];
    sanity(photos.path(), &output("all"), &[&more[..], &["-j", "1"]].concat()).succeeded();
    sanity(photos.path(), &output("several"), &[&more[..], &["-j", "3"]].concat()).succeeded();
    for name in files_in(&output("all")) {
        let read = |folder: &str| fs::read(output(folder).join(&name)).unwrap();
        assert!(read("all") == read("several"), "{name}");
    }
    let expected = sorted_lines(&[output("all/report.jsonl")]);
    for shard in ["1/2", "2/2"] {
        sanity(photos.path(), &output("shards"), &[&more[..], &["--shard", shard]].concat())
            .succeeded();
    }
    let shards = ["report.1-of-2.jsonl", "report.2-of-2.jsonl"];
    assert_eq!(sorted_lines(&shards.map(|name| output("shards").join(name))), expected);
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let (photos, out) = (photos(3), folder());
    sanity(photos.path(), out.path(), &[]).succeeded();
    let path = out.path().join("report.jsonl");
    let whole = fs::read(&path).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    // As if it had been killed: between steps, inside a line, and with holes.
    let holes = [&lines[1..4], &lines[7..9]].concat().concat();
    for left in [lines[..3].concat(), whole[..whole.len() - 40].to_vec(), holes] {
        fs::write(&path, left).unwrap();
        sanity(photos.path(), out.path(), &["--resume"]).succeeded();
        assert!(fs::read(&path).unwrap() == whole);
    }
    let other = sanity(photos.path(), out.path(), &["--resume", "--order", "bottom-up"]);
    assert_eq!(other.code, 2);
    assert!(
        other.stderr.contains("order is \"top-down\", now it is \"bottom-up\""),
        "{}",
        other.stderr
    );
}

#[test]
fn what_is_wrong_with_an_input_is_named_and_the_rest_goes_on() {
    let (photos, out) = (photos(2), folder());
    fs::write(photos.path().join("a/broken.png"), "no picture").unwrap();
    let run = sanity(photos.path(), out.path(), &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("broken.png"), "{}", run.stderr);
    let lines = report(&out.path().join("report.jsonl"));
    assert_eq!(lines.iter().filter(|line| line["error"].is_string()).count(), 1);
    assert_eq!(lines.len(), 1 + 2 * 5);
    // It is tried again.
    fs::copy(fashion_photo("bag.png"), photos.path().join("a/broken.png")).unwrap();
    sanity(photos.path(), out.path(), &["--resume"]).succeeded();
    assert_eq!(report(&out.path().join("report.jsonl")).len(), 3 * 5);
}

#[test]
fn mistakes_are_told_before_anything_runs() {
    let out = folder();
    let error = |more: &[&str]| {
        let mut command = command();
        command.arg("sanity").arg(vgg()).arg(fashion_photo("bag.png")).args(more);
        let run = Run::from(command.arg("-o").arg(out.path().join("out")).output().unwrap());
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(!out.path().join("out").exists());
        run.stderr
    };
    assert!(error(&["--order", "topdown"]).contains("did you mean top-down?"));
    assert!(error(&["--init", "keepscale"]).contains("did you mean keep-scale?"));
    assert!(error(&["--methods", "salience"]).contains("did you mean `saliency`?"));
    assert!(
        error(&["--methods", "gradient,gradient"]).contains("two methods are called `gradient`")
    );
    assert!(error(&["--methods", "noisegrad"]).contains("puts noise on the parameters"));
    assert!(error(&["--target", "Hat"]).contains("Hat"));
    assert!(error(&["--target", "top:2"]).contains("one class is explained at a time"));
    assert!(error(&["--steps", "0"]).contains("--steps"));
    let nowhere = run!("sanity", "nowhere.onnx", fashion_photo("bag.png"));
    assert!(nowhere.code == 2 && nowhere.stderr.contains("there is no model nowhere.onnx"));
}

#[test]
fn a_dry_run_counts_the_work() {
    let (photos, out) = (photos(3), folder());
    let run =
        sanity(photos.path(), &out.path().join("out"), &["--dry-run", "--json", "--smprt", "2"]);
    let counted = &run.succeeded().objects()[0];
    assert_eq!(counted["networks"], 4);
    // Of every network a map and two of noisy inputs, by two methods.
    assert_eq!(counted["explanations"], 3 * 5 * 3 * 2);
    assert!(counted["seconds"].as_f64().unwrap() > 0.0 && !out.path().join("out").exists());
}

#[test]
fn undefined_steps_are_told_and_the_test_goes_on() {
    let (photos, out) = (photos(2), folder());
    // Grad-CAM of a random network may be 0 everywhere; whatever it is, all other methods are there.
    let mut command = command();
    command.arg("sanity").arg(sample("fashion_resnet.onnx")).arg(photos.path());
    command.args([
        "--methods",
        "grad-cam,gradient",
        "--init",
        "he",
        "--order",
        "bottom-up",
        "--steps",
        "6",
    ]);
    let run = Run::from(command.arg("-o").arg(out.path()).output().unwrap()).succeeded();
    assert!(run.stdout.contains("bottom-up, he"), "{}", run.stdout);
    for line in report(&out.path().join("report.jsonl")).iter().filter(|line| line["step"] != 0) {
        // What a random layer reads from below is random, too.
        assert!(line["channels"].is_null());
        for (name, method) in line["methods"].as_object().unwrap() {
            let undefined = method["undefined"].as_object().map_or(0, serde_json::Map::len);
            let values = method["values"].as_object().unwrap();
            let missing = values.values().filter(|value| value.is_null()).count();
            assert_eq!(missing, undefined, "{name}: {method}");
        }
        assert!(line["methods"]["gradient"]["values"]["spearman"].is_f64());
    }
}
