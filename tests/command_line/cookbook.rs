//! Every recipe of `docs/cookbook.md` is run as it stands.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::{contents, fashion_photo, folder, report, sample, skip_without};

/// The code blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cookbook.md");
    let text = fs::read_to_string(path).unwrap();
    let begin = format!("```{language}\n");
    text.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap().to_string()).collect()
}

/// The folder that the cookbook describes; a coat lies among the shirts.
fn kitchen() -> tempfile::TempDir {
    let kitchen = folder();
    for extension in ["onnx", "yaml"] {
        let model = sample(&format!("fashion_vgg.{extension}"));
        fs::copy(model, kitchen.path().join(format!("model.{extension}"))).unwrap();
    }
    fs::copy(sample("fashion.txt"), kitchen.path().join("fashion.txt")).unwrap();
    let photos = [
        ("Coat", "coat"),
        ("Bag", "bag"),
        ("Dress", "dress"),
        ("Shirt", "coat"),
        ("Shirt", "shirt"),
    ];
    for (number, (class, name)) in photos.into_iter().enumerate() {
        let below = kitchen.path().join("photos").join(class);
        fs::create_dir_all(&below).unwrap();
        let photo = below.join(format!("{}.png", number + 1));
        fs::copy(fashion_photo(&format!("{name}.png")), photo).unwrap();
    }
    for (from, to) in [
        ("tokens.onnx", "text.onnx"),
        ("tokens.input_ids.npy", "ids.npy"),
        ("tokens.attention_mask.npy", "mask.npy"),
        ("tokens.token_type_ids.npy", "segments.npy"),
    ] {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/inputs").join(from);
        fs::copy(golden, kitchen.path().join(to)).unwrap();
    }
    kitchen
}

fn shell(kitchen: &Path, script: &str, variables: &[(&str, &str)]) -> Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_onnxplain")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(kitchen).env("PATH", path);
    // GNU parallel asks for a citation once per home folder.
    command.env("NO_COLOR", "1").env("HOME", kitchen).envs(variables.iter().copied());
    command.output().unwrap()
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output();
    found.is_ok_and(|output| output.status.success())
}

#[test]
fn every_recipe_works() {
    if let Some(missing) = ["jq", "parallel"].into_iter().find(|program| !has(program)) {
        return skip_without(missing, missing);
    }
    let kitchen = kitchen();
    let recipes = blocks("sh");
    assert!(recipes.len() >= 10);
    for recipe in recipes {
        let Output { status, stdout, stderr } = shell(kitchen.path(), &recipe, &[]);
        let told = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(status.success(), "{recipe}\n{}", told.join("\n"));
    }
    let kitchen = kitchen.path();
    let lines = |name: &str| report(&kitchen.join(name)).len();
    assert!(kitchen.join("one/1.overlay.png").exists());
    assert!(kitchen.join("paper/1.figure.pdf").exists());
    assert!(kitchen.join("text/ids.input_ids.overlay.png").exists());
    assert!(kitchen.join("words/ids.relevance.npy").exists());
    assert_eq!(lines("out/report.jsonl"), 5);
    assert_eq!(lines("some/report.jsonl"), 4);
    assert!(kitchen.join("recent/report.jsonl").exists());
    assert_eq!(fs::read_to_string(kitchen.join("wrong.txt")).unwrap(), "photos/Shirt/4.png\n");
    assert_eq!(lines("wrong/report.jsonl"), 2);
    assert!(kitchen.join("wrong/photos/Shirt/4.4.overlay.png").exists());
    assert_eq!(lines("presets/report.jsonl"), 10);
    assert!(kitchen.join("grid/1.4.lrp.epsilon-plus-flat.overlay.png").exists());
    assert!(kitchen.join("grid/1.figure.png").exists());
    assert_eq!(lines("loop/report.jsonl"), 5);
    let renamed = |name: &str| {
        let files = contents(&kitchen.join(name)).into_iter();
        let pictures = files.filter(|(file, _)| file.ends_with(".png"));
        pictures.collect::<Vec<_>>()
    };
    assert_eq!(renamed("out").len(), 10);
    for same in ["night", "loop", "cluster"] {
        assert!(renamed(same) == renamed("out"), "{same} differs");
    }
    assert_eq!(lines("cluster/report.jsonl"), 5);
}

#[test]
fn the_array_job_covers_all() {
    let kitchen = kitchen();
    let scripts = blocks("bash");
    let [script] = scripts.as_slice() else { panic!("one script") };
    for task in ["1", "2", "3", "4"] {
        let variables = [("SLURM_ARRAY_TASK_ID", task), ("SLURM_ARRAY_TASK_COUNT", "4")];
        let output = shell(kitchen.path(), script, &variables);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let reports = (1..=4).map(|task| format!("array/report.{task}-of-4.jsonl"));
    let lines: usize = reports.map(|name| report(&kitchen.path().join(name)).len()).sum();
    assert_eq!(lines, 5);
}
