//! Weight and geometry of a convolution on row-major tensors, from which its kernels are made.

use anyhow::Result;
use onnxplain_kernels::nchw;

use super::Window;
use crate::tensor::Tensor;

/// Maps `[N, C, spatial...]` to `[N, C', spatial'...]`.
pub(super) type Kernel = Box<dyn Fn(&Tensor) -> Result<Tensor> + Send + Sync>;

/// Weight and geometry of a convolution, in its forward direction.
#[derive(Debug)]
pub(super) struct Correlation {
    /// `[O, I / groups, kernel...]`.
    pub weight: Tensor,
    pub groups: usize,
    pub window: Window,
}

impl Correlation {
    /// The same, for the kernel crate, which reads slices.
    pub fn of_slices(&self) -> nchw::Correlation<'_> {
        nchw::Correlation {
            weights: self.weight.data(),
            filters: self.weight.shape()[0],
            groups: self.groups,
            window: &self.window,
        }
    }

    /// `[1, I, spatial...]`.
    pub fn input_shape(&self) -> Vec<usize> {
        let channels = self.groups * self.weight.shape()[1];
        [1, channels].into_iter().chain(self.window.input_shape()).collect()
    }

    /// `[1, O, spatial'...]`.
    pub fn output_shape(&self) -> Vec<usize> {
        [1, self.weight.shape()[0]].into_iter().chain(self.window.output_shape()).collect()
    }
}
