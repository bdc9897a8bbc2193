//! Convolutions over lines and images by our kernel, between tensors.

use anyhow::ensure;
use onnxplain_kernels::nchw::Direct;

use super::correlation::{Correlation, Kernel};
use crate::tensor::Tensor;

/// The kernel of a convolution with one bias per filter; `None` where another kernel is better: for volumes, few
/// filters, unusual strides, or empty tensors.
pub(super) fn forward(correlation: &Correlation, bias: Option<&Tensor>) -> Option<Kernel> {
    let direct = Direct::new(&correlation.of_slices(), bias.map(Tensor::data))?;
    let shape = correlation.output_shape();
    Some(Box::new(move |input| {
        ensure!(
            input.len() == direct.input_len(),
            "a convolution got a tensor of shape {:?}",
            input.shape()
        );
        Tensor::written_by(&shape, |output| direct.run(input.data(), output))
    }))
}
