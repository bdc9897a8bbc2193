//! Linear maps and their transposes: the arithmetic under every relevance rule.
//!
//! A [`LinearMap`] is `y = W x + b`; how `W` is stored is hidden. It makes kernels that compute `W x` and `Wᵀ s` with the
//! weights, or with a part of them (`W⁺`, `W²`, ...), as relevance rules need them. Each map has a file of its own.
//! Nothing here depends on rules.

mod blocked_kernel;
mod broadcast;
mod convolution;
mod convolution_transposed;
mod correlation;
mod dense;
mod depthwise;
mod direct;
mod part;
mod plan;
mod pooling;
mod reduction;
mod resampling;
mod row_kernels;
mod sum;
mod tract_convolution;
mod weight;
mod weight_gradient;

use std::fmt::Debug;

use anyhow::Result;

pub(crate) use blocked_kernel::BlockedKernel;
pub use broadcast::Broadcast;
pub use convolution::Convolution;
pub(crate) use convolution_transposed::exchange_channels;
pub use dense::Dense;
pub(crate) use part::part_of_tensor;
pub use pooling::AveragePooling;
pub use reduction::Reduction;
pub use resampling::{ResampledAxis, Resampling};
pub use sum::Sum;
pub use weight::Weight;
pub use weight_gradient::WeightGradient;

pub use onnxplain_kernels::geometry::{Signs, WeightPart, Window, WindowAxis};

use crate::tensor::Tensor;

/// Computes `W x + b`. One input tensor per input of the layer.
pub type Forward = Box<dyn Fn(&[Tensor]) -> Result<Tensor> + Send + Sync>;

/// Computes `Wᵀ s`. One result per input of the layer, each in that input's shape.
pub type Transposed = Box<dyn Fn(&Tensor) -> Result<Vec<Tensor>> + Send + Sync>;

/// A linear map between tensors of fixed shapes, with an optional bias.
pub trait LinearMap: Debug + Send + Sync {
    /// The kernel for `part(W) x + bias`.
    ///
    /// `bias` broadcasts to the output. It is an argument because a rule may need a part of the layer's bias, or none.
    ///
    /// # Errors
    /// When the kernel cannot be built for this geometry.
    fn forward(&self, part: WeightPart, bias: Option<Tensor>) -> Result<Forward>;

    /// The kernel for `part(W)ᵀ s`.
    ///
    /// # Errors
    /// When the kernel cannot be built for this geometry.
    fn transposed(&self, part: WeightPart) -> Result<Transposed>;

    /// Which signs occur among the weights.
    fn weight_signs(&self) -> Signs;

    /// The layer's bias, in a shape that broadcasts to the output.
    fn bias(&self) -> Option<&Tensor> {
        None
    }

    /// The number of stored parameters, the bias included.
    fn parameter_count(&self) -> usize {
        0
    }
}
