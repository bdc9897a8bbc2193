//! What is said: in one form, in plain words, and with nothing in it that a stranger's name could do to a terminal.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Run, command, fashion_photo, folder, run, vgg};

/// A folder with the small VGG as `model.onnx`, and these files beside it.
fn beside_model(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let folder = folder();
    let model = folder.path().join("model.onnx");
    fs::copy(vgg(), &model).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    (folder, model)
}

fn explain(model: &Path, options: &[&str]) -> Run {
    let out = folder();
    let mut command = command();
    command.arg("explain").arg(model).arg(fashion_photo("coat.png")).arg("-o").arg(out.path());
    Run::from(command.args(options).output().unwrap())
}

fn names(count: usize) -> String {
    (0..count).map(|number| format!("name {number}\n")).collect()
}

#[test]
fn labels_that_do_not_fit_are_an_error() {
    for count in [9, 11, 3] {
        let labels = names(count);
        let (folder, model) =
            beside_model(&[("model.yaml", "labels: names.txt\n"), ("names.txt", &labels)]);
        let run = explain(&model, &[]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        let said = format!("there are {count} labels, but the network has 10 outputs");
        assert!(run.stderr.contains(&said) && run.stderr.contains("model card "), "{}", run.stderr);
        let run = explain(&model, &["--labels", "none", "--target", "4", "--json"]).succeeded();
        assert!(run.objects()[0]["target"]["label"].is_null());
        let names = folder.path().join("names.txt");
        assert_eq!(explain(&model, &["--labels", names.to_str().unwrap()]).code, 2);
        run!["inspect", &model].succeeded();
    }
    let config = r#"{"id2label": {"0": "a", "1": "b"}}"#;
    let (_folder, model) = beside_model(&[("config.json", config)]);
    let run = explain(&model, &[]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("config.json do not fit the model"), "{}", run.stderr);
}

#[test]
fn a_number_that_is_the_name_of_another_class_is_told() {
    let digits: String = (0..10).rev().map(|number| format!("{number}\n")).collect();
    let (_folder, model) =
        beside_model(&[("model.yaml", "labels: names.txt\n"), ("names.txt", &digits)]);
    let run = explain(&model, &["--target", "8", "--json"]).succeeded();
    let report = run.objects().remove(0);
    assert_eq!(report["target"]["index"], 8);
    assert_eq!(report["target"]["label"], "1");
    let said = "8 is taken as the class number, which is that of \"1\"; the class that is called \"8\" has the number 1";
    let notes = report["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note == said), "{report}");
    assert!(run.stderr.contains(said), "{}", run.stderr);
}

#[test]
fn logits_that_a_card_calls_probabilities_are_told() {
    let (_folder, model) = beside_model(&[("model.yaml", "output: probabilities\n")]);
    let run = explain(&model, &["--json"]).succeeded();
    let report = run.objects().remove(0);
    let warnings = report["warnings"].as_array().unwrap();
    let is_told = |text: &serde_json::Value| text.as_str().unwrap().contains("no probabilities");
    assert!(warnings.iter().any(is_told), "{report}");
    assert!(run.stderr.contains("`output: probabilities` in the model card is wrong"));
    assert_eq!(report["explained"], "logit");
    for class in report["prediction"].as_array().unwrap() {
        assert!((0.0..=1.0).contains(&class["probability"].as_f64().unwrap()), "{class}");
    }
}

#[test]
fn a_card_names_files_of_its_folder_only() {
    for labels in ["/etc/passwd", "../secret.txt"] {
        let card = format!("labels: {labels}\n");
        let (_folder, model) = beside_model(&[("model.yaml", &card)]);
        fs::write(model.parent().unwrap().join("../secret.txt"), names(10)).unwrap();
        let run = explain(&model, &[]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains("outside the folder of the card"), "{}", run.stderr);
        assert!(run.stderr.contains("model.yaml:1:1: labels"), "{}", run.stderr);
    }
}

#[test]
fn errors_of_cards_and_composites_have_one_form() {
    let rule =
        |rule: &str| format!("name: my\nrules:\n  - when: {{ kind: convolution }}\n    {rule}\n");
    for (text, expected) in [
        (rule("rule: z-plsu"), ":4:11: rules[0].rule: unknown rule `z-plsu`"),
        (rule("rule: z-plsu"), "did you mean `z-plus`?"),
        (rule("rule: gamma: 0.5"), "write `rule: { gamma: 0.5 }`"),
        (rule("rule: { gamma: { gama: 1 } }"), "did you mean `gamma`?"),
        (rule("rule: 3"), ":4:11: rules[0].rule: expected a rule: its name"),
        (
            rule("rule: { z-box: { low: 1, high: 0 } }"),
            ":4:11: rules[0].rule: low must not be above",
        ),
        ("stabilizer: some\nname: my\nrules: []\n".into(), ":1:13: stabilizer: expected a stab"),
        ("canonize: [no-op]\nname: my\nrules: []\n".into(), "did you mean `no-ops`?"),
        (rule("rule: flat\n    depth: 3"), "unknown field `depth`"),
        ("name: my\nrules: {}\n".into(), ":2:8: rules: expected a list, not a mapping"),
        ("name: my\n".into(), "missing field `rules`"),
        (
            "rules:\n- when: { kind: convolutoin }\n  rule: flat\nname: x\n".into(),
            "did you mean `convolution`?",
        ),
    ] {
        let (folder, model) = beside_model(&[("my.yaml", &text)]);
        let run =
            explain(&model, &["--composite", folder.path().join("my.yaml").to_str().unwrap()]);
        assert_eq!(run.code, 2, "{text}\n{}", run.stderr);
        assert!(
            run.stderr.contains("my.yaml:") && run.stderr.contains(expected),
            "{text}\n{}",
            run.stderr
        );
    }
    for (name, text, expected) in [
        ("model.yaml", "input: { resize: { short-edge: 3 } }", "model.yaml:1:"),
        ("model.yaml", "input:\n  mean: [0.1, 0.2]", "model.yaml:2:3: input: mean has 2 values"),
        ("model.yaml", "input:\n  layout: NCWH", "did you mean `NCHW`?"),
        ("model.yaml", "lr: 0.1\nepochs: 3", "--preprocess"),
        (
            "preprocessor_config.json",
            "{\"do_resize\": true,\n\"size\": {\"edge\": 3}}",
            "preprocessor_config.json:2:",
        ),
        (
            "preprocessor_config.json",
            "{\"do_resize\": true, \"size\": 3,\n \"resample\": 9}",
            "config.json:2:3: resample 9",
        ),
        ("config.json", "{\"id2label\": [", "config.json:1:"),
    ] {
        let (_folder, model) = beside_model(&[(name, text)]);
        let run = explain(&model, &[]);
        assert_eq!(run.code, 2, "{text}\n{}", run.stderr);
        assert!(run.stderr.contains(expected), "{text}\n{}", run.stderr);
        for rust in ["untagged", "struct ", "enum ", "variant", "usize", "f64"] {
            assert!(!run.stderr.contains(rust), "`{rust}` in {}", run.stderr);
        }
        explain(&model, &["--preprocess", "unit", "--labels", "none"]).succeeded();
    }
}

#[test]
fn classes_are_counted_from_0() {
    for options in [&["--target=-1"][..], &["--target", "-1"], &["--against=-2"]] {
        let run = explain(&vgg(), options);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains("classes are counted from 0 to 9"), "{}", run.stderr);
    }
}

#[test]
fn kinds_of_jpeg_that_are_not_read_are_no_damage() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures/restart.jpg");
    let whole = fs::read(path).unwrap();
    let frame = whole.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    for (at, byte, word) in [(1, 0xC3, "lossless"), (1, 0xC9, "arithmetic"), (4, 12, "12 bits")] {
        let mut bytes = whole.clone();
        bytes[frame + at] = byte;
        let folder = folder();
        let path = folder.path().join("a.jpg");
        fs::write(&path, bytes).unwrap();
        let run = run!["explain", vgg(), &path, "-o", folder.path()];
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(
            run.stderr.contains(word) && run.stderr.contains("not supported"),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains("damaged"), "{}", run.stderr);
    }
}

