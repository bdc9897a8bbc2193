//! The linear layers after a value, and what a scale and shift of the value becomes on the path to them.

use anyhow::{Context, Result};

use super::weights::{add_to_bias, per_channel, per_input_channel, scale_inputs};
use crate::linear::{Convolution, WeightPart};
use crate::network::{Layer, LayerId, Network, Op, Wiring};
use crate::operator::{Affine, Operator};
use crate::tensor::Tensor;

/// The path from a value to one linear layer, and the scale and shift at its end.
pub(super) struct Path {
    /// The linear layer.
    layer: LayerId,
    /// One factor per input channel (convolution) or input element (dense layer).
    factors: Vec<f32>,
    shift: Option<Shift>,
}

/// A shift of the input of a layer.
enum Shift {
    /// One number per channel, for a convolution without padding: the shift of its output is the same at all positions.
    Channels(Vec<f32>),
    /// In the shape of the layer's input.
    Full(Tensor),
}

/// Follows a scale and shift of the value of `id` to the linear layers after it; `None` if a path does not end at a linear
/// layer, or a layer on it does not commute with the scale and shift.
pub(super) fn linear_layers_behind(
    network: &Network,
    wiring: &Wiring,
    id: LayerId,
    affine: &Affine,
) -> Result<Option<Vec<Path>>> {
    if id == network.output {
        return Ok(None);
    }
    let mut paths = vec![];
    for &consumer in wiring.consumers(id) {
        let Some(found) = paths_through(network, wiring, consumer, id, affine)? else {
            return Ok(None);
        };
        paths.extend(found);
    }
    // A layer that reads the value on two paths would be scaled twice.
    let mut layers: Vec<LayerId> = paths.iter().map(|path| path.layer).collect();
    layers.sort_unstable();
    let is_unique = layers.windows(2).all(|pair| pair[0] != pair[1]);
    Ok((is_unique && !paths.is_empty()).then_some(paths))
}

fn paths_through(
    network: &Network,
    wiring: &Wiring,
    consumer: LayerId,
    from: LayerId,
    affine: &Affine,
) -> Result<Option<Vec<Path>>> {
    let shape = &network.layers[from].shape;
    let moved = match &network.layers[consumer].op {
        Op::Convolution(_) | Op::Dense(_) => return path_to(network, consumer, from, affine),
        Op::AveragePooling(pooling) if pooling.weights_add_up_to_one() => {
            per_channel_in(affine, shape, &network.layers[consumer].shape)?
        }
        Op::Reduction(reduction) if reduction.is_mean() && reduction.first_axis > 1 => {
            per_channel_in(affine, shape, &network.layers[consumer].shape)?
        }
        Op::MaxPooling(_) if is_positive(affine) => {
            per_channel_in(affine, shape, &network.layers[consumer].shape)?
        }
        Op::Routing(routing) if !routing.pads() => {
            let route = |constant: &Option<Tensor>| match constant {
                Some(constant) => routing.forward(vec![full(constant, shape)?]).map(Some),
                None => Ok(None),
            };
            Some(Affine { scale: route(&affine.scale)?, shift: route(&affine.shift)? })
        }
        _ => None,
    };
    match moved {
        Some(moved) => linear_layers_behind(network, wiring, consumer, &moved),
        None => Ok(None),
    }
}

fn path_to(
    network: &Network,
    layer: LayerId,
    from: LayerId,
    affine: &Affine,
) -> Result<Option<Vec<Path>>> {
    let shape = &network.layers[from].shape;
    let one = Tensor::filled(&[], 1.0)?;
    let scale = affine.scale.as_ref().unwrap_or(&one);
    let Some(factors) = per_input_channel(&network.layers[layer], scale, shape)? else {
        return Ok(None);
    };
    let shift = affine.shift.as_ref().map(|shift| shift_of(&network.layers[layer], shift, shape));
    let shift = shift.transpose()?;
    Ok(Some(vec![Path { layer, factors, shift }]))
}

