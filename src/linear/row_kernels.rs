//! Which kernel computes a convolution on row-major planes.

use anyhow::Result;

use super::correlation::{Correlation, Kernel};
use super::{direct, tract_convolution};
use crate::tensor::Tensor;

/// The kernel of the convolution; `bias` has one number per output channel.
pub(super) fn forward(correlation: &Correlation, bias: Option<Tensor>) -> Result<Kernel> {
    match direct::forward(correlation, bias.as_ref()) {
        Some(kernel) => Ok(kernel),
        None => tract_convolution::forward(correlation, bias),
    }
}
