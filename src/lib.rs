//! Explains the decisions of any ONNX image classifier with layer-wise relevance propagation.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod blocked;
mod cancellation;
pub mod canonize;
pub mod composite;
pub mod explain;
mod geometry;
pub mod heatmap;
pub mod io;
mod lanes;
pub mod linear;
pub mod method;
pub mod metric;
#[cfg_attr(not(target_arch = "x86_64"), path = "no_microkernel.rs")]
mod microkernel;
pub mod network;
pub mod onnx;
pub mod operator;
pub mod parallel;
pub mod picture;
mod plane;
mod random;
mod room;
pub mod rule;
mod suggest;
pub mod tensor;
mod vector;
