//! `(W x + b) + c = W x + (b + c)`: for exporters that write a dense layer as `MatMul` and `Add`, or the bias of a
//! convolution as an `Add`.

use anyhow::Result;

use super::weights::{add_to_bias, has_weights};
use crate::network::{Network, Op, Wiring};

/// Merges constant additions into the linear layer before them.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let (mut merged, mut wiring) = (vec![], Wiring::of(network));
    for id in 0..network.layers.len() {
        let Op::Affine(affine) = &network.layers[id].op else {
            continue;
        };
        let (None, Some(constant)) = (&affine.scale, affine.shift.clone()) else {
            continue;
        };
        let linear = network.layers[id].inputs[0];
        let fits = has_weights(&network.layers[linear])
            && wiring.only_consumer(network, linear) == Some(id)
            && network.layers[linear].shape == network.layers[id].shape;
        if fits {
            add_to_bias(&mut network.layers[linear], &constant)?;
            merged.push(network.layers[id].name.clone());
            wiring.bypass(network, id, linear);
        }
    }
    Ok(merged)
}
