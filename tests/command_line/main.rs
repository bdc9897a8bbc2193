//! The command line through the binary: what scripts rely on, and what people see when something is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_inputs;
mod batches;
mod chromium;
mod compare;
mod compile;
mod cookbook;
mod demo;
mod evaluate;
mod evaluate_goldens;
mod evaluate_page;
mod explain;
mod figures;
mod gallery;
mod hostile;
mod inputs;
mod inspect_and_check;
mod layers;
mod localization;
mod maximize;
mod model_inputs;
mod overwriting;
mod resume;
mod sanity;
mod sanity_goldens;
mod sanity_page;
mod search;
#[path = "../support/mod.rs"]
mod support;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use support::programs::skip_without;
use tempfile::TempDir;

/// A file of `sample-models`.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-models").join(name)
}

fn vgg() -> PathBuf {
    sample("fashion_vgg.onnx")
}

fn fashion_photo(name: &str) -> PathBuf {
    sample("photos/fashion").join(name)
}

/// A run of the binary that has ended.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Run {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Run {
            code: output.status.code().expect("the process was killed"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// The binary, without the colours and backtraces that the environment of the tests may ask for.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onnxplain"));
    command.env_remove("RUST_BACKTRACE").env_remove("CLICOLOR_FORCE").env("NO_COLOR", "1");
    command
}

/// Runs the binary with arguments, which may be paths or words.
macro_rules! run {
    ($($argument:expr),* $(,)?) => {
        crate::Run::from(crate::command()$(.arg($argument))*.output().unwrap())
    };
}
pub(crate) use run;

impl Run {
    /// Asserts that all was done.
    fn succeeded(self) -> Run {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self
    }

    /// The objects of `--json`.
    fn objects(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The files below a folder, as sorted relative paths.
fn files_in(folder: &Path) -> Vec<String> {
    let mut found = vec![];
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// The contents of all files below a folder; the seconds in reports are left out.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let seconds = regex::bytes::Regex::new(r#""seconds":\s*\{[^}]*\}"#).unwrap();
    let read = |name: String| {
        let bytes = std::fs::read(folder.join(&name)).unwrap();
        let is_report = name.ends_with(".json") || name.ends_with(".jsonl");
        let bytes = if is_report { seconds.replace_all(&bytes, &b""[..]).into() } else { bytes };
        (name, bytes)
    };
    files_in(folder).into_iter().map(read).collect()
}

/// The lines of a report.
fn report(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "the last line of the report is torn");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The lines of reports together, sorted.
fn sorted_lines(paths: &[PathBuf]) -> Vec<String> {
    let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    let text: String = paths.iter().map(read).collect();
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    lines.sort();
    lines
}

/// The inputs that a report tells of, in its order.
fn reported_inputs(path: &Path) -> Vec<String> {
    report(path).iter().map(|line| line["input"].as_str().unwrap().to_string()).collect()
}

/// `count` pictures in two folders, copies of the sample photos.
fn photos(count: usize) -> TempDir {
    let photos = folder();
    let names = ["coat", "bag", "dress", "sandal", "shirt", "sneaker", "trouser"];
    for number in 0..count {
        let source = fashion_photo(&format!("{}.png", names[number % names.len()]));
        let below = photos.path().join(if number % 3 == 0 { "a" } else { "b" });
        std::fs::create_dir_all(&below).unwrap();
        std::fs::copy(source, below.join(format!("{number:03}.png"))).unwrap();
    }
    photos
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}
