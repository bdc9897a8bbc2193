//! Depthwise convolutions over images in both directions, between tensors.

use anyhow::{Result, ensure};
use onnxplain_kernels::nchw::Depthwise;

use super::correlation::{Correlation, Kernel};
use crate::tensor::Tensor;

/// Whether these kernels apply: two spatial axes, one input channel per group.
pub(super) fn applies(correlation: &Correlation) -> bool {
    Depthwise::applies(&correlation.of_slices())
}

/// `[1, I, H, W]` to `[1, O, H', W']`, with one bias per channel.
pub(super) fn forward(correlation: &Correlation, bias: Option<Tensor>) -> Kernel {
    let bias = bias.as_ref().map(Tensor::data);
    let kernel = Depthwise::forward(&correlation.of_slices(), bias);
    let shape = correlation.output_shape();
    Box::new(move |input| run(&kernel, input, &shape))
}

/// `[1, O, H', W']` back to `[1, I, H, W]`.
pub(super) fn transposed(correlation: &Correlation) -> Kernel {
    let kernel = Depthwise::transposed(&correlation.of_slices());
    let shape = correlation.input_shape();
    Box::new(move |output| run(&kernel, output, &shape))
}

fn run(kernel: &Depthwise, from: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let [read, _] = kernel.lens();
    ensure!(from.len() == read, "a depthwise convolution got a tensor of shape {:?}", from.shape());
    Tensor::written_by(shape, |to| kernel.run(from.data(), to))
}