#[test]
fn names_do_nothing_to_a_terminal() {
    let labels = "\u{1b}]0;title\u{7}\u{1b}[31mred\n".to_string() + &names(9);
    let (folder, model) =
        beside_model(&[("model.yaml", "labels: names.txt\n"), ("names.txt", &labels)]);
    let photo = folder.path().join("\u{1b}[2J\u{9b}31m.png");
    fs::copy(fashion_photo("coat.png"), &photo).unwrap();
    let missing = folder.path().join("\u{1b}[5mmissing.png");
    let out = folder.path().join("out");
    for options in [&[][..], &["--json"], &["--verbose"]] {
        let mut command = command();
        command.env_remove("NO_COLOR").arg("explain").arg(&model).arg(&photo).arg(&missing);
        command.args(["--target", "0", "--color=always", "--overwrite", "-o"]).arg(&out);
        let run = Run::from(command.args(options).output().unwrap());
        assert_eq!(run.code, 1, "{}", run.stderr);
        let said = run.stdout + &run.stderr;
        for raw in ["\u{1b}[2J", "\u{1b}]", "\u{1b}[31mred", "\u{1b}[5m", "\u{7}", "\u{9b}"] {
            assert!(!said.contains(raw), "{raw:?} in {said:?}");
        }
        // Our own colours are still there.
        assert!(said.contains("\u{1b}[1m\u{1b}[31merror:"), "{said:?}");
    }
    let run = run!["explain", &model, "--\u{1b}[2J", "--color=always"];
    assert!(run.code == 2 && !run.stderr.contains("\u{1b}[2J"), "{:?}", run.stderr);
}

