//! Changes that passes make to the weights of a linear layer: scaling its inputs or outputs, adding to its bias.

use anyhow::Result;

use crate::linear::{Broadcast, Convolution};
use crate::network::{Layer, Op};
use crate::tensor::Tensor;

/// Whether the layer is a convolution or dense layer, whose weights can be rewritten.
pub(super) fn has_weights(layer: &Layer) -> bool {
    matches!(layer.op, Op::Convolution(_) | Op::Dense(_))
}

/// A constant as one number per output channel of a layer; `None` if it depends on the position.
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
            let by_row = !convolution.is_transposed;
            scale_filters(convolution, factors, by_row);
            (&mut convolution.bias, 1)
        }
        Op::Dense(dense) => {
            let inputs = dense.weight.shape()[1].max(1);
            dense.weight.change(|weights| {
                for (row, factor) in weights.chunks_exact_mut(inputs).zip(factors) {
                    row.iter_mut().for_each(|weight| *weight *= factor);
                }
            })?;
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
    *bias = Some(old.combined(&factors, &layer.shape, |to, from| *to *= from)?);
    Ok(())
}

/// Scales filters by one factor per channel of their first axis, or of their second axis, which has the channels of one
/// group only.
fn scale_filters(convolution: &mut Convolution, factors: &[f32], by_row: bool) {
    let shape = convolution.weight.shape();
    let (channels, taps) = (shape[1], shape[2..].iter().product::<usize>());
    let rows_per_group = (shape[0] / convolution.groups).max(1);
    let factors = factors.to_vec();
    if by_row {
        convolution.weight.scale(channels * taps, move |row| factors[row]);
    } else {
        convolution.weight.scale(taps, move |filter| {
            let (row, channel) = (filter / channels, filter % channels);
            factors[row / rows_per_group * channels + channel]
        });
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
        Some(bias) => bias.combined(constant, &layer.shape, |to, from| *to += from)?,
        None => constant.clone(),
    });
    Ok(())
}

/// A constant as one number per channel (axis 1) of a value; `None` if it depends on the position.
pub(super) fn per_channel(constant: &Tensor, shape: &[usize]) -> Option<Vec<f32>> {
    let channels = *shape.get(1)?;
    let mut channel_shape = vec![1; shape.len()];
    channel_shape[1] = channels;
    let broadcast = Broadcast::between(constant.shape(), &channel_shape)?;
    let mut numbers = vec![0.0; channels];
    broadcast.zip(&mut numbers, constant.data(), |to, from| *to = from);
    Some(numbers)
}

/// A constant as one number per input channel of a convolution, or per input element of a dense layer; `None` if it
/// cannot be merged into the layer's weights.
///
/// # Errors
/// When the constant does not broadcast to the layer's input.
pub(super) fn per_input_channel(
    layer: &Layer,
    constant: &Tensor,
    input_shape: &[usize],
) -> Result<Option<Vec<f32>>> {
    match &layer.op {
        Op::Convolution(_) => match per_channel(constant, input_shape) {
            Some(numbers) => Ok(Some(numbers)),
            None => {
                let mut full = Tensor::zeros(input_shape)?;
                full.combine_broadcast(constant, |to, from| *to = from)?;
                Ok(constant_planes(&full))
            }
        },
        Op::Dense(dense) => {
            let inputs = dense.weight.shape()[1];
            let mut full = Tensor::zeros(input_shape)?;
            full.combine_broadcast(constant, |to, from| *to = from)?;
            let mut rows = full.data().chunks_exact(inputs.max(1));
            let first = rows.next().map(<[f32]>::to_vec);
            // All positions share the weights, so they must have the same factors.
            Ok(first.filter(|first| rows.all(|row| row == first)))
        }
        _ => Ok(None),
    }
}

/// The number in each channel; `None` if a channel has several.
fn constant_planes(full: &Tensor) -> Option<Vec<f32>> {
    let plane = (full.len() / full.shape().get(1).copied()?.max(1)).max(1);
    let number = |plane: &[f32]| plane.iter().all(|value| *value == plane[0]).then_some(plane[0]);
    full.data().chunks_exact(plane).map(number).collect()
}

/// `W ← W g`, with one factor per input channel (convolution) or input element (dense layer).
///
/// # Errors
/// When the model's file cannot be read any more.
pub(super) fn scale_inputs(layer: &mut Layer, factors: &[f32]) -> Result<()> {
    match &mut layer.op {
        Op::Convolution(convolution) => {
            let by_row = convolution.is_transposed;
            scale_filters(convolution, factors, by_row);
            Ok(())
        }
        Op::Dense(dense) => {
            let inputs = dense.weight.shape()[1].max(1);
            dense.weight.change(|weights| {
                for row in weights.chunks_exact_mut(inputs) {
                    row.iter_mut().zip(factors).for_each(|(weight, factor)| *weight *= factor);
                }
            })
        }
        _ => Ok(()),
    }
}
