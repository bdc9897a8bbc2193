//! `onnxplain finetune` and `onnxplain prune`, as somebody calls them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{GrayImage, Luma};

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-models/fashion_resnet.onnx")
}

/// Five pictures of every class but those of `without`, in folders that are called like it.
fn pictures(folder: &Path, without: &[usize]) -> PathBuf {
    let root = folder.join("pictures");
    for class in (0..10).filter(|class| !without.contains(class)) {
        let of_class = root.join(class.to_string());
        fs::create_dir_all(&of_class).unwrap();
        for index in 0..5u32 {
            let picture = GrayImage::from_fn(28, 28, |x, y| {
                let is_inside = (x * 3 + y * (class as u32 + 1) + index) % 11 < 5;
                Luma([if is_inside { 200 } else { 10 * class as u8 }])
            });
            picture.save(of_class.join(format!("{index}.png"))).unwrap();
        }
    }
    root
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_onnxplain")).args(arguments).output().unwrap()
}

/// Runs a command on the model and pictures in folders.
fn run_on(command: &str, data: &Path, output: &Path, more: &[&str]) -> Output {
    let model = model();
    let mut arguments = vec![command, model.to_str().unwrap(), data.to_str().unwrap()];
    arguments.extend(["--labels", "folder", "-o", output.to_str().unwrap()]);
    arguments.extend(more);
    run(&arguments)
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_trained_file_is_the_same_with_other_numbers_and_resuming_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path(), &[]);
    let train = |name: &str, epochs: &str, more: &[&str]| {
        let output = folder.path().join(name);
        let all =
            ["--epochs", epochs, "--schedule", "constant", "--layers", "^10\\.", "--batch", "7"];
        let done = run_on("finetune", &data, &output, &[&all, more].concat());
        assert!(done.status.success(), "{}", told(&done));
        output
    };
    let whole = train("whole.onnx", "2", &["--jobs", "1"]);
    let parts = train("parts.onnx", "1", &["--jobs", "3"]);
    assert_eq!(train("parts.onnx", "2", &["--resume"]), parts);
    let (before, after) = (fs::read(model()).unwrap(), fs::read(&whole).unwrap());
    assert_eq!(after, fs::read(&parts).unwrap());
    assert_eq!(before.len(), after.len());
    let changed: Vec<usize> = (0..before.len()).filter(|&at| before[at] != after[at]).collect();
    // 490 numbers of the head, in two tensors.
    let (first, last) = (changed[0], *changed.last().unwrap());
    assert!(changed.len() > 490 && last - first < 4 * 490 + 200, "{first} {last}");
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("whole.json")).unwrap()).unwrap();
    assert_eq!(report["parameters"]["numbers"], 490);
    assert_eq!(report["history"].as_array().unwrap().len(), 3);
    assert!(fs::read_to_string(folder.path().join("whole.html")).unwrap().contains("held out"));
}

#[test]
fn pruning_sets_the_share_to_zero() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path(), &[]);
    let prune = |name: &str, more: &[&str]| {
        let output = folder.path().join(name);
        let done = run_on("prune", &data, &output, &[more, &["--json"]].concat());
        assert!(done.status.success(), "{}", told(&done));
        let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        let sum = |key: &str| -> u64 {
            let layers = report["layers"].as_array().unwrap();
            layers.iter().map(|layer| layer[key].as_u64().unwrap()).sum()
        };
        (sum("count"), sum("pruned"))
    };
    for by in ["lfp", "relevance", "magnitude"] {
        let (count, pruned) = prune(&format!("{by}.onnx"), &["--share", "0.5", "--by", by]);
        assert_eq!(pruned, (count as f64 / 2.0).round() as u64);
        assert!(count > 70_000, "{count}");
    }
    let more = ["--share", "0.25", "--structured", "--by-layer", "--by", "relevance"];
    let (count, pruned) = prune("filters.onnx", &more);
    assert!(count > 200 && pruned * 4 == count, "{pruned} of {count}");
}

