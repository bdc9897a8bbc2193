//! ONNX `Conv` and `ConvTranspose`.

use anyhow::{Result, ensure};
use tract_core::ops::cnn::{Conv, Deconv, KernelFormat, PoolSpec};
use tract_core::ops::nn::DataFormat;

use super::{Lowering, NodeContext, Value};
use crate::linear::{Convolution, Window, WindowAxis, exchange_channels};
use crate::network::Op;
use crate::tensor::Tensor;

impl Lowering<'_> {
    pub(super) fn convolution(&mut self, context: &NodeContext, op: &Conv) -> Result<Value> {
        ensure!(op.q_params.is_none(), "quantized arithmetic");
        ensure!(op.kernel_fmt == KernelFormat::OIHW, "weights in the format {:?}", op.kernel_fmt);
        let input = self.signal(context, 0)?;
        let input_shape = self.lowered.drafts[input].shape.clone();
        let window = window_of(&op.pool_spec, &input_shape)?;
        let weight = self.weight(context, 1)?;
        let bias = self.bias(context, op.pool_spec.output_channels)?;
        let convolution = Convolution::new(weight, bias, op.group, window);
        Ok(self.layer(context, Op::Convolution(convolution).into(), vec![input]))
    }

    pub(super) fn transposed_convolution(
        &mut self,
        context: &NodeContext,
        op: &Deconv,
    ) -> Result<Value> {
        ensure!(op.kernel_format == KernelFormat::OIHW, "weights in another format than OIHW");
        let input = self.signal(context, 0)?;
        let input_shape = self.lowered.drafts[input].shape.clone();
        let padding = op.pool_spec.padding.compute_for_deconv(
            &input_shape[2..],
            &op.pool_spec.kernel_shape,
            &op.pool_spec.dilations(),
            &op.pool_spec.strides(),
            &op.adjustments,
        )?;
        let axis = |index: usize| WindowAxis {
            input: padding[index].deconvoluted,
            output: input_shape[index + 2],
            kernel: op.pool_spec.kernel_shape[index],
            stride: op.pool_spec.stride(index),
            dilation: op.pool_spec.dilation(index),
            pad_before: padding[index].pad_before,
            pad_after: padding[index].pad_after,
        };
        let weight = self.constant(context, 1, "weight")?;
        let weight = exchange_channels(&weight, op.group)?;
        let bias = self.bias(context, op.pool_spec.output_channels)?;
        let window = Window { axes: (0..op.pool_spec.rank()).map(axis).collect() };
        let gathering = Convolution::new(weight, bias, op.group, window);
        let convolution = Convolution { is_transposed: true, ..gathering };
        Ok(self.layer(context, Op::Convolution(convolution).into(), vec![input]))
    }

    /// The bias as `[1, C, 1, ...]`; none where it is all zero.
    fn bias(&self, context: &NodeContext, channels: usize) -> Result<Option<Tensor>> {
        let bias = self.constant(context, 2, "bias")?;
        if bias.max_abs() == 0.0 {
            return Ok(None);
        }
        let mut shape = vec![1; context.output_shape.len()];
        shape[1] = channels;
        match bias.data() {
            [value] => Ok(Some(Tensor::filled(&shape, *value)?)),
            _ => Ok(Some(bias.reshaped(&shape)?)),
        }
    }
}

/// The sliding window of a convolution or pooling over an input of the given shape.
pub(super) fn window_of(spec: &PoolSpec, input_shape: &[usize]) -> Result<Window> {
    ensure!(spec.data_format == DataFormat::NCHW, "channels in the last axis");
    let padding = spec.computed_padding(&input_shape[2..]);
    let axis = |index: usize| WindowAxis {
        input: input_shape[index + 2],
        output: padding[index].convoluted,
        kernel: spec.kernel_shape[index],
        stride: spec.stride(index),
        dilation: spec.dilation(index),
        pad_before: padding[index].pad_before,
        pad_after: padding[index].pad_after,
    };
    Ok(Window { axes: (0..spec.rank()).map(axis).collect() })
}
