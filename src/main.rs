//! The `onnxplain` command: parse, dispatch, exit code. The commands are in `cli`, what they do is in the library.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod cli;

/// Activations and relevance are large tensors that come and go: the system's allocator hands their
/// pages back and faults them in again, which took a tenth of a ResNet-50's time and a fifth of VGG-16's.
///
/// Built without transparent huge pages (`no_thp`): they are cleared whole, used or not, and where a virtual machine
/// hands free memory back to its host, huge ones are what it hands back. One picture of a ResNet-50 took twice as long.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