#[test]
fn what_does_not_fit_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path(), &[3]);
    let output = folder.path().join("new.onnx");
    let model = model();
    let fails = |more: &[&str]| {
        let mut arguments = vec!["finetune", model.to_str().unwrap(), data.to_str().unwrap()];
        arguments.extend(["-o", output.to_str().unwrap()]);
        arguments.extend(more);
        let done = run(&arguments);
        assert_eq!(done.status.code(), Some(2), "{}", told(&done));
        assert!(!output.exists());
        told(&done)
    };
    let folders = ["--labels", "folder"];
    let missing = fails(&folders);
    assert!(missing.contains("1 of 10 classes have no pictures: Dress"), "{missing}");
    let go_on =
        |more: &[&'static str]| fails(&[&folders[..], &["--missing-classes"], more].concat());
    assert!(go_on(&["--freeze", "."]).contains("everything is frozen"));
    assert!(go_on(&["--layers", "nothing"]).contains("matches no parameter"));
    assert!(go_on(&["--rule", "gradient", "--reward", "right"]).contains("no gradient"));
    assert!(go_on(&["--composite", "epsilon"]).contains("--rule"));
    assert!(go_on(&["--validation", "1.5"]).contains("from 0 to below 1"));
    assert!(go_on(&["--resume"]).contains("to go on with"));
    let table = folder.path().join("labels.csv");
    fs::write(&table, "input,label\n0/1.png,Boot of lead\n").unwrap();
    let table = table.to_str().unwrap();
    assert!(fails(&["--labels", table]).contains("have no label"));
    let own = run(&[
        "finetune",
        model.to_str().unwrap(),
        "x",
        "--labels",
        "folder",
        "-o",
        model.to_str().unwrap(),
    ]);
    assert!(told(&own).contains("is the model itself"), "{}", told(&own));
}

#[test]
fn files_of_others_beside_the_model_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path(), &[]);
    let output = folder.path().join("new.onnx");
    let train = ["--epochs", "1", "--layers", "^10\\."];
    let over = [&train[..], &["--overwrite"]].concat();
    let prune = ["--share", "0.5", "--by", "magnitude", "--overwrite"];
    for (ending, command, more) in [
        ("checkpoint", "finetune", &over[..]),
        ("json", "finetune", &over[..]),
        ("html", "finetune", &over[..]),
        ("json", "prune", &prune[..]),
    ] {
        let other = output.with_extension(ending);
        fs::write(&other, "{\"of\": \"somebody else\"}\n").unwrap();
        let done = run_on(command, &data, &output, more);
        assert_eq!(done.status.code(), Some(2), "{}", told(&done));
        let name = format!("new.{ending} exists already, and onnxplain did not write it");
        assert!(told(&done).contains(&name), "{}", told(&done));
        assert_eq!(fs::read_to_string(&other).unwrap(), "{\"of\": \"somebody else\"}\n");
        assert!(!output.exists());
        fs::remove_file(&other).unwrap();
        // The model and what lies beside it have different names.
        let same = run_on(command, &data, &output.with_extension(ending), more);
        assert!(told(&same).contains("give --output another ending"), "{}", told(&same));
    }
    // What an earlier run wrote is replaced.
    for more in [&train[..], &over[..]] {
        let done = run_on("finetune", &data, &output, more);
        assert!(done.status.success(), "{}", told(&done));
    }
}

#[test]
fn a_loss_that_is_not_finite_ends_the_training_and_the_best_network_stays() {
    let folder = tempfile::tempdir().unwrap();
    let data = pictures(folder.path(), &[]);
    let output = folder.path().join("new.onnx");
    let more = ["--rule", "gradient", "--learning-rate", "1e30", "--epochs", "3"];
    let done = run_on("finetune", &data, &output, &more);
    assert_eq!(done.status.code(), Some(1), "{}", told(&done));
    assert!(told(&done).contains("not finite") && told(&done).contains("epoch"), "{}", told(&done));
    // Nothing was better than the network before.
    assert_eq!(fs::read(&output).unwrap(), fs::read(model()).unwrap());
}
