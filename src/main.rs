//! The `onnxplain` command: parse, dispatch, exit code. The commands are in `cli`, what they do is in the library.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod allocator;
mod cli;

fn main() -> std::process::ExitCode {
    allocator::keep_pages();
    cli::main()
}
