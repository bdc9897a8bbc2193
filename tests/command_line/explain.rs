//! `onnxplain explain`: files, reports, targets, inputs of every kind.

use std::fs;

use onnxplain::io::{Overwrite, read_npy, write_npy};
use serde_json::Value;

use super::support::worst_error;
use super::{Run, command, fashion_photo, files_in, folder, run, sample, vgg};

/// The keys of a report, sorted.
const KEYS: [&str; 20] = [
    "canonization",
    "composite",
    "explained",
    "files",
    "initial",
    "input",
    "inputs",
    "method",
    "model",
    "notes",
    "positive",
    "prediction",
    "preprocessing",
    "relevance",
    "rendering",
    "seconds",
    "target",
    "tool",
    "version",
    "warnings",
];

/// What a report times, sorted.
const SECONDS: [&str; 8] =
    ["canonize", "compile", "decode", "forward", "load", "propagate", "render", "total"];

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn a_folder_gives_four_kinds_of_files() {
    let out = folder();
    let all = "overlay,heatmap,relevance,report";
    let run = run!["explain", vgg(), sample("photos/fashion"), "-o", out.path(), "--save", all]
        .succeeded();
    assert_eq!(run.stdout.lines().count(), 10);
    let files = files_in(out.path());
    assert_eq!(files.len(), 41);
    for suffix in [".overlay.png", ".heatmap.png", ".relevance.npy", ".json"] {
        assert_eq!(files.iter().filter(|file| file.ends_with(suffix)).count(), 10);
    }
    let (shape, relevance) = read_npy(&out.path().join("coat.relevance.npy")).unwrap();
    assert_eq!(shape, [1, 28, 28]);
    let report = fs::read_to_string(out.path().join("coat.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let sum: f64 = relevance.iter().map(|value| f64::from(*value)).sum();
    assert!((sum - number(&report["relevance"]["input_sum"])).abs() < 1e-4);
    let overlay = image::open(out.path().join("coat.overlay.png")).unwrap();
    // By the whole number that makes it no smaller than 256.
    assert_eq!((overlay.width(), overlay.height()), (280, 280));
}

#[test]
fn a_report_says_everything() {
    let out = folder();
    let arguments = ["--json", "--target", "2", "--against", "coat"];
    let run = Run::from(
        command()
            .arg("explain")
            .arg(vgg())
            .arg(fashion_photo("coat.png"))
            .arg("-o")
            .arg(out.path())
            .args(arguments)
            .output()
            .unwrap(),
    )
    .succeeded();
    let objects = run.objects();
    let [report] = objects.as_slice() else { panic!("one result, one object") };
    assert_eq!(keys(report), KEYS);
    let written = fs::read_to_string(out.path().join("coat.json")).unwrap();
    assert_eq!(&serde_json::from_str::<Value>(&written).unwrap(), report);

    let prediction = report["prediction"].as_array().unwrap();
    assert_eq!(prediction.len(), 5);
    assert_eq!(keys(&prediction[0]), ["index", "label", "logit", "probability"]);
    assert_eq!(prediction[0]["label"], "Coat");
    assert!(number(&prediction[0]["probability"]) > 0.9);
    assert_eq!(report["target"]["index"], 2);
    assert_eq!(report["target"]["label"], "Pullover");
    assert_eq!(report["target"]["against"]["label"], "Coat");

    let relevance = &report["relevance"];
    assert_eq!(
        keys(relevance),
        ["absorbed_by_bias", "absorbed_by_stabilizer", "initial", "input_sum"]
    );
    let difference = number(&report["target"]["logit"]) - number(&prediction[0]["logit"]);
    assert!((number(&relevance["initial"]) - difference).abs() < 1e-4);
    let accounted: f64 = ["input_sum", "absorbed_by_bias", "absorbed_by_stabilizer"]
        .iter()
        .map(|key| number(&relevance[key]))
        .sum();
    assert!((accounted - difference).abs() < 1e-3, "{accounted} {difference}");

    assert_eq!(report["composite"], "vgg");
    assert_eq!(report["method"], "lrp");
    assert_eq!(report["canonization"][0]["pass"], "linear-batchnorm");
    assert_eq!(report["preprocessing"]["mean"][0], 0.286);
    assert_eq!(keys(&report["files"]), ["figure", "heatmap", "overlay", "report"]);
    assert_eq!(keys(&report["seconds"]), SECONDS);
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn several_targets_have_the_class_in_their_names() {
    let out = folder();
    let coat = fashion_photo("coat.png");
    let run = run![
        "explain",
        vgg(),
        &coat,
        "-o",
        out.path(),
        "--save",
        "report",
        "--json",
        "--target",
        "top:2,Coat,8"
    ]
    .succeeded();
    let indices: Vec<u64> =
        run.objects().iter().map(|object| object["target"]["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, [4, 2, 8]);
    assert_eq!(files_in(out.path()), ["coat.2.json", "coat.4.json", "coat.8.json"]);
    // A single one, by its label, does not.
    run!["explain", vgg(), &coat, "-o", out.path(), "--save", "report", "--target", "t-shirt/top"]
        .succeeded();
    assert_eq!(files_in(out.path()).len(), 4);
    assert!(out.path().join("coat.json").exists());
}

#[test]
fn initial_relevance_is_the_logit_or_that_less_the_mean_or_one() {
    let initial = |model: &str, options: &[&str]| {
        let out = folder();
        let mut command = command();
        command.arg("explain").arg(sample(model)).arg(fashion_photo("coat.png"));
        command.args(["--json", "--logits", "all", "-o"]).arg(out.path()).args(options);
        let run = Run::from(command.output().unwrap()).succeeded();
        let report = &run.objects()[0];
        let logits = report["logits"].as_array().unwrap();
        let mean = logits.iter().map(number).sum::<f64>() / logits.len() as f64;
        let logit = number(&report["target"]["logit"]);
        (number(&report["relevance"]["initial"]), logit, mean, report["initial"].clone())
    };
    let (vgg, resnet) = ("fashion_vgg.onnx", "fashion_resnet.onnx");
    let (whole, logit, _, word) = initial(vgg, &[]);
    assert!((whole - logit).abs() < 1e-5 && logit > 5.0 && word == "logit");
    let (centred, logit, mean, word) = initial(resnet, &[]);
    assert!((centred - (logit - mean)).abs() < 1e-5 && mean.abs() > 0.1 && word == "centred");
    let (whole, logit, ..) = initial(resnet, &["--initial", "logit"]);
    assert!((whole - logit).abs() < 1e-5);
    assert_eq!(initial(vgg, &["--initial", "one"]).0, 1.0);
    assert_eq!(initial(vgg, &["--initial", "one", "--against", "top"]).0, 0.0);
}

#[test]
fn canonization_leaves_the_prediction_alone() {
    let prediction = |options: &[&str]| {
        let mut command = command();
        command.arg("explain").arg(vgg()).arg(fashion_photo("bag.png")).arg("--json");
        let out = folder();
        command.arg("-o").arg(out.path()).args(["--composite", "epsilon-plus"]).args(options);
        let run = Run::from(command.output().unwrap()).succeeded();
        run.objects().remove(0)
    };
    let canonized = prediction(&[]);
    for options in [&["--no-canonize=linear-batchnorm"][..], &["--no-canonize"]] {
        let plain = prediction(options);
        let merged = plain["canonization"].as_array().unwrap();
        assert!(merged.iter().all(|report| report["pass"] != "linear-batchnorm"));
        for (a, b) in [0, 1].map(|n| (&canonized["prediction"][n], &plain["prediction"][n])) {
            assert_eq!(a["label"], b["label"]);
            assert!((number(&a["logit"]) - number(&b["logit"])).abs() < 1e-3);
        }
        // But not the relevance: a rule sees other layers.
        let sum = |report: &Value| number(&report["relevance"]["input_sum"]);
        assert!((sum(&canonized) - sum(&plain)).abs() > 1e-3);
    }
}

#[test]
fn a_tensor_is_explained_like_its_picture() {
    let out = folder();
    let coat = fashion_photo("coat.png");
    run!["explain", vgg(), &coat, "-o", out.path(), "--save", "relevance"].succeeded();
    let expected = read_npy(&out.path().join("coat.relevance.npy")).unwrap();

    let gray = image::open(&coat).unwrap().to_luma8();
    let value = |byte: u8| ((f64::from(byte) / 255.0 - 0.286) / 0.353) as f32;
    let values: Vec<f32> = gray.as_raw().iter().copied().map(value).collect();
    let range = format!("{},{}", value(0), value(255));
    // [C, H, W], the model's own shape, and NHWC.
    for shape in [vec![1, 28, 28], vec![1, 1, 28, 28], vec![28, 28, 1]] {
        let tensor = out.path().join("tensor.npy");
        write_npy(&tensor, &shape, &values, Overwrite::Replace).unwrap();
        let run = run![
            "explain",
            vgg(),
            &tensor,
            "-o",
            out.path(),
            "--save",
            "heatmap,relevance,overlay",
            "--input-range",
            &range,
            "--overwrite",
            "--json"
        ]
        .succeeded();
        assert!(run.stderr.contains("an overlay needs a picture"), "{}", run.stderr);
        assert_eq!(run.objects()[0]["preprocessing"], serde_json::json!({}));
        let found = read_npy(&out.path().join("tensor.relevance.npy")).unwrap();
        assert_eq!(found.0, expected.0);
        let worst = worst_error(&found.1, &expected.1);
        assert!(worst < 1e-5, "{worst}");
        assert!(out.path().join("tensor.heatmap.png").exists());
    }
    // By default what a tensor cannot give is left out without a word.
    let tensor = out.path().join("tensor.npy");
    let more = folder();
    let run =
        run!["explain", vgg(), &tensor, "-o", more.path(), "--input-range", &range].succeeded();
    assert!(!run.stderr.contains("overlay"), "{}", run.stderr);
    let files = ["tensor.figure.png", "tensor.heatmap.png", "tensor.json"];
    assert_eq!(files_in(more.path()), files);
}

#[test]
fn what_was_assumed_is_said() {
    let bare = folder();
    let model = bare.path().join("model.onnx");
    fs::copy(vgg(), &model).unwrap();
    let coat = fashion_photo("coat.png");
    let out = bare.path().join("out");
    let run = run!["explain", &model, &coat, "-o", &out].succeeded();
    assert!(run.stderr.contains("a guess: preset unit"), "{}", run.stderr);
    assert!(run.stderr.contains("composite: vgg (auto: "), "{}", run.stderr);
    assert!(run.stdout.contains("class 4") || run.stdout.contains("  4 "), "{}", run.stdout);
    assert!(
        run.stdout.contains("= pixels ") && run.stdout.contains(" + biases "),
        "{}",
        run.stdout
    );
    assert!(run.stderr.contains("the names of the classes are not known"), "{}", run.stderr);
    let quiet = run!["explain", &model, &coat, "-o", &out, "--overwrite", "--quiet"].succeeded();
    assert_eq!(quiet.stderr, "");
    // --preprocess replaces the steps of the card beside the model, but not its labels.
    let named =
        run!["explain", vgg(), &coat, "-o", &out, "--overwrite", "--preprocess", "unit", "--json"]
            .succeeded();
    let report = &named.objects()[0];
    assert_eq!(report["preprocessing"]["mean"][0], 0.0);
    assert!(report["prediction"][0]["label"].is_string());
}

#[test]
fn colours_follow_the_wish() {
    let out = folder();
    let coloured = |when: &str| {
        let run = run![
            "explain",
            vgg(),
            fashion_photo("coat.png"),
            "-o",
            out.path(),
            "--overwrite",
            "--color",
            when
        ];
        run.succeeded().stdout.contains('\u{1b}')
    };
    assert!(coloured("always"));
    assert!(!coloured("never"));
    assert!(!coloured("auto"));
}

#[test]
fn results_do_not_depend_on_the_threads() {
    let relevance = |threads: &str| {
        let out = folder();
        let photo = fashion_photo("shirt.png");
        run![
            "explain",
            vgg(),
            photo,
            "-o",
            out.path(),
            "--save",
            "relevance",
            "--threads",
            threads
        ]
        .succeeded();
        fs::read(out.path().join("shirt.relevance.npy")).unwrap()
    };
    assert_eq!(relevance("1"), relevance("2"));
}
