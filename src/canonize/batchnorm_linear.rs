//! `W (g x + h) + b = (W g) x + (b + W h)`: BatchNormalization, or any constant scale and shift
//! (normalisation of the picture inside the graph), is merged into the linear layers after it.
//!
//! With zero padding `W h` depends on the position, because the padding is not shifted: the bias becomes a map. Layers in
//! between are allowed if they commute with a scale and shift per channel: average pooling (its weights add up to 1), max
//! pooling (if g > 0), and operators that only move elements.

use anyhow::Result;

use super::behind::{Path, linear_layers_behind};
use crate::network::{Network, Op, Wiring};

/// Merges scales and shifts into the linear layers after them.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let (mut merged, mut wiring) = (vec![], Wiring::of(network));
    for id in 0..network.layers.len() {
        let Op::Affine(affine) = network.layers[id].op.clone() else {
            continue;
        };
        let Some(paths) = linear_layers_behind(network, &wiring, id, &affine)? else {
            continue;
        };
        for path in paths {
            Path::merge(path, network)?;
        }
        merged.push(network.layers[id].name.clone());
        wiring.bypass(network, id, network.layers[id].inputs[0]);
    }
    Ok(merged)
}
