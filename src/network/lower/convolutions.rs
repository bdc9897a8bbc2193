//! ONNX `Conv` and `ConvTranspose`.

use anyhow::{Result, ensure};
use tract_core::ops::cnn::{Conv, Deconv, KernelFormat, PoolSpec};
use tract_core::ops::nn::DataFormat;

use super::{Lowering, NodeContext, Value};
use crate::linear::{Convolution, Window, WindowAxis, exchange_channels};
use crate::network::{LayerId, Op};
use crate::operator::{Affine, MatrixProduct, Routing};
use crate::tensor::Tensor;

impl Lowering<'_> {
    pub(super) fn convolution(&mut self, context: &NodeContext, op: &Conv) -> Result<Value> {
        ensure!(op.q_params.is_none(), "quantized arithmetic");
        ensure!(op.kernel_fmt == KernelFormat::OIHW, "weights in the format {:?}", op.kernel_fmt);
        let input = self.signal(context, 0)?;
        let input_shape = self.lowered.drafts[input].shape.clone();
        let window = window_of(&op.pool_spec, &input_shape)?;
        if let Value::Layer(weight) = context.inputs[1] {
            return self.dynamic_convolution(context, input, weight, (op.group, &window));
        }
        let weight = self.weight(context, 1)?;
        let bias = self.bias(context, op.pool_spec.output_channels)?;
        let convolution = Convolution::new(weight, bias, op.group, window);
        Ok(self.layer(context, Op::Convolution(convolution).into(), vec![input]))
    }

    /// A convolution whose weight depends on the picture (a weighted sum of several kernels). The pixels that every output
    /// reads become the columns of a matrix, which is multiplied with the weight.
    fn dynamic_convolution(
        &mut self,
        context: &NodeContext,
        input: LayerId,
        weight: LayerId,
        (groups, window): (usize, &Window),
    ) -> Result<Value> {
        let input_shape = self.lowered.drafts[input].shape.clone();
        let weight_shape = self.lowered.drafts[weight].shape.clone();
        let taps: usize = weight_shape[2..].iter().product();
        let (plane, places) = (window.input_len(), window.output_len());
        let columns = columns(window, taps);
        let channel = |channel: usize| {
            let place = move |&at: &u32| match at {
                Routing::CONSTANT => at,
                _ => (channel * plane) as u32 + at,
            };
            columns.iter().map(place).collect::<Vec<u32>>()
        };
        let sources = (0..input_shape[1]).flat_map(channel).collect();
        let (rows, inner) = (weight_shape[0] / groups, weight_shape[1] * taps);
        let product = MatrixProduct { signal: None, batch: groups, rows, inner, columns: places };
        let [left, right] = product.input_shapes();
        ensure!(input_shape[0] == 1, "a batch of {} under a computed weight", input_shape[0]);
        let columns = Routing::from_sources("Unfold", &input_shape, &right, sources);
        let columns = self.route(context, input, columns);
        let weight = self.route(context, weight, Routing::reshape("Reshape", &weight_shape, &left));
        let shape = product.output_shape();
        let op = Op::MatrixProduct(product).into();
        let (name, op_type) = (&context.name, &context.op_type);
        let product = self.push(name, op_type, op, vec![weight, columns], shape.clone());
        let back = Routing::reshape("Reshape", &shape, &context.output_shape);
        let product = self.route(context, product, back);
        let Some(shift) = self.bias(context, context.output_shape[1])? else {
            return Ok(Value::Layer(product));
        };
        let affine = Op::Affine(Affine { scale: None, shift: Some(shift) }).into();
        Ok(self.layer(context, affine, vec![product]))
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

    /// The bias as `[1, C, 1, ...]`; `None` if all of it is zero. One of NaN is not.
    fn bias(&self, context: &NodeContext, channels: usize) -> Result<Option<Tensor>> {
        let bias = self.constant(context, 2, "bias")?;
        if bias.data().iter().all(|&number| number == 0.0) {
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

/// For every tap of the kernel, the element of a plane that each output reads there; [`Routing::CONSTANT`] for those in
/// the padding.
fn columns(window: &Window, taps: usize) -> Vec<u32> {
    let source = |mut tap: usize, mut output: usize| {
        let (mut at, mut stride) = (0, 1);
        for axis in window.axes.iter().rev() {
            let place = output % axis.output * axis.stride + tap % axis.kernel * axis.dilation;
            let place = place.checked_sub(axis.pad_before).filter(|&place| place < axis.input)?;
            at += place * stride;
            stride *= axis.input;
            tap /= axis.kernel;
            output /= axis.output;
        }
        Some(at as u32)
    };
    let places = window.output_len();
    let pairs = (0..taps).flat_map(|tap| (0..places).map(move |output| (tap, output)));
    pairs.map(|(tap, output)| source(tap, output).unwrap_or(Routing::CONSTANT)).collect()
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
