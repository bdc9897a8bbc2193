//! `onnxplain search`: what is found, what does not change it, and what becomes of mistakes.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Run, command, contents, folder, photos, report, run, vgg};

/// Twelve composites for a plain network.
const SPACE: &str = "\
name: small
about: Twelve composites.
parameters:
  first: [z-box, flat]
  low: [0.25, 10]
  high: [0, 0.1, 10]
rules:
  - when: { kind: convolution, first: true }
    rule: $first
  - when: { kind: convolution, depth: [0, 0.5] }
    rule: { gamma: { gamma: $low } }
  - when: { kind: convolution }
    rule: { gamma: { gamma: $high } }
  - when: { kind: dense }
    rule: epsilon
  - when: { kind: [sum, average-pool] }
    rule: norm
  - when: { kind: [activation, normalization] }
    rule: pass
";

fn space_in(folder: &Path) -> String {
    let path = folder.join("space.yaml");
    fs::write(&path, SPACE).unwrap();
    path.display().to_string()
}

fn search(inputs: &Path, output: &Path, more: &[&str]) -> Run {
    let space = space_in(inputs.parent().unwrap().join(inputs).as_path());
    let mut command = command();
    command.arg("search").arg(vgg()).arg(inputs).args(["--include", "*.png", "--space", &space]);
    command.arg("-q").arg("-o").arg(output).args(more).output().unwrap().into()
}

#[test]
fn what_is_found_is_a_composite_with_its_story() {
    let (photos, out) = (photos(6), folder());
    let run = search(photos.path(), out.path(), &["--json"]).succeeded();
    let rows = run.objects();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["best", "vgg", "epsilon-plus-flat", "epsilon-gamma-box", "gamma"]);
    for row in &rows {
        assert_eq!(row["metrics"]["srg"]["n"], 3);
        assert!((-1.0..=1.0).contains(&row["metrics"]["srg"]["mean"].as_f64().unwrap()));
    }
    assert!(rows[0]["differences"]["srg"]["p"].as_f64().unwrap() <= 1.0);
    let found: Value =
        serde_json::from_slice(&fs::read(out.path().join("search.json")).unwrap()).unwrap();
    assert_eq!(found["candidates"].as_array().unwrap().len(), 12);
    let best = fs::read_to_string(out.path().join("best.yaml")).unwrap();
    for told in ["provenance:", "model-sha256:", "space: small", "confirmed-on:", "seed: 0"] {
        assert!(best.contains(told), "{told} is missing in\n{best}");
    }
    // Screened: 12 composites on 3 pictures; raced: 10 on the same; confirmed: 5 on the others.
    let trials = report(&out.path().join("trials.jsonl"));
    let of = |stage: &str| trials.iter().filter(|trial| trial["stage"] == stage).count();
    assert_eq!((of("screen"), of("race"), of("confirm")), (36, 30, 15));
    assert_eq!(trials[0]["decided"]["screening_pictures"], 3);
    let choosing = |trial: &&Value| trial["stage"] == "race" || trial["stage"] == "screen";
    let chosen: Vec<&Value> = trials.iter().filter(choosing).map(|trial| &trial["input"]).collect();
    let confirming = trials.iter().filter(|trial| trial["stage"] == "confirm");
    assert!(confirming.into_iter().all(|trial| !chosen.contains(&&trial["input"])));
    // The winner is taken as it is, and explains as it did.
    let composite = out.path().join("best.yaml");
    let input = photos.path().join("a/000.png");
    let explained =
        run!("explain", vgg(), &input, "--composite", &composite, "-q", "-o", out.path());
    explained.succeeded();
    let page = fs::read_to_string(out.path().join("search.html")).unwrap();
    assert!(page.contains("What other pictures say") && !page.contains("{{"), "{page}");
}

#[test]
fn threads_and_orders_change_no_byte_and_a_killed_search_goes_on() {
    let (photos, out) = (photos(7), folder());
    let (one, three) = (out.path().join("one"), out.path().join("three"));
    search(photos.path(), &one, &["-j", "1"]).succeeded();
    search(photos.path(), &three, &["-j", "3"]).succeeded();
    let expected = contents(&one);
    assert_eq!(expected, contents(&three));
    let trials = three.join("trials.jsonl");
    let whole = fs::read(&trials).unwrap();
    let again = search(photos.path(), &three, &[]);
    assert!(again.code == 2 && again.stderr.contains("--resume"), "{}", again.stderr);
    // As if it had been killed: before the first trial, inside a line, between lines of a picture, in the race.
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let cuts = [0, 40, lines[..5].concat().len(), whole.len() / 2, whole.len() - 30];
    for cut in cuts {
        fs::write(&trials, &whole[..cut]).unwrap();
        search(photos.path(), &three, &["--resume", "-j", "2"]).succeeded();
        assert!(contents(&three) == expected, "cut at {cut}");
    }
    let other = search(photos.path(), &three, &["--resume", "--seed", "1"]);
    assert!(other.code == 2 && other.stderr.contains("cannot resume"), "{}", other.stderr);
}

