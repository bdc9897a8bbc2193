//! Explains the decisions of any ONNX image classifier with layer-wise relevance propagation.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod blocked;
mod cancellation;
pub mod canonize;
pub mod composite;
pub mod explain;
pub mod heatmap;
mod lanes;
pub mod linear;
pub mod method;
#[cfg_attr(not(target_arch = "x86_64"), path = "no_microkernel.rs")]
mod microkernel;
pub mod model;
pub mod network;
pub mod operator;
pub mod parallel;
mod room;
pub mod rule;
mod suggest;
pub mod tensor;
mod vector;
