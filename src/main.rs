//! The `onnxplain` command: parse, dispatch, exit code. The commands are in `cli`, what they do is in the library.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod allocator;
mod cli;

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::keep_pages();
    let words: Vec<OsString> = std::env::args_os().collect();
    ExitCode::from(cli::run_words(&words))
}
