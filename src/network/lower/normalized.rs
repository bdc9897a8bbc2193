//! What is normalised along axes: `Softmax` and root mean square normalizations.

use anyhow::{Result, ensure};
use tract_core::ops::nn::{self, SoftmaxKind};

use super::{Lowering, NodeContext, Value};
use crate::network::Op;
use crate::operator::{LayerNormalization, Softmax};
use crate::tensor::scalar;

/// Fails where there is no such axis: tract follows shapes without looking.
fn check_axis(axis: usize, shape: &[usize]) -> Result<()> {
    ensure!(axis < shape.len(), "its axis is none of the {} axes of its input", shape.len());
    Ok(())
}

impl Lowering<'_> {
    /// A softmax over one axis, or over all axes from one on.
    pub(super) fn softmax(&mut self, context: &NodeContext, op: &nn::Softmax) -> Result<Value> {
        op.axes.iter().try_for_each(|&axis| check_axis(axis, &context.output_shape))?;
        let is_logarithm = matches!(op.kind, SoftmaxKind::LogSoftmax);
        let [axis] = op.axes.as_slice() else {
            // Before opset 13, a softmax was taken over all trailing axes together.
            let first = op.axes.iter().copied().min().unwrap_or(0);
            let length = context.output_shape[first..].iter().product();
            let softmax = Softmax::new(&[length], 0, is_logarithm);
            return self.operator(context, Op::Softmax(softmax));
        };
        let softmax = Softmax::new(&context.output_shape, *axis, is_logarithm);
        self.operator(context, Op::Softmax(softmax))
    }

    /// A normalization without centring, over one axis.
    pub(super) fn root_mean_square_norm(
        &mut self,
        context: &NodeContext,
        op: &nn::RmsNorm,
    ) -> Result<Value> {
        let epsilon = scalar::<f32>(&op.eps)?;
        check_axis(op.axis, &context.output_shape)?;
        let norm = LayerNormalization::over_axes(&context.output_shape, op.axis, 1, false, epsilon);
        self.operator(context, Op::LayerNormalization(norm))
    }
}
