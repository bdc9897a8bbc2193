//! `inspect`, `check`, `presets`, and what every program has.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::{command, fashion_photo, folder, run, sample, vgg};

const MODELS: [&str; 6] = [
    "fashion_vgg.onnx",
    "fashion_resnet.onnx",
    "fashion_mobilenet.onnx",
    "fashion_densenet.onnx",
    "fashion_inception.onnx",
    "efficientnet_lite0.onnx",
];

#[test]
fn inspect_lists_the_layers_and_their_rules() {
    let run = run!["inspect", vgg()].succeeded();
    for text in [
        "convolution",
        "max-pool",
        "dense",
        "activation (relu)",
        "z-box",
        "gamma γ=0.25",
        "composite   vgg",
    ] {
        assert!(run.stdout.contains(text), "`{text}` is missing in:\n{}", run.stdout);
    }
    let layers = |options: &[&str]| {
        let output = command().arg("inspect").arg(vgg()).arg("--json").args(options).output();
        let run = super::Run::from(output.unwrap()).succeeded();
        run.objects()[0]["layers"].as_array().unwrap().clone()
    };
    let canonized = layers(&[]);
    let first = canonized.iter().find(|layer| layer["kind"] == "convolution").unwrap();
    assert_eq!(first["rule"], "z-box");
    assert_eq!(first["shape"][0], 1);
    assert!(first["parameters"].as_u64().unwrap() > 9);
    let plain = layers(&["--no-canonize", "--composite", "epsilon-plus"]);
    assert!(plain.len() >= canonized.len() + 6);
    assert!(plain.iter().any(|layer| layer["kind"] == "normalization"));
}

#[test]
fn every_sample_model_passes_the_check() {
    for model in MODELS {
        let run = run!["check", sample(model), "--json"].succeeded();
        let verdicts = &run.objects()[0];
        assert_eq!(verdicts["function"]["is_unchanged"], true);
        assert_eq!(verdicts["conservation"]["is_conserved"], true);
        let compared = verdicts["function"]["comparisons"].as_array().unwrap();
        let against_the_file =
            |one: &&serde_json::Value| one["what"].as_str().unwrap().contains("against tract");
        assert_eq!(compared.iter().filter(against_the_file).count(), 2);
        assert!(verdicts["conservation"]["layers"].as_array().unwrap().len() > 8, "{model}");
    }
}

#[test]
fn check_takes_pictures_and_composites() {
    let run = run!["check", vgg(), fashion_photo("coat.png"), "--composite", "epsilon-plus-flat"]
        .succeeded();
    assert!(
        run.stdout.contains("linear-batchnorm") && run.stdout.contains("epsilon-plus-flat"),
        "{}",
        run.stdout
    );
    // The gradient conserves nothing, and nobody claims that it does.
    let run = run!["check", vgg(), "--composite", "gradient"].succeeded();
    assert!(run.stdout.contains("conserv"), "{}", run.stdout);
}

#[test]
fn presets_are_listed_and_shown() {
    let list = run!["presets"].succeeded();
    let names: Vec<&str> =
        list.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() >= 12 && names.contains(&"epsilon-plus-flat"), "{names:?}");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in names {
        let shown = run!["presets", "show", name].succeeded();
        let file = std::fs::read_to_string(root.join(format!("rules/{name}.yaml"))).unwrap();
        assert_eq!(shown.stdout, file);
    }
    let wrong = run!["presets", "show", "epsilon-pluss"];
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("'epsilon-plus'"), "{}", wrong.stderr);
    // What is shown can be used.
    let folder = folder();
    let path = folder.path().join("mine.yaml");
    std::fs::write(&path, run!["presets", "show", "gamma"].stdout).unwrap();
    run!["inspect", vgg(), "--composite", &path].succeeded();
}

#[test]
fn rules_are_listed_with_their_settings() {
    let list = run!["presets", "rules"].succeeded().stdout;
    for rule in onnxplain::rule::RULES {
        assert!(list.contains(rule.name) && list.contains(rule.about), "{}: {list}", rule.name);
    }
    assert!(list.contains("gamma (0.25), stabilizer, bias"), "{list}");
    let objects = run!["presets", "rules", "--json"].succeeded().objects();
    assert_eq!(objects.len(), onnxplain::rule::RULES.len());
    let z_box = objects.iter().find(|rule| rule["name"] == "z-box").unwrap();
    assert_eq!(z_box["settings"], serde_json::json!(["low", "high", "stabilizer"]));
}

#[test]
fn every_command_has_help_with_examples() {
    for command in ["explain", "inspect", "check", "presets", "gallery"] {
        let help = run![command, "--help"].succeeded().stdout;
        assert!(
            help.contains("Examples:")
                && (help.contains("--composite") || ["presets", "gallery"].contains(&command)),
            "{help}"
        );
    }
    let help = run!["explain", "--help"].succeeded().stdout;
    for default in [
        "[default: auto]",
        "[default: top]",
        "[default: the composite's]",
        "[default: coldnhot; ",
        "[default: 0.8; 0.6 where",
    ] {
        assert!(help.contains(default), "`{default}` is missing");
    }
    let version = run!["--version"].succeeded().stdout;
    assert_eq!(version.trim(), format!("onnxplain {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(run!["completions", shell].succeeded().stdout.contains("composite"));
    }
    assert!(run!["man"].succeeded().stdout.starts_with(".ie"));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = command()
        .arg("inspect")
        .arg(sample("fashion_densenet.onnx"))
        .arg("--json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut errors = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    while stderr.read_line(&mut errors).unwrap() > 0 {}
    assert_eq!(child.wait().unwrap().code(), Some(0), "{errors}");
    assert!(!errors.contains("panicked") && !errors.contains("error"), "{errors}");
}
