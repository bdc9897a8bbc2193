//! Bed (a): the tag on half of the coats is found, located, confirmed, and the next pictures to label have it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::beds::{self, f1, number};
use super::{lines, onnxplain, suspects};

fn is_tagged(input: &str) -> bool {
    number(input, "Coat").is_some_and(|number| number.is_multiple_of(2))
}

/// The inputs whose explained class is Coat.
fn coats(out: &Path) -> Vec<String> {
    let lines = lines(&out.join("report.jsonl")).into_iter();
    let coats = lines.filter(|line| line["target"]["label"] == "Coat");
    coats.map(|line| line["input"].as_str().unwrap().to_string()).collect()
}

fn inputs(suspect: &Value) -> Vec<String> {
    serde_json::from_value(suspect["inputs"].clone()).unwrap()
}

#[test]
fn the_tag_is_the_first_suspect_and_the_only_one_confirmed() {
    let bed = beds::tag();
    onnxplain(bed.path(), "spray out -o confirmed --confirm --quiet").succeeded();
    let suspects = suspects(&bed.path().join("confirmed"));
    let first = &suspects[0];
    assert_eq!(first["group"], "Coat");
    let score = f1(&inputs(first), &coats(&bed.path().join("out")), is_tagged);
    assert!(score >= 0.95, "F1 {score}");
    // The tag is 5 x 3 pixels in the lower left corner, moved by up to one; cells are 2 x 2.
    assert_eq!(first["boxes"], serde_json::json!([[0, 24, 4, 4]]), "{}", first["cells"]);
    for suspect in suspects.iter().filter(|it| it.get("confirmation").is_some()) {
        let found = &suspect["confirmation"];
        let has_tag = inputs(suspect).iter().all(|input| is_tagged(input));
        assert_eq!(found["confirmed"], has_tag, "suspect {}: {found}", suspect["suspect"]);
    }
}

#[test]
fn the_next_pictures_to_label_have_the_tag() {
    let bed = beds::tag();
    let coats = coats(&bed.path().join("out"));
    let clean = |input: &&String| number(input, "Coat").is_some_and(|number| number % 2 == 1);
    let (labelled, pool): (Vec<_>, Vec<_>) =
        coats.iter().partition(|input| clean(input) && number(input, "Coat").unwrap() % 4 == 1);
    for (name, inputs) in [("labelled", &labelled), ("pool", &pool)] {
        let list: String = inputs.iter().map(|input| format!("{input}\n")).collect();
        fs::write(bed.path().join(format!("{name}.txt")), list).unwrap();
        let explain = format!("explain model.onnx --files-from {name}.txt -o {name}");
        onnxplain(bed.path(), &format!("{explain} --save relevance,report --quiet")).succeeded();
    }
    let chosen =
        onnxplain(bed.path(), "select pool --labelled labelled -n 9999 --json").succeeded();
    let chosen = chosen.objects();
    assert_eq!(chosen.len(), pool.len());
    let scored = chosen
        .iter()
        .map(|one| (one["score"].as_f64().unwrap(), is_tagged(one["input"].as_str().unwrap())));
    let auroc = auroc(&scored.collect::<Vec<_>>());
    assert!(auroc >= 0.9, "AUROC {auroc}");
    // A list of the ten most wanted.
    let list =
        onnxplain(bed.path(), "select pool --labelled labelled -n 10 -o next.txt").succeeded();
    assert!(list.stdout.contains("Coat"), "{}", list.stdout);
    let next = fs::read_to_string(bed.path().join("next.txt")).unwrap();
    assert!(
        next.lines().count() == 10 && next.lines().filter(|it| is_tagged(it)).count() >= 8,
        "{next}"
    );
}

/// How often a true one has a higher score than another: 0.5 by chance.
fn auroc(scored: &[(f64, bool)]) -> f64 {
    let of =
        |wanted: bool| scored.iter().filter(move |(_, it)| *it == wanted).map(|(score, _)| *score);
    let wins = of(true).flat_map(|a| {
        of(false).map(move |b| f64::from(u8::from(a > b)) + 0.5 * f64::from(u8::from(a == b)))
    });
    wins.sum::<f64>() / (of(true).count() * of(false).count()) as f64
}

#[test]
fn probe_shows_that_the_corner_is_used_and_other_places_are_not() {
    let bed = beds::tag();
    let tagged: String = coats(&bed.path().join("out"))
        .iter()
        .filter(|it| is_tagged(it))
        .map(|it| format!("{it}\n"))
        .collect();
    fs::write(bed.path().join("tagged.txt"), tagged).unwrap();
    onnxplain(bed.path(), "spray out -o probed --quiet").succeeded();
    let probe = "probe model.onnx --files-from tagged.txt --edit fill:#000000,mean --json --region";
    let found = onnxplain(bed.path(), &format!("{probe} suspect:1@probed/spray.jsonl")).succeeded();
    for line in found.objects() {
        assert_eq!(line["is_used"], true, "{line}");
        assert!(
            line["mean"].as_f64().unwrap() < -1.0 && line["p_adjusted"].as_f64().unwrap() < 1e-6
        );
    }
    let elsewhere = onnxplain(bed.path(), &format!("{probe} box:22,0,6,4")).succeeded();
    for line in elsewhere.objects() {
        assert_eq!(line["is_used"], false, "{line}");
    }
}

/// Where 5 of 105 coats have the tag, it is still the first suspect of the coats; with any 5.
#[test]
fn a_rare_tag_is_found_with_ten_of_twelve_seeds() {
    let bed = beds::tag();
    let report = fs::read_to_string(bed.path().join("out/report.jsonl")).unwrap();
    let coats: Vec<(&str, usize)> = report
        .lines()
        .filter_map(|line| {
            let parsed: Value = serde_json::from_str(line).unwrap();
            let is_coat = parsed["target"]["label"] == "Coat";
            Some((line, number(parsed["input"].as_str().unwrap(), "Coat").filter(|_| is_coat)?))
        })
        .collect();
    let clean: Vec<&str> =
        coats.iter().filter(|(_, it)| it % 2 == 1).map(|(line, _)| *line).collect();
    let tagged: Vec<&str> =
        coats.iter().filter(|(_, it)| it.is_multiple_of(2)).map(|(line, _)| *line).collect();
    let count = clean.len().div_ceil(19);
    let found = (0..12).filter(|seed| {
        let chosen = (0..count).map(|index| tagged[(seed * 7 + index * 19) % tagged.len()]);
        let lines: Vec<&str> = clean.iter().copied().chain(chosen).collect();
        let rare = bed.path().join(format!("rare-{seed}"));
        fs::create_dir_all(&rare).unwrap();
        std::os::unix::fs::symlink(bed.path().join("out/Coat"), rare.join("Coat")).unwrap();
        fs::write(rare.join("report.jsonl"), lines.join("\n") + "\n").unwrap();
        onnxplain(bed.path(), &format!("spray rare-{seed} --quiet")).succeeded();
        let first = inputs(&suspects(&rare)[0]);
        let all: Vec<String> = lines
            .iter()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["input"].as_str().unwrap().to_string()
            })
            .collect();
        f1(&first, &all, is_tagged) >= 0.8
    });
    let found = found.count();
    assert!(found >= 10, "{found} of 12");
}