/// The shift of the input of a layer.
fn shift_of(layer: &Layer, shift: &Tensor, shape: &[usize]) -> Result<Shift> {
    let numbers = match never_reads_padding(&layer.op) {
        true => per_input_channel(layer, shift, shape)?,
        false => None,
    };
    Ok(match numbers {
        Some(numbers) => Shift::Channels(numbers),
        None => Shift::Full(full(shift, shape)?),
    })
}

impl Path {
    /// Merges the scale and shift into the linear layer at the end of the path.
    pub fn merge(self, network: &mut Network) -> Result<()> {
        let layer = &mut network.layers[self.layer];
        let bias = match (&self.shift, &layer.op) {
            (Some(Shift::Channels(shift)), Op::Convolution(map)) => Some(answer(map, shift)?),
            (Some(Shift::Full(shift)), op) => {
                let map =
                    op.as_linear().context("a scale can only be merged into a linear layer")?;
                Some(map.forward(WeightPart::Plain, None)?(std::slice::from_ref(shift))?)
            }
            _ => None,
        };
        if let Some(bias) = bias {
            add_to_bias(layer, &bias)?;
        }
        scale_inputs(layer, &self.factors)
    }
}

/// Whether a layer is a convolution without padding.
fn never_reads_padding(op: &Op) -> bool {
    let Op::Convolution(convolution) = op else {
        return false;
    };
    let mut axes = convolution.window.axes.iter();
    !convolution.is_transposed && axes.all(|axis| axis.pad_before == 0 && axis.pad_after == 0)
}

/// The output of a convolution for a constant input, with one number per input channel: one number per output channel.
fn answer(map: &Convolution, numbers: &[f32]) -> Result<Tensor> {
    let shape = map.weight.shape();
    let (filters, channels) = (shape[0], shape[1]);
    let taps: usize = shape[2..].iter().product();
    let filters_per_group = (filters / map.groups).max(1);
    let weight = map.weight.load()?;
    let rows = weight.data().chunks_exact((channels * taps).max(1)).enumerate();
    let sums = rows.map(|(filter, weights)| {
        let numbers = &numbers[filter / filters_per_group * channels..][..channels];
        let products = weights.chunks_exact(taps.max(1)).zip(numbers).map(|(weights, number)| {
            f64::from(*number) * weights.iter().map(|weight| f64::from(*weight)).sum::<f64>()
        });
        products.sum::<f64>() as f32
    });
    let mut bias_shape = vec![1; shape.len()];
    bias_shape[1] = filters;
    Tensor::new(&bias_shape, &sums.collect::<Vec<f32>>())
}

/// A constant, broadcast to a shape.
fn full(constant: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let mut result = Tensor::zeros(shape)?;
    result.combine_broadcast(constant, |to, from| *to = from)?;
    Ok(result)
}

/// A scale and shift that is one number per channel, for a value with the same channels and other
/// spatial axes; `None` where it varies in space.
fn per_channel_in(affine: &Affine, from: &[usize], to: &[usize]) -> Result<Option<Affine>> {
    let moved = |constant: &Option<Tensor>| match constant {
        Some(constant) => match per_channel(constant, from) {
            Some(numbers) => {
                let mut shape = vec![1; to.len()];
                shape[1] = numbers.len();
                Tensor::new(&shape, &numbers).map(|tensor| Some(Some(tensor)))
            }
            None => Ok(None),
        },
        None => Ok(Some(None)),
    };
    match (moved(&affine.scale)?, moved(&affine.shift)?) {
        (Some(scale), Some(shift)) => Ok(Some(Affine { scale, shift })),
        _ => Ok(None),
    }
}

fn is_positive(affine: &Affine) -> bool {
    affine.scale.as_ref().is_none_or(|scale| scale.data().iter().all(|&factor| factor > 0.0))
}