#[test]
fn a_budget_screens_fewer() {
    let (photos, out) = (photos(6), folder());
    search(photos.path(), out.path(), &["--budget", "510"]).succeeded();
    let trials = report(&out.path().join("trials.jsonl"));
    // 2/3 of 510 on 3 pictures: 113 evaluations each, 101 of which are shared.
    assert_eq!(trials[0]["decided"]["screened"].as_array().unwrap().len(), 12);
    // What is left pays for one candidate on three pictures, 30 runs each; two race at least.
    assert_eq!(trials.iter().filter(|trial| trial["stage"] == "race").count(), 2 * 3);
    search(photos.path(), out.path(), &["--budget", "502", "--overwrite"]).succeeded();
    let trials = report(&out.path().join("trials.jsonl"));
    assert_eq!(trials[0]["decided"]["screened"].as_array().unwrap().len(), 10);
    let small = search(photos.path(), out.path(), &["--budget", "100", "--overwrite"]);
    assert!(small.code == 2 && small.stderr.contains("is too small"), "{}", small.stderr);
    search(photos.path(), out.path(), &["--budget", "5min", "--overwrite"]).succeeded();
}

#[test]
fn bounds_and_several_objectives() {
    let (photos, out) = (photos(6), folder());
    let more = ["--objective", "srg,sparseness", "--require", "sparseness>=0.1"];
    search(photos.path(), out.path(), &more).succeeded();
    let found: Value =
        serde_json::from_slice(&fs::read(out.path().join("search.json")).unwrap()).unwrap();
    let front = found["front"].as_array().unwrap();
    assert_eq!(found["winner"], front[0]);
    for place in 1..front.len() {
        assert!(out.path().join(format!("front-{place}.yaml")).is_file());
    }
    let none = search(photos.path(), out.path(), &["--overwrite", "--require", "sparseness>=1"]);
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("sparseness>=1 (the nearest mean is 0."), "{}", none.stderr);
}

#[test]
fn mistakes_are_told_before_anything_runs() {
    let (photos, out) = (photos(4), folder());
    let error = |more: &[&str]| {
        let run = search(photos.path(), out.path(), more);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(!out.path().join("trials.jsonl").exists());
        run.stderr
    };
    assert!(error(&["--objective", "srgg"]).contains("did you mean `srg`"));
    assert!(error(&["--require", "srg"]).contains("METRIC>=NUMBER"));
    assert!(error(&["--budget", "much"]).contains("is no budget"));
    assert!(error(&["--split", "2"]).contains("between 0 and 1"));
    let one = photos.path().join("a/000.png").display().to_string();
    assert!(error(&["--confirm", &one]).contains("chooses and confirms"));
    let space = out.path().join("wrong.yaml");
    fs::write(&space, SPACE.replace("$high", "$hihg")).unwrap();
    let wrong = run!("search", vgg(), photos.path(), "--space", &space, "-o", out.path());
    assert!(wrong.code == 2 && wrong.stderr.contains("wrong.yaml:6: no rule has a $high"));
    fs::write(&space, SPACE.replace("z-box, flat", "z-bos, flat")).unwrap();
    let wrong = run!("search", vgg(), photos.path(), "--space", &space, "-o", out.path());
    assert!(wrong.stderr.contains("did you mean `z-box`?"), "{}", wrong.stderr);
    let unknown = run!("search", vgg(), photos.path(), "--space", "resnte", "-o", out.path());
    assert!(unknown.stderr.contains("did you mean `resnet`?"), "{}", unknown.stderr);
    // A space is no composite.
    fs::write(&space, SPACE).unwrap();
    let explain = run!("explain", vgg(), &one, "--composite", &space, "-o", out.path());
    assert!(explain.stderr.contains("onnxplain search --space"), "{}", explain.stderr);
}

#[test]
fn spaces_are_listed_and_shown() {
    let list = run!("presets", "spaces").succeeded();
    assert!(list.stdout.contains("resnet") && list.stdout.contains("250 composites"));
    let shown = run!("presets", "show", "spaces/resnet").succeeded();
    assert!(shown.stdout.contains("parameters:") && shown.stdout.contains("$low"));
}
