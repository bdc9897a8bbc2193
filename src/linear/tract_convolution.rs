//! Convolutions by tract's kernels, for geometries that ours do not cover.

use anyhow::Result;
use tract_core::internal::TVec;
use tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_core::ops::nn::DataFormat;

use super::WindowAxis;
use super::correlation::{Correlation, Kernel};
use super::plan::Plan;
use crate::tensor::Tensor;

/// The convolution; `bias` holds one number per output channel.
pub(super) fn forward(correlation: &Correlation, bias: Option<Tensor>) -> Result<Kernel> {
    let shape = correlation.weight.shape();
    let axes = &correlation.window.axes;
    let per_axis = |value: fn(&WindowAxis) -> usize| axes.iter().map(value).collect();
    let padding_before: TVec<usize> = per_axis(|axis| axis.pad_before);
    let padding_after: TVec<usize> = per_axis(|axis| axis.pad_after);
    let pool_spec = PoolSpec {
        data_format: DataFormat::NCHW,
        kernel_shape: per_axis(|axis| axis.kernel),
        padding: PaddingSpec::Explicit(padding_before, padding_after),
        dilations: Some(per_axis(|axis| axis.dilation)),
        strides: Some(per_axis(|axis| axis.stride)),
        input_channels: shape[1] * correlation.groups,
        output_channels: shape[0],
    };
    let operator = Conv {
        pool_spec,
        kernel_fmt: KernelFormat::OIHW,
        group: correlation.groups,
        q_params: None,
    };
    let mut input_shape = vec![1, shape[1] * correlation.groups];
    input_shape.extend(correlation.window.input_shape());
    let bias = match bias {
        Some(bias) => bias.reshaped(&[shape[0]])?,
        None => Tensor::zeros(&[])?,
    };
    // A pointwise convolution becomes a matrix product, which runs a fifth faster.
    let is_pointwise = axes.iter().all(|axis| axis.kernel == 1 && axis.stride == 1);
    let constants = [correlation.weight.clone(), bias];
    let plan = Plan::new(operator, &input_shape, &constants, is_pointwise)?;
    Ok(Box::new(move |input| plan.run(input)))
}
