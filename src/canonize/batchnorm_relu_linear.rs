//! `ReLU(g x + h) = g T(x) + h` with the shifted threshold `T(x) = x where g x + h > 0, else −h/g`
//! (Pahde et al. 2023): BatchNormalization before an activation, as in DenseNet and pre-activation ResNet, is moved behind
//! the activation, where it can be merged into the linear layers that follow.
//!
//! `T` is max(x, −h/g) for g > 0 and min(x, −h/g) for g < 0. A channel with g = 0 is
//! the constant ReLU(h). The same holds for every clip, such as ReLU6.

use anyhow::Result;

use super::behind::{Path, linear_layers_behind};
use super::weights::per_channel;
use crate::network::{Layer, LayerId, Network, Op, Wiring};
use crate::operator::{Activation, Affine, Binary, Function};
use crate::tensor::Tensor;

/// Moves scales and shifts from before a clip to the linear layers after it.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let (mut merged, mut wiring) = (vec![], Wiring::of(network));
    for id in 0..network.layers.len() {
        let Some(clip) = clip_behind(network, &wiring, id) else {
            continue;
        };
        let Op::Affine(affine) = &network.layers[id].op else {
            continue;
        };
        let Some(moved) = shifted(&network.layers[id], affine, clip.bounds)? else {
            continue;
        };
        let Some(paths) = linear_layers_behind(network, &wiring, clip.layer, &moved.affine)? else {
            continue;
        };
        for path in paths {
            Path::merge(path, network)?;
        }
        let name = network.layers[clip.layer].op_type.to_lowercase();
        let function = moved.threshold;
        network.layers[clip.layer].op =
            Op::Activation(Activation { name: format!("shifted {name}"), function });
        merged.push(network.layers[id].name.clone());
        wiring.bypass(network, id, network.layers[id].inputs[0]);
    }
    Ok(merged)
}

/// An activation that clips.
struct Clip {
    layer: LayerId,
    /// The bounds; infinite where it does not clip.
    bounds: (f32, f32),
}

/// The clip after a scale and shift, if no other layer reads these.
fn clip_behind(network: &Network, wiring: &Wiring, id: LayerId) -> Option<Clip> {
    if !matches!(network.layers[id].op, Op::Affine(_)) {
        return None;
    }
    let layer = wiring.only_consumer(network, id)?;
    let Op::Activation(activation) = &network.layers[layer].op else {
        return None;
    };
    let bounds = activation.function.clip_bounds()?;
    Some(Clip { layer, bounds })
}

/// The clip that comes first now, and the scale and shift after it.
struct Moved {
    threshold: Function,
    affine: Affine,
}

/// `clip(g x + h) = g' T(x) + h'`; `None` where g and h are not one number per channel.
fn shifted(layer: &Layer, affine: &Affine, (low, high): (f32, f32)) -> Result<Option<Moved>> {
    let constant = |constant: &Option<Tensor>, default: f32| match constant {
        Some(constant) => per_channel(constant, &layer.shape),
        None => layer.shape.get(1).map(|&channels| vec![default; channels]),
    };
    let (Some(scale), Some(mut shift)) =
        (constant(&affine.scale, 1.0), constant(&affine.shift, 0.0))
    else {
        return Ok(None);
    };
    let mut lows = vec![];
    let mut highs = vec![];
    for (&g, h) in scale.iter().zip(&mut shift) {
        let (from, to) = ((low - *h) / g, (high - *h) / g);
        let (from, to) = match g {
            0.0 => {
                *h = h.clamp(low, high);
                (0.0, 0.0)
            }
            g if g > 0.0 => (from, to),
            _ => (to, from),
        };
        lows.push(from);
        highs.push(to);
    }
    let mut shape = vec![1; layer.shape.len()];
    shape[1] = scale.len();
    let threshold = Function::with_constant(Binary::Min, &Tensor::new(&shape, &highs)?, false)
        .then(&Function::with_constant(Binary::Max, &Tensor::new(&shape, &lows)?, false));
    let (scale, shift) = (Tensor::new(&shape, &scale)?, Tensor::new(&shape, &shift)?);
    Ok(Some(Moved { threshold, affine: Affine { scale: Some(scale), shift: Some(shift) } }))
}
