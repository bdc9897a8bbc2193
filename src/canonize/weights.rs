//! What passes do to the weights of a linear layer: scale its outputs, add to its bias.

use anyhow::Result;

use crate::linear::{Broadcast, Convolution};
use crate::network::{Layer, Op};
use crate::tensor::Tensor;

/// Whether the layer is a convolution or dense layer, whose weights can be rewritten.
pub(super) fn has_weights(layer: &Layer) -> bool {
    matches!(layer.op, Op::Convolution(_) | Op::Dense(_))
}

/// A constant as one number per output channel of a layer; `None` where it varies in space.
pub(super) fn per_output_channel(layer: &Layer, constant: &Tensor) -> Option<Vec<f32>> {
    let axis = match &layer.op {
        Op::Convolution(_) => 1,
        Op::Dense(dense) if layer.shape.last() == dense.weight.shape().first() => {
            layer.shape.len() - 1
        }
        _ => return None,
    };
    let mut shape = vec![1; layer.shape.len()];
    shape[axis] = layer.shape[axis];
    let broadcast = Broadcast::between(constant.shape(), &shape)?;
    let mut numbers = vec![0.0; layer.shape[axis]];
    broadcast.zip(&mut numbers, constant.data(), |to, from| *to = from);
    Some(numbers)
}

/// `W ← g W` and `b ← g b`, with one factor per output channel.
///
/// # Errors
/// When the bias does not have the layer's output shape.
pub(super) fn scale_outputs(layer: &mut Layer, factors: &[f32]) -> Result<()> {
    let rank = layer.shape.len();
    let (bias, channel_axis) = match &mut layer.op {
        Op::Convolution(convolution) => {
            scale_filters(convolution, factors);
            (&mut convolution.bias, 1)
        }
        Op::Dense(dense) => {
            let inputs = dense.weight.shape()[1].max(1);
            let rows = dense.weight.data_mut().chunks_exact_mut(inputs);
            for (row, factor) in rows.zip(factors) {
                row.iter_mut().for_each(|weight| *weight *= factor);
            }
            (&mut dense.bias, rank - 1)
        }
        _ => return Ok(()),
    };
    let Some(old) = bias.take() else {
        return Ok(());
    };
    let mut shape = vec![1; rank];
    shape[channel_axis] = factors.len();
    let factors = Tensor::new(&shape, factors)?;
    *bias = Some(combined(&old, &factors, &layer.shape, |to, from| {
        *to *= from
    })?);
    Ok(())
}

/// Scales what each filter contributes to; a transposed convolution has its outputs on the second axis.
fn scale_filters(convolution: &mut Convolution, factors: &[f32]) {
    let shape = convolution.weight.shape().to_vec();
    let taps: usize = shape[2..].iter().product();
    let rows_per_group = (shape[0] / convolution.groups).max(1);
    let is_transposed = convolution.is_transposed;
    let filters = convolution.weight.data_mut().chunks_exact_mut(taps.max(1));
    for (index, filter) in filters.enumerate() {
        let (row, column) = (index / shape[1], index % shape[1]);
        let channel = if is_transposed {
            row / rows_per_group * shape[1] + column
        } else {
            row
        };
        filter
            .iter_mut()
            .for_each(|weight| *weight *= factors[channel]);
    }
}

/// `b ← b + c`, for any constant that broadcasts to the layer's output.
///
/// # Errors
/// When the constant does not broadcast to the layer's output.
pub(super) fn add_to_bias(layer: &mut Layer, constant: &Tensor) -> Result<()> {
    let bias = match &mut layer.op {
        Op::Convolution(convolution) => &mut convolution.bias,
        Op::Dense(dense) => &mut dense.bias,
        _ => return Ok(()),
    };
    *bias = Some(match bias.take() {
        Some(bias) => combined(&bias, constant, &layer.shape, |to, from| *to += from)?,
        None => constant.clone(),
    });
    Ok(())
}

/// Combines two constants that broadcast to `shape`, in the smaller form where one broadcasts to the other.
fn combined(
    a: &Tensor,
    b: &Tensor,
    shape: &[usize],
    combine: impl Fn(&mut f32, f32),
) -> Result<Tensor> {
    let mut result = a.clone();
    if Broadcast::between(b.shape(), a.shape()).is_none() {
        result = Tensor::zeros(shape)?;
        result.combine_broadcast(a, |to, from| *to = from)?;
    }
    result.combine_broadcast(b, combine)?;
    Ok(result)
}
