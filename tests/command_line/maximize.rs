//! `onnxplain maximize`: what the network says about the saved pictures, what does not change them, and what becomes of
//! mistakes.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Run, command, contents, fashion_photo, files_in, folder, run, vgg};

fn maximize(output: &Path, more: &[&str]) -> Run {
    let mut command = command();
    command.arg("maximize").arg(vgg()).arg("-q").arg("-o").arg(output).args(more);
    command.output().unwrap().into()
}

fn report(output: &Path) -> Value {
    serde_json::from_slice(&fs::read(output.join("report.json")).unwrap()).unwrap()
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/inputs").join(name)
}

#[test]
fn saved_pictures_get_their_class() {
    let out = folder();
    let more = ["--target", "Sandal,1", "--seeds", "2", "--fresh-networks", "2", "--json"];
    let run = maximize(out.path(), &more).succeeded();
    let pictures = ["1.Trouser.seed0.png", "1.Trouser.seed1.png"];
    let others = ["5.Sandal.seed0.png", "5.Sandal.seed1.png"];
    let all = [&pictures[..], &others, &["report.json", "sheet.png"]].concat();
    assert_eq!(files_in(out.path()), all);
    let report = report(out.path());
    assert_eq!((&report["tool"], &report["size"]), (&json!("onnxplain"), &json!([28, 28])));
    assert_eq!(
        (&report["settings"]["steps"], &report["settings"]["jitter"]),
        (&json!(512), &json!(3))
    );
    let lines = run.objects();
    assert_eq!(lines.len(), 4);
    for (line, picture) in lines.iter().zip(report["pictures"].as_array().unwrap()) {
        assert_eq!((&line["file"], &line["value"]), (&picture["file"], &picture["value"]));
        let probability = picture["probability"].as_f64().unwrap();
        assert!(probability > 0.99, "{picture}");
        assert_eq!(picture["top"], picture["objective"]["class"]);
        assert_eq!(picture["fresh"]["probabilities"].as_array().unwrap().len(), 2);
        let history = picture["history"].as_array().unwrap();
        assert!(history[0][1].as_f64().unwrap() < history.last().unwrap()[1].as_f64().unwrap());
        // Another command says the same about the file.
        let file = out.path().join(picture["file"].as_str().unwrap());
        let said = run!("explain", vgg(), &file, "--json", "-q", "-o", out.path().join("heatmap"));
        let top = &said.succeeded().objects()[0]["prediction"][0];
        assert_eq!(top["index"], picture["top"]["index"]);
        let difference = top["logit"].as_f64().unwrap() - picture["value"].as_f64().unwrap();
        assert!(difference.abs() < 1e-3, "{difference}");
    }
}

#[test]
fn threads_change_no_byte_and_seeds_do() {
    let out = folder();
    let output = |name: &str| out.path().join(name);
    let more = ["--target", "0,1,2", "--steps", "6"];
    for noise in [&[][..], &["--noise-samples", "3", "--parameter", "pixels"]] {
        let of = |name: &str, last: &[&str]| {
            maximize(&output(name), &[&more, noise, last, &["--overwrite"]].concat()).succeeded();
            contents(&output(name))
        };
        let one = of("one", &["-j", "1"]);
        assert!(one == of("three", &["-j", "3"]));
        let other = of("other", &["--seed", "1"]);
        assert!(one["0.T-shirt-top.png"] != other["0.T-shirt-top.png"]);
    }
}

#[test]
fn channels_contrasts_and_other_starts() {
    let out = folder();
    let output = |name: &str| out.path().join(name);
    let channels = ["--layer", "/10/Conv", "--channel", "0,5"];
    maximize(&output("channels"), &channels).succeeded();
    let names = ["10-Conv.channel0.png", "10-Conv.channel5.png", "report.json", "sheet.png"];
    assert_eq!(files_in(&output("channels")), names);
    for picture in report(&output("channels"))["pictures"].as_array().unwrap() {
        let history = picture["history"].as_array().unwrap();
        assert!(picture["value"].as_f64().unwrap() > history[0][1].as_f64().unwrap() + 0.1);
        assert!(picture["probability"].is_null() && picture["top"]["label"].is_string());
    }
    let against = ["--target", "Coat", "--against", "Pullover"];
    maximize(&output("against"), &against).succeeded();
    let picture = &report(&output("against"))["pictures"][0];
    assert_eq!(picture["file"], "4.Coat-against-2.Pullover.png");
    assert!(picture["value"].as_f64().unwrap() > 5.0, "{picture}");
    let bag = fashion_photo("bag.png");
    let from = [
        "--target",
        "Bag",
        "--from",
        bag.to_str().unwrap(),
        "--steps",
        "1",
        "--learning-rate",
        "1e-6",
    ];
    maximize(&output("from"), &from).succeeded();
    let read = |path: &Path| image::open(path).unwrap().into_luma8().into_raw();
    let (start, made) = (read(&bag), read(&output("from").join("8.Bag.png")));
    let worst = start.iter().zip(&made).map(|(a, b)| a.clamp(&5, &250).abs_diff(*b)).max();
    assert!(worst.unwrap() <= 1, "{worst:?}");
}

