//! `onnxplain evaluate`: what the report holds, what does not change it, and what becomes of mistakes.

use std::fs;
use std::path::Path;

use onnxplain::io::{Overwrite, write_npy, write_png};
use serde_json::{Value, json};

use super::{Run, command, fashion_photo, folder, photos, report, run, sorted_lines, vgg};

/// Two methods without controls and the metrics that are quick.
const QUICK: [&str; 6] = [
    "--methods",
    "lrp,saliency",
    "--no-controls",
    "--metrics",
    "srg,sparseness,random-logit",
    "-q",
];

fn evaluate(inputs: &Path, output: &Path, more: &[&str]) -> Run {
    let mut command = command();
    command.arg("evaluate").arg(vgg()).arg(inputs).args(QUICK).arg("-o").arg(output).args(more);
    command.output().unwrap().into()
}

#[test]
fn a_report_has_a_line_for_every_input_and_method() {
    let (photos, out) = (photos(3), folder());
    let run = evaluate(photos.path(), out.path(), &["--json"]).succeeded();
    let lines = report(&out.path().join("report.jsonl"));
    assert_eq!(lines.len(), 6);
    let settings: Value =
        serde_json::from_slice(&fs::read(out.path().join("settings.json")).unwrap()).unwrap();
    for (line, printed) in lines.iter().zip(run.objects()) {
        assert_eq!(line["settings"], settings["hash"]);
        let srg = line["metrics"]["srg"].as_f64().unwrap();
        assert!((-1.0..=1.0).contains(&srg));
        let curves = &line["curves"]["srg"];
        assert_eq!(curves["morf"].as_array().unwrap().len(), 33);
        assert_eq!(line["forwards"], 62);
        // What differs from run to run is printed only.
        assert!(line["seconds"].is_null() && printed["seconds"]["explain"].as_f64().unwrap() > 0.0);
        assert_eq!(line["metrics"], printed["metrics"]);
    }
    let of = |key: &str| lines.iter().map(|line| line[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("method")[..2], [json!("lrp:vgg"), json!("saliency")]);
    assert_eq!(of("reading")[..2], [json!("signed"), json!("magnitude")]);
    assert_eq!(settings["fill"]["asked"], "auto");
    assert_eq!(settings["metrics"][0]["options"]["levels"], 32);
    let again = evaluate(photos.path(), out.path(), &[]);
    assert!(again.code == 2 && again.stderr.contains("--resume"), "{}", again.stderr);
}

#[test]
fn neither_order_nor_threads_nor_shards_change_a_byte() {
    let (photos, out) = (photos(4), folder());
    let output = |name: &str| out.path().join(name);
    evaluate(photos.path(), &output("all"), &["-j", "1"]).succeeded();
    let expected = sorted_lines(&[output("all/report.jsonl")]);
    for shard in ["1/2", "2/2"] {
        evaluate(photos.path(), &output("shards"), &["--shard", shard]).succeeded();
    }
    let shards = ["report.1-of-2.jsonl", "report.2-of-2.jsonl"];
    assert_eq!(sorted_lines(&shards.map(|name| output("shards").join(name))), expected);
    // The other way round, as a list, several at a time.
    let names = ["a/003", "b/002", "b/001", "a/000"];
    let list: Vec<String> = names
        .map(|name| photos.path().join(name).with_extension("png").display().to_string())
        .to_vec();
    fs::write(out.path().join("list"), list.join("\n")).unwrap();
    let base = photos.path().display().to_string();
    let more = ["--base", &base, "-j", "3"];
    let files_from = out.path().join("list");
    let mut command = command();
    command.arg("evaluate").arg(vgg()).args(QUICK).args(more);
    let shuffled = output("shuffled");
    command.arg("--files-from").arg(files_from).arg("-o").arg(&shuffled);
    Run::from(command.output().unwrap()).succeeded();
    assert_eq!(sorted_lines(&[shuffled.join("report.jsonl")]), expected);
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let (photos, out) = (photos(4), folder());
    evaluate(photos.path(), out.path(), &[]).succeeded();
    let path = out.path().join("report.jsonl");
    let whole = fs::read(&path).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    // As if it had been killed: between the methods of an input, inside a line, and with a hole.
    for left in [lines[..3].concat(), whole[..whole.len() - 40].to_vec(), lines[2..].concat()] {
        fs::write(&path, left).unwrap();
        evaluate(photos.path(), out.path(), &["--resume"]).succeeded();
        assert!(fs::read(&path).unwrap() == whole);
    }
    let other = evaluate(photos.path(), out.path(), &["--resume", "--levels", "8"]);
    assert_eq!(other.code, 2);
    assert!(other.stderr.contains("is 32, now it is 8"), "{}", other.stderr);
}

#[test]
fn what_is_wrong_with_an_input_is_named_and_the_rest_goes_on() {
    let (photos, out) = (photos(3), folder());
    fs::write(photos.path().join("a/broken.png"), "no picture").unwrap();
    let (masks, maps) = (out.path().join("masks"), out.path().join("maps"));
    for (stem, mask_side) in [("a/000", 28), ("b/001", 28), ("b/002", 9)] {
        let (mask, map) = (masks.join(stem), maps.join(stem));
        fs::create_dir_all(mask.parent().unwrap()).unwrap();
        fs::create_dir_all(map.parent().unwrap()).unwrap();
        let white = image::RgbImage::from_pixel(mask_side, mask_side, image::Rgb([255; 3]));
        write_png(&mask.with_extension("png"), &white, Overwrite::Refuse).unwrap();
        let last = if stem == "b/001" { f32::NAN } else { 1.0 };
        let mut values = vec![0.5; 28 * 28];
        values[783] = last;
        write_npy(&map.with_extension("npy"), &[28, 28], &values, Overwrite::Refuse).unwrap();
    }
    let maps = format!("theirs={}", maps.display());
    let masks = masks.display().to_string();
    let run = run!(
        "evaluate",
        vgg(),
        photos.path(),
        "-o",
        out.path().join("out"),
        "--masks",
        &masks,
        "--maps",
        &maps,
        "--no-controls",
        "--metrics",
        "mass,avg-sensitivity,sparseness"
    );
    assert_eq!(run.code, 1, "{}", run.stderr);
    for expected in ["broken.png", "b/001.npy", "NaN", "b/002.png", "it has 9 x 9 pixels"] {
        assert!(run.stderr.contains(expected), "{expected}: {}", run.stderr);
    }
    let lines = report(&out.path().join("out/report.jsonl"));
    assert_eq!(lines.iter().filter(|line| line["error"].is_string()).count(), 3);
    let line = lines.iter().find(|line| line["method"] == "theirs").unwrap();
    assert_eq!(line["metrics"]["mass"], 1.0);
    assert!(line["metrics"]["avg-sensitivity"].is_null());
    let reason = line["undefined"]["avg-sensitivity"].as_str().unwrap();
    assert!(reason.contains("made elsewhere"), "{reason}");
}

#[test]
fn mistakes_are_told_before_anything_runs() {
    let out = folder();
    let plan = out.path().join("plan.yaml");
    fs::write(&plan, "methods:\n  - lrp: epsilon-plsu\n").unwrap();
    let photo = fashion_photo("bag.png");
    let error = |more: &[&str]| {
        let mut command = command();
        command
            .arg("evaluate")
            .arg(vgg())
            .arg(&photo)
            .arg("-o")
            .arg(out.path().join("out"))
            .args(more);
        let run = Run::from(command.output().unwrap());
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(!out.path().join("out").exists());
        run.stderr
    };
    let of_plan = error(&["--plan", plan.to_str().unwrap()]);
    assert!(of_plan.contains("plan.yaml:2:") && of_plan.contains("`epsilon-plus`"), "{of_plan}");
    fs::write(&plan, "[".repeat(100_000)).unwrap();
    let of_deep = error(&["--plan", plan.to_str().unwrap()]);
    assert!(of_deep.contains("nested more than 64 deep"), "{of_deep}");
    assert!(error(&["--metrics", "srgg"]).contains("did you mean `srg`?"));
    assert!(error(&["--methods", "salience"]).contains("did you mean `saliency`?"));
    assert!(error(&["--methods", "saliency:epsilon"]).contains("brings its own rules"));
    assert!(error(&["--fill", "blurr"]).contains("there are blur"));
    assert!(error(&["--regions", "cell"]).contains("there are cells"));
    assert!(error(&["--maps", "theirs"]).contains("NAME=DIR"));
    assert!(error(&["--methods", "lrp,lrp:vgg"]).contains("two methods are called `lrp:vgg`"));
    assert!(error(&["--metrics", "mass", "--masks", "nowhere"]).contains("nowhere"));
    assert!(error(&["--target", "label"]).contains("--classes"));
}

#[test]
fn a_dry_run_counts_the_work() {
    let (photos, out) = (photos(3), folder());
    let mut command = command();
    command.arg("evaluate").arg(vgg()).arg(photos.path()).arg("-o").arg(out.path().join("out"));
    command.args(["--methods", "lrp,saliency", "--no-controls", "--dry-run", "--json"]);
    let run = Run::from(command.output().unwrap()).succeeded();
    let counted = &run.objects()[0];
    // The default set: the unchanged picture, the emptied one and 100 subsets once, two curves for each method; the map,
    // that of another class, and those of ten noisy inputs.
    assert_eq!(counted["runs"], 3 * (2 + 100 + 2 * 62));
    assert_eq!(counted["explanations"], 3 * 2 * 12);
    assert!(counted["seconds"].as_f64().unwrap() > 0.0 && !out.path().join("out").exists());
}

#[test]
fn boxes_classes_and_plans_reach_the_metrics() {
    let (photos, out) = (photos(4), folder());
    let boxes = "input,label,x0,y0,x1,y1\na/000.png,Coat,0,0,28,14\na/000.png,Bag,0,14,28,28\n";
    fs::write(out.path().join("boxes.csv"), boxes).unwrap();
    let classes = "input,label\na/000.png,Coat\nb/001.png,Bag\nb/002.png,Dress\na/003.png,Coat\n";
    fs::write(out.path().join("classes.csv"), classes).unwrap();
    let plan = format!(
        "model: {}\ninputs: {}\nmethods: [lrp, {{ name: coarse, method: integrated-gradients, steps: 2 }}]\n\
         metrics: [mass, contrast, focus, {{ name: srg-slic, metric: srg, regions: slic }}]\n\
         settings: {{ levels: 4 }}\nboxes: boxes.csv\nclasses: classes.csv\ntarget: label\ncontrols: false\n",
        vgg().display(),
        photos.path().display()
    );
    fs::write(out.path().join("plan.yaml"), plan).unwrap();
    let plan = out.path().join("plan.yaml");
    run!("evaluate", "--plan", &plan, "-o", out.path().join("out"), "-q").succeeded();
    let lines = report(&out.path().join("out/report.jsonl"));
    assert_eq!(lines.len(), 8);
    let first = &lines[0];
    assert_eq!((&first["target"]["label"], &first["method"]), (&json!("Coat"), &json!("lrp:vgg")));
    assert!((0.0..=1.0).contains(&first["metrics"]["mass"].as_f64().unwrap()));
    assert!(first["metrics"]["contrast"].as_f64().unwrap().abs() <= 1.0);
    // The only other coat is the fourth picture.
    assert!((0.0..=1.0).contains(&first["metrics"]["focus"].as_f64().unwrap()));
    let bag = lines.iter().find(|line| line["target"]["label"] == "Bag").unwrap();
    assert!(bag["undefined"]["focus"].as_str().unwrap().contains("another picture of the class"));
    assert!(bag["undefined"]["mass"].as_str().unwrap().contains("no box"));
    assert_eq!(first["curves"]["srg-slic"]["morf"].as_array().unwrap().len(), 5);
    assert_eq!(lines[1]["method"], "coarse");
}
