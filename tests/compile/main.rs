//! Explainers compiled to ONNX graphs: run by tract, they compute what the engine computes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod forms;
mod samples;
#[path = "../support/mod.rs"]
mod support;
