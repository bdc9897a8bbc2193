//! The kernels of onnxplain: convolutions, matrix products and poolings on slices of `f32`, in both
//! directions, with SIMD and threads.
//!
//! Slices in, slices out; what a kernel writes completely is an [`Output`]. Nothing here knows tensors, networks or relevance rules: what becomes of the sums
//! of a kernel is passed in as a [`nchwc::Epilogue`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod cancellation;
pub mod elementwise;
pub mod gemm;
pub mod gemv;
pub mod geometry;
pub mod microkernel;
pub mod nchw;
pub mod nchwc;
pub mod output;
mod prefetch;
#[cfg(test)]
mod reference;
mod scratch;
pub mod simd;
pub mod threads;
pub mod weight_gradient;

pub use output::Output;
pub use scratch::AlignedBuf;

use std::fmt;

/// Operands whose sizes do not fit each other, or that are too large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeError(String);

impl SizeError {
    pub(crate) fn new(message: impl Into<String>) -> SizeError {
        SizeError(message.into())
    }
}

impl fmt::Display for SizeError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for SizeError {}