#[test]
fn files_of_others_stay() {
    let out = folder();
    let sneaker = ["--target", "7", "--steps", "2"];
    maximize(out.path(), &sneaker).succeeded();
    let again = maximize(out.path(), &sneaker);
    assert!(again.code == 2 && again.stderr.contains("--overwrite"), "{}", again.stderr);
    maximize(out.path(), &[&sneaker[..], &["--overwrite"]].concat()).succeeded();
    let path = out.path().join("7.Sneaker.png");
    image::GrayImage::new(3, 3).save(&path).unwrap();
    let before = fs::read(&path).unwrap();
    let other = maximize(out.path(), &[&sneaker[..], &["--overwrite"]].concat());
    assert!(other.code == 2 && other.stderr.contains("did not write it"), "{}", other.stderr);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn mistakes_are_told_before_anything_runs() {
    let out = folder();
    let error = |more: &[&str]| {
        let run = maximize(&out.path().join("out"), more);
        assert_eq!(run.code, 2, "{more:?}: {}", run.stderr);
        assert!(!out.path().join("out").exists(), "{more:?}");
        run.stderr
    };
    assert!(error(&[]).contains("--target"));
    assert!(error(&["--target", "Sneakers"]).contains("nearest are 7 (Sneaker)"));
    assert!(error(&["--target", "10"]).contains("10 classes, 0 to 9"));
    assert!(error(&["--target", "top"]).contains("yet to be made"));
    assert!(error(&["--target", "1", "--against", "1"]).contains("the difference is 0"));
    assert!(error(&["--target", "1", "--layer", "/10/Conv"]).contains("--layer"));
    assert!(error(&["--layer", "/10/Conv"]).contains("--channel"));
    assert!(error(&["--layer", "/10/Con", "--channel", "0"]).contains("did you mean \"/10/Conv\""));
    assert!(error(&["--layer", "/10/Conv", "--channel", "999"]).contains("no channel 999"));
    assert!(error(&["--target", "1", "--learning-rate", "nan"]).contains("learning-rate is NaN"));
    assert!(error(&["--target", "1", "--scale", "2"]).contains("scale is 2"));
    assert!(error(&["--target", "1", "--steps", "0"]).contains("steps is 0"));
    assert!(error(&["--target", "1", "--parameter", "wavelets"]).contains("fourier or pixels"));
    assert!(error(&["--target", "1", "--composite", "epsilon"]).contains("leave it out"));
    assert!(
        error(&["--target", "1", "--from", "nowhere.png"])
            .contains("cannot begin with nowhere.png")
    );
    let text = out.path().join("text.png");
    fs::write(&text, "no picture").unwrap();
    assert!(error(&["--target", "1", "--from", text.to_str().unwrap()]).contains("text.png"));
    let nowhere = run!("maximize", "nowhere.onnx", "--target", "1");
    assert!(nowhere.code == 2 && nowhere.stderr.contains("there is no model nowhere.onnx"));
}

#[test]
fn what_is_no_picture_cannot_be_made() {
    let out = folder();
    let mut command = command();
    command.arg("maximize").arg(golden("tokens.onnx")).args(["--target", "0"]);
    for input in ["input_ids", "attention_mask", "token_type_ids"] {
        let file = golden(&format!("tokens.{input}.npy"));
        command.arg("--input").arg(format!("{input}={}", file.display()));
    }
    let run = Run::from(command.arg("-o").arg(out.path().join("out")).output().unwrap());
    assert!(run.code == 2 && run.stderr.contains("to become a picture"), "{}", run.stderr);
}
