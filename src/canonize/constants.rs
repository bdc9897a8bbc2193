//! `g₂ (g₁ x + h₁) + h₂ = (g₂ g₁) x + (g₂ h₁ + h₂)`: chains of constant Mul, Add, Sub and Div,
//! such as a BatchNormalization that an exporter wrote as arithmetic, become one scale and shift.

use anyhow::Result;

use crate::network::{Network, Op, Wiring};

/// Joins scales and shifts that follow each other.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let (mut joined, mut wiring) = (vec![], Wiring::of(network));
    for id in 0..network.layers.len() {
        let Op::Affine(outer) = &network.layers[id].op else {
            continue;
        };
        let before = network.layers[id].inputs[0];
        let Op::Affine(inner) = &network.layers[before].op else {
            continue;
        };
        if wiring.only_consumer(network, before) != Some(id) {
            continue;
        }
        let affine = inner.then(outer, &network.layers[id].shape)?;
        joined.push(network.layers[before].name.clone());
        network.layers[id].op = Op::Affine(affine);
        wiring.set_inputs(network, id, network.layers[before].inputs.clone());
    }
    Ok(joined)
}
