//! What keeps a denominator from zero.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::parallel::map_chunks;

/// How a denominator is kept from zero. `sign(0)` counts as +1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StabilizerKind {
    /// `z + sign(z) · ε`.
    #[default]
    Additive,
    /// `sign(z) · max(|z|, ε)`.
    Clip,
    /// `z + sign(z) · ε · √(mean z²)`: scales with the layer.
    Relative,
}

/// A stabilizer with its strength.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stabilizer {
    /// The strength ε.
    pub epsilon: f32,
    /// How it is used.
    pub kind: StabilizerKind,
}

impl Default for Stabilizer {
    fn default() -> Stabilizer {
        Stabilizer::additive(1e-6)
    }
}

impl Stabilizer {
    /// `z + sign(z) · ε`.
    pub const fn additive(epsilon: f32) -> Stabilizer {
        Stabilizer { epsilon, kind: StabilizerKind::Additive }
    }

    /// Replaces every denominator `z` by `numerator / stabilized(z)`, 0 where the numerator is 0.
    /// Returns `Σ quotient · (stabilized(z) − z)`: the relevance that the stabilizer absorbs.
    pub fn divide(&self, numerators: &[f32], denominators: &mut [f32]) -> f64 {
        let epsilon = match self.kind {
            StabilizerKind::Relative => self.epsilon * root_mean_square(denominators),
            _ => self.epsilon,
        };
        match self.kind {
            StabilizerKind::Clip => divide(numerators, denominators, |z| {
                if z.abs() < epsilon { epsilon.copysign(sign(z)) } else { z }
            }),
            _ => divide(numerators, denominators, |z| z + epsilon.copysign(sign(z))),
        }
    }
}

/// −1 below zero, else 1; a negative zero is not below zero.
fn sign(z: f32) -> f32 {
    if z < 0.0 { -1.0 } else { 1.0 }
}

/// Number of independent partial sums: enough to keep the vector units busy.
const LANES: usize = 16;

/// Elements that one thread divides at a time.
const CHUNK: usize = 1 << 12;

fn divide(
    numerators: &[f32],
    denominators: &mut [f32],
    stabilized: impl Fn(f32) -> f32 + Send + Sync,
) -> f64 {
    let absorbed = map_chunks(denominators, CHUNK, |index, denominators| {
        let mut partial = [0.0f32; LANES];
        let numerators = numerators[index * CHUNK..].chunks(LANES);
        for (denominators, numerators) in denominators.chunks_mut(LANES).zip(numerators) {
            for ((z, &r), partial) in denominators.iter_mut().zip(numerators).zip(&mut partial) {
                let stable = stabilized(*z);
                // A relative ε is 0 too where the whole layer is silent: the relevance ends there.
                let quotient = if r == 0.0 || stable == 0.0 { 0.0 } else { r / stable };
                *partial += if stable == 0.0 { r } else { quotient * (stable - *z) };
                *z = quotient;
            }
        }
        partial.iter().map(|&value| f64::from(value)).sum::<f64>()
    });
    absorbed.into_iter().sum()
}

fn root_mean_square(values: &[f32]) -> f32 {
    let squares: f64 = values.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
    (squares / values.len().max(1) as f64).sqrt() as f32
}

impl fmt::Display for Stabilizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            StabilizerKind::Additive => write!(f, "ε={:e}", self.epsilon),
            StabilizerKind::Clip => write!(f, "ε={:e} (clip)", self.epsilon),
            StabilizerKind::Relative => write!(f, "ε={:e} (relative)", self.epsilon),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotients(kind: StabilizerKind) -> (Vec<f32>, f64) {
        let mut z = vec![1.0, -1.0, 0.0, -0.25, 2.0];
        let absorbed = Stabilizer { epsilon: 0.5, kind }.divide(&[3.0, 3.0, 3.0, 3.0, 0.0], &mut z);
        (z, absorbed)
    }

    #[test]
    fn additive_moves_away_from_zero() {
        let (quotients, absorbed) = quotients(StabilizerKind::Additive);
        assert_eq!(quotients, [2.0, -2.0, 6.0, -4.0, 0.0]);
        assert_eq!(absorbed, 2.0 * 0.5 + 2.0 * 0.5 + 6.0 * 0.5 + 4.0 * 0.5);
    }

    #[test]
    fn clip_leaves_large_denominators_alone() {
        let (quotients, absorbed) = quotients(StabilizerKind::Clip);
        assert_eq!(quotients, [3.0, -3.0, 6.0, -6.0, 0.0]);
        assert_eq!(absorbed, 6.0 * 0.5 + 6.0 * 0.25);
    }

    #[test]
    fn relative_scales_with_the_layer() {
        let mut z = vec![3.0, -4.0];
        let stabilizer = Stabilizer { epsilon: 0.1, kind: StabilizerKind::Relative };
        stabilizer.divide(&[1.0, 1.0], &mut z);
        let epsilon = 0.1 * (12.5f32).sqrt();
        assert!((z[0] - 1.0 / (3.0 + epsilon)).abs() < 1e-6);
        assert!((z[1] + 1.0 / (4.0 + epsilon)).abs() < 1e-6);
    }
}