/// An argument that is not UTF-8.
#[cfg(unix)]
fn not_text() -> &'static std::ffi::OsStr {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(b"caf\xe9")
}

#[cfg(unix)]
#[test]
fn arguments_that_are_not_text_never_panic() {
    let mut paths = vec![];
    for command in
        ["explain", "gallery", "inspect", "check", "presets", "demo", "completions", "man"]
    {
        paths.push(run![command, not_text()]);
        paths.push(run![not_text(), command]);
        paths.push(run![command, "--color", not_text()]);
    }
    for option in ["--composite", "--preprocess", "--target", "--labels", "--base", "--include"] {
        paths.push(run!["explain", vgg(), fashion_photo("coat.png"), option, not_text()]);
    }
    for run in paths {
        assert!(run.code != 101 && !run.stderr.contains("panicked"), "{}", run.stderr);
        assert!(run.code == 2 && run.stderr.contains("error: "), "{} {}", run.code, run.stderr);
    }
    // A path may be anything.
    let folder = folder();
    let photo = folder.path().join(not_text());
    fs::copy(fashion_photo("coat.png"), &photo).unwrap();
    run!["explain", vgg(), &photo, "-o", folder.path().join("out")].succeeded();
}

#[test]
fn the_short_help_fits_a_screen() {
    for command in ["explain", "gallery", "inspect", "check", "presets"] {
        let run = run![command, "-h"].succeeded();
        let lines = run.stdout.lines().count();
        assert!(
            lines <= 40 && (command != "explain" || lines <= 24),
            "{command}: {lines} lines\n{}",
            run.stdout
        );
        let long = run![command, "--help"].succeeded();
        assert!(long.stdout.lines().count() >= lines, "{command}");
    }
    let run = run!["explain", "-h"].succeeded();
    assert!(run.stdout.contains("`onnxplain explain --help` shows everything"), "{}", run.stdout);
    let run = run!["explain", "--help"].succeeded();
    assert!(run.stdout.contains("jq '.prediction[0].label'"), "{}", run.stdout);
}
