//! The `onnxplain` command: parse, dispatch, exit code. The commands are in `cli`, what they do is in the library.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod allocator;
mod cli;

use std::process::ExitCode;

use onnxplain_kernels::simd::Isa;

fn main() -> ExitCode {
    allocator::keep_pages();
    if let Err(error) = Isa::from_environment() {
        eprintln!("error: {error}");
        return ExitCode::from(2);
    }
    cli::main()
}
