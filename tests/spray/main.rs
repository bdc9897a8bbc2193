//! `spray`, `probe` and `select` through the binary, on two networks that look at what they should not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod beds;
#[path = "../command_line/chromium.rs"]
mod chromium;
mod frame;
mod page;
#[path = "../support/programs.rs"]
mod programs;
mod refusals;
mod repeated;
mod tag;
mod virelay;

use std::path::Path;
use std::process::{Command, Output};

use programs::skip_without;
use serde_json::Value;
use tempfile::TempDir;

/// A run of the binary in a folder, with its exit code.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(output: Output) -> Run {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Run { code: output.status.code().unwrap(), stdout, stderr }
    }

    /// Asserts that all was done.
    #[track_caller]
    fn succeeded(self) -> Run {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that nothing could be done, and what is said about it.
    #[track_caller]
    fn refused(self, words: &[&str]) {
        assert_eq!(self.code, 2, "{}{}", self.stdout, self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "no \"{word}\" in: {}", self.stderr);
        }
    }

    /// The objects of `--json`.
    fn objects(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs the binary in a folder, with arguments that have spaces between them.
fn onnxplain(place: &Path, arguments: &str) -> Run {
    onnxplain_with(place, &arguments.split_whitespace().collect::<Vec<_>>())
}

fn onnxplain_with(place: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onnxplain"));
    command.env_remove("RUST_BACKTRACE").env_remove("CLICOLOR_FORCE").env("NO_COLOR", "1");
    Run::of(command.current_dir(place).args(arguments).output().unwrap())
}

/// The lines of a file of JSON.
fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The suspects of a folder, the first the most suspicious.
fn suspects(folder: &Path) -> Vec<Value> {
    let lines = lines(&folder.join("spray.jsonl")).into_iter();
    lines.filter(|line| line.get("suspect").is_some()).collect()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}
