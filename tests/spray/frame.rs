//! Bed (b): a frame around some cuts of one photograph, for which no threshold was chosen.

use serde_json::Value;

use super::beds::{self, f1, number};
use super::{lines, onnxplain, suspects};

fn is_framed(input: &str) -> bool {
    number(input, "coffee").is_some_and(|number| number.is_multiple_of(4))
}

#[test]
fn the_frame_is_the_first_suspect() {
    let bed = beds::frame();
    for sort in ["suspicion", "separation"] {
        onnxplain(bed.path(), &format!("spray out -o by-{sort} --sort {sort} --quiet")).succeeded();
    }
    let all: Vec<String> = lines(&bed.path().join("out/report.jsonl"))
        .iter()
        .filter(|line| line["target"]["label"] == "coffee")
        .map(|line| line["input"].as_str().unwrap().to_string())
        .collect();
    let first = |sort: &str| {
        let first = &suspects(&bed.path().join(format!("by-{sort}")))[0];
        let found: Vec<String> = serde_json::from_value(first["inputs"].clone()).unwrap();
        let pure = found.iter().all(|input| is_framed(input));
        (first["group"] == "coffee" && pure, f1(&found, &all, is_framed))
    };
    let found = ["suspicion", "separation"].map(first);
    assert!(found.iter().any(|(is_it, f1)| *is_it && *f1 > 0.6), "{found:?}");
}

#[test]
fn probe_shows_that_the_frame_is_used_and_the_middle_is_not() {
    let bed = beds::frame();
    let framed: String =
        (0..100).step_by(4).map(|number| format!("photos/coffee/{number:03}.png\n")).collect();
    std::fs::write(bed.path().join("framed.txt"), framed).unwrap();
    let probe = |region: &str| -> Vec<Value> {
        let probe = "probe model.onnx --files-from framed.txt --edit mean,noise --json --region";
        onnxplain(bed.path(), &format!("{probe} {region}")).succeeded().objects()
    };
    let used = probe("border:9.4%");
    assert!(used.iter().any(|line| line["is_used"] == true), "{used:?}");
    for line in probe("box:4,4,6,6").into_iter().chain(probe("box:20,20,6,6")) {
        assert_eq!(line["is_used"], false, "{line}");
    }
}
