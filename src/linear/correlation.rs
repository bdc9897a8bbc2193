//! Weight and geometry of a convolution that gathers, row by row: what its kernels are made of.

use anyhow::Result;

use super::Window;
use crate::tensor::Tensor;

/// Maps `[N, C, spatial...]` to `[N, C', spatial'...]`.
pub(super) type Kernel = Box<dyn Fn(&Tensor) -> Result<Tensor> + Send + Sync>;

/// Weight and geometry of a gathering convolution.
#[derive(Debug)]
pub(super) struct Correlation {
    /// `[O, I / groups, kernel...]`.
    pub weight: Tensor,
    pub groups: usize,
    pub window: Window,
}
