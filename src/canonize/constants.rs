//! `g₂ (g₁ x + h₁) + h₂ = (g₂ g₁) x + (g₂ h₁ + h₂)`: chains of constant Mul, Add, Sub and Div,
//! such as a BatchNormalization that an exporter wrote as arithmetic, become one scale and shift.

use anyhow::Result;

use super::weights::combined;
use crate::network::{Network, Op};
use crate::operator::Affine;

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
        let affine = composed(inner, outer, &network.layers[id].shape)?;
        joined.push(network.layers[before].name.clone());
        network.layers[id].op = Op::Affine(affine);
        network.layers[id].inputs = network.layers[before].inputs.clone();
    }
    Ok(joined)
}

fn composed(inner: &Affine, outer: &Affine, shape: &[usize]) -> Result<Affine> {
    let multiply = |to: &mut f32, from: f32| *to *= from;
    let add = |to: &mut f32, from: f32| *to += from;
    let scale = combined_options(&inner.scale, &outer.scale, shape, multiply)?;
    let shift = match (&inner.shift, &outer.scale) {
        (Some(shift), Some(scale)) => Some(combined(shift, scale, shape, multiply)?),
        (shift, _) => shift.clone(),
    };
    let shift = combined_options(&shift, &outer.shift, shape, add)?;
    Ok(Affine { scale, shift })
}

fn combined_options(
    a: &Option<crate::tensor::Tensor>,
    b: &Option<crate::tensor::Tensor>,
    shape: &[usize],
    combine: impl Fn(&mut f32, f32) + Send + Sync,
) -> Result<Option<crate::tensor::Tensor>> {
    match (a, b) {
        (Some(a), Some(b)) => combined(a, b, shape, combine).map(Some),
        _ => Ok(a.clone().or_else(|| b.clone())),
    }
}
