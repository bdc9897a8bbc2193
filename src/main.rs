//! The `onnxplain` command.

fn main() {}
