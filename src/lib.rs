//! Explains the decisions of any ONNX image classifier with layer-wise relevance propagation.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod canonize;
pub mod composite;
pub mod explain;
pub mod heatmap;
pub mod io;
pub mod linear;
pub mod method;
pub mod metric;
pub mod network;
pub mod onnx;
pub mod operator;
pub mod parallel;
pub mod picture;
mod plane;
mod random;
pub mod rule;
mod suggest;
pub mod tensor;
