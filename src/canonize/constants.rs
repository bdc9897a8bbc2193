//! `g₂ (g₁ x + h₁) + h₂ = (g₂ g₁) x + (g₂ h₁ + h₂)`: chains of constant Mul, Add, Sub and Div,
//! such as a BatchNormalization that an exporter wrote as arithmetic, become one scale and shift.

use anyhow::Result;

use crate::network::{Network, Op};

/// Joins scales and shifts that follow each other.
pub(super) fn run(network: &mut Network) -> Result<Vec<String>> {
    let mut joined = vec![];
    for id in 0..network.layers.len() {
        let Op::Affine(outer) = &network.layers[id].op else {
            continue;
        };
        let before = network.layers[id].inputs[0];
        let Op::Affine(inner) = &network.layers[before].op else {
            continue;
        };
        if network.only_consumer(before) != Some(id) {
            continue;
        }
        let affine = inner.then(outer, &network.layers[id].shape)?;
        joined.push(network.layers[before].name.clone());
        network.layers[id].op = Op::Affine(affine);
        network.layers[id].inputs = network.layers[before].inputs.clone();
    }
    Ok(joined)
}
