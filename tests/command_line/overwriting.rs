//! `--overwrite` replaces what onnxplain wrote: neither inputs nor files of others.

use std::fs;
use std::path::Path;

use super::{Run, command, contents, fashion_photo, files_in, folder, vgg};

fn overwrite(inputs: &[&Path], out: &Path, options: &[&str]) -> Run {
    let mut command = command();
    command.arg("explain").arg(vgg()).args(inputs).arg("-o").arg(out).arg("--overwrite");
    Run::from(command.args(options).output().unwrap())
}

#[test]
fn inputs_are_never_written_over() {
    let folder = folder();
    let [photo, heatmap] = ["a.png", "a.heatmap.png"].map(|name| folder.path().join(name));
    fs::copy(fashion_photo("coat.png"), &photo).unwrap();
    // Ours, from an earlier run, and now an input.
    overwrite(&[&photo], folder.path(), &[]).succeeded();
    let before = fs::read(&heatmap).unwrap();
    let run = overwrite(&[&photo, &heatmap], folder.path(), &["--colormap", "hot"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("a.heatmap.png is an input of this run"), "{}", run.stderr);
    assert_eq!(fs::read(&heatmap).unwrap(), before);
    assert!(folder.path().join("a.heatmap.json").exists());
}

#[test]
fn files_of_others_are_never_replaced() {
    let [coat, bag] = ["coat.png", "bag.png"].map(fashion_photo);
    let save = ["--save", "heatmap,relevance,report"];
    for name in ["coat.json", "coat.heatmap.png", "coat.relevance.npy"] {
        let out = folder();
        let path = out.path().join(name);
        fs::write(&path, "{\"annotations\": [1, 2]}").unwrap();
        let run = overwrite(&[&coat], out.path(), &save);
        assert_eq!(run.code, 2, "{name}: {}", run.stderr);
        assert!(run.stderr.contains("onnxplain did not write it"), "{}", run.stderr);
        assert_eq!(files_in(out.path()), [name]);
        // The other input of a batch is explained.
        let run = overwrite(&[&coat, &bag], out.path(), &save);
        assert_eq!(run.code, 1, "{name}: {}", run.stderr);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"annotations\": [1, 2]}");
        assert!(out.path().join("bag.json").exists());
    }
    let out = folder();
    let report = out.path().join("report.jsonl");
    fs::write(&report, "{\"id\": 1}\n{\"id\": 2}\n").unwrap();
    let run = overwrite(&[&coat, &bag], out.path(), &save);
    assert!(run.code == 2 && run.stderr.contains("onnxplain did not write it"), "{}", run.stderr);
    assert_eq!(files_in(out.path()), ["report.jsonl"]);
    assert_eq!(fs::read_to_string(&report).unwrap(), "{\"id\": 1}\n{\"id\": 2}\n");
}

#[test]
fn our_own_files_are_replaced() {
    let out = folder();
    let inputs = [fashion_photo("coat.png"), fashion_photo("bag.png")];
    let inputs = [inputs[0].as_path(), inputs[1].as_path()];
    let save = ["--save", "overlay,heatmap,relevance,report"];
    overwrite(&inputs, out.path(), &save).succeeded();
    let before = contents(out.path());
    overwrite(&inputs, out.path(), &[&save[..], &["--composite", "epsilon"]].concat()).succeeded();
    assert!(contents(out.path()) != before);
    overwrite(&inputs, out.path(), &save).succeeded();
    assert!(contents(out.path()) == before);
    let gallery = |options: &[&str]| {
        Run::from(command().arg("gallery").arg(out.path()).args(options).output().unwrap())
    };
    gallery(&[]).succeeded();
    gallery(&["--overwrite"]).succeeded();
    fs::write(out.path().join("gallery.html"), "<title>mine</title>").unwrap();
    let run = gallery(&["--overwrite"]);
    assert!(run.code == 2 && run.stderr.contains("onnxplain did not write it"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn what_a_killed_run_left_is_cleared() {
    let out = folder();
    let left = out.path().join(".onnxplain-abc123");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("lock"), "").unwrap();
    fs::write(left.join("0"), "half a fi").unwrap();
    overwrite(&[&fashion_photo("coat.png")], out.path(), &["--save", "report"]).succeeded();
    assert_eq!(files_in(out.path()), ["coat.json"]);
}
