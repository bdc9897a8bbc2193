//! `g (W x + b) + h = (g W) x + (g b + h)`: BatchNormalization is merged into the convolution or dense layer before it.
//!
//! `g = γ / √(var + eps)` and `h = β − mean · g`, one number per output channel.
//! The same holds for any constant scale per channel, however the exporter wrote it.

use anyhow::Result;

use super::weights::{add_to_bias, per_output_channel, scale_outputs};
use crate::network::{Network, Op, Wiring};

/// Merges scales per output channel into the linear layer before them.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let (mut merged, mut wiring) = (vec![], Wiring::of(network));
    for id in 0..network.layers.len() {
        let Op::Affine(affine) = network.layers[id].op.clone() else {
            continue;
        };
        let Some(scale) = &affine.scale else { continue };
        let linear = network.layers[id].inputs[0];
        let fits = wiring.only_consumer(network, linear) == Some(id)
            && network.layers[linear].shape == network.layers[id].shape;
        let Some(factors) = per_output_channel(&network.layers[linear], scale).filter(|_| fits)
        else {
            continue;
        };
        scale_outputs(&mut network.layers[linear], &factors)?;
        if let Some(shift) = &affine.shift {
            add_to_bias(&mut network.layers[linear], shift)?;
        }
        merged.push(network.layers[id].name.clone());
        wiring.bypass(network, id, linear);
    }
    Ok(merged)
}
