//! Reports that are broken or mixed are refused, with the command that mends them.

use std::fs;

use super::beds;
use super::{folder, onnxplain};

#[test]
fn broken_and_mixed_reports_are_refused_with_a_way_out() {
    let bed = beds::frame();
    let report = fs::read_to_string(bed.path().join("out/report.jsonl")).unwrap();
    let line = report.lines().next().unwrap();
    let place = folder();
    let refused = |text: &str, words: &[&str]| {
        let out = place.path().join("out");
        fs::create_dir_all(&out).unwrap();
        fs::write(out.join("report.jsonl"), text).unwrap();
        onnxplain(place.path(), "spray out").refused(words);
        assert!(!out.join("spray.jsonl").exists() && !out.join("atlas.html").exists());
    };
    refused(&line[..40], &["line 1", "is damaged", "explain", "--resume"]);
    refused("", &["has no results"]);
    refused(line, &["is missing", "onnxplain explain model.onnx", "--save relevance"]);
    let without = line.replace("\"relevance\":\"", "\"heatmap\":\"");
    refused(&without, &["no relevance of", "--save relevance,overlay,report"]);
    for (from, to, what) in [
        ("\"model\":\"model.onnx\"", "\"model\":\"other.onnx\"", "several models"),
        ("\"method\":\"lrp\"", "\"method\":\"gradient\"", "several methods"),
        ("\"composite\":\"", "\"composite\":\"my-", "several composites"),
    ] {
        let other = line.replace(from, to);
        assert_ne!(other, line);
        refused(&format!("{line}\n{other}\n"), &[what, "a folder of its own"]);
    }
    onnxplain(place.path(), "spray nowhere").refused(&["nowhere"]);
    fs::create_dir(place.path().join("empty")).unwrap();
    onnxplain(place.path(), "spray empty").refused(&["report.jsonl", "onnxplain explain"]);
}

#[test]
fn wrong_words_say_which_there_are() {
    let bed = beds::frame();
    let probe = |rest: &str| onnxplain(bed.path(), &format!("probe model.onnx photos {rest}"));
    probe("--edit nois --region all").refused(&["did you mean noise?"]);
    probe("--edit noise --region bordr:8%").refused(&["did you mean border?"]);
    probe("--edit noise --region box:0,0,99,1").refused(&["32 x 32 pixels"]);
    probe("--edit noise --region suspect:1@none.jsonl").refused(&["none.jsonl", "onnxplain spray"]);
    probe("--edit noise --region all --target teapot").refused(&["teapot"]);
    probe("--edit transplant:none.txt --region all").refused(&["none.txt"]);
    onnxplain(bed.path(), "probe none.onnx photos --edit noise --region all")
        .refused(&["none.onnx"]);
    onnxplain(bed.path(), "select out").refused(&["--labelled"]);
}
