//! What keeps a denominator from zero.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::parallel::map_chunks;
use crate::vector;

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

    /// Replaces every numerator by `numerator / stabilized(denominator)`, 0 where the numerator is 0.
    ///
    /// Returns for every run of `run` elements `Σ quotient · (stabilized(z) − z)`, the relevance that
    /// the stabilizer absorbs, and `Σ quotient`.
    pub fn divide(
        &self,
        numerators: &mut [f32],
        denominators: &[f32],
        run: usize,
    ) -> Vec<[f64; 2]> {
        let epsilon = match self.kind {
            StabilizerKind::Relative => self.epsilon * root_mean_square(denominators),
            _ => self.epsilon,
        };
        match self.kind {
            StabilizerKind::Clip => divide(numerators, denominators, run, |z| clipped(z, epsilon)),
            _ => divide(numerators, denominators, run, |z| moved(z, epsilon)),
        }
    }
}

/// −1 below zero, else 1; a negative zero is not below zero.
#[inline(always)]
fn sign(z: f32) -> f32 {
    if z < 0.0 { -1.0 } else { 1.0 }
}

#[inline(always)]
fn clipped(z: f32, epsilon: f32) -> f32 {
    if z.abs() < epsilon { epsilon.copysign(sign(z)) } else { z }
}

#[inline(always)]
fn moved(z: f32, epsilon: f32) -> f32 {
    z + epsilon.copysign(sign(z))
}

#[inline(always)]
fn quotient(r: f32, z: f32, stable: f32) -> (f32, f32) {
    // A relative ε is 0 too where the whole layer is silent: the relevance ends there.
    let is_silent = (r == 0.0) | (stable == 0.0);
    // Divided first and chosen then, so that the compiler makes vectors of it.
    let quotient = r / stable;
    let quotient = if is_silent { 0.0 } else { quotient };
    let absorbed = if stable == 0.0 { r } else { quotient * (stable - z) };
    (quotient, absorbed)
}

fn divide(
    numerators: &mut [f32],
    denominators: &[f32],
    run: usize,
    stabilized: impl Fn(f32) -> f32 + Send + Sync,
) -> Vec<[f64; 2]> {
    map_chunks(numerators, run, |index, numerators| {
        let denominators = &denominators[index * run..][..numerators.len()];
        vector::update(numerators, [denominators], |r, [z]| {
            let (quotient, absorbed) = quotient(r, z, stabilized(z));
            (quotient, [absorbed, quotient])
        })
    })
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

    fn quotients(kind: StabilizerKind) -> (Vec<f32>, Vec<[f64; 2]>) {
        let mut quotients = vec![3.0, 3.0, 3.0, 3.0, 0.0];
        let z = [1.0, -1.0, 0.0, -0.25, 2.0];
        let sums = Stabilizer { epsilon: 0.5, kind }.divide(&mut quotients, &z, 3);
        (quotients, sums)
    }

    #[test]
    fn additive_moves_away_from_zero() {
        let (quotients, sums) = quotients(StabilizerKind::Additive);
        assert_eq!(quotients, [2.0, -2.0, 6.0, -4.0, 0.0]);
        assert_eq!(sums, [[2.0 * 0.5 + 2.0 * 0.5 + 6.0 * 0.5, 2.0 - 2.0 + 6.0], [4.0 * 0.5, -4.0]]);
    }

    #[test]
    fn clip_leaves_large_denominators_alone() {
        let (quotients, sums) = quotients(StabilizerKind::Clip);
        assert_eq!(quotients, [3.0, -3.0, 6.0, -6.0, 0.0]);
        assert_eq!(sums, [[6.0 * 0.5, 3.0 - 3.0 + 6.0], [6.0 * 0.25, -6.0]]);
    }

    #[test]
    fn relative_scales_with_the_layer() {
        let (mut quotients, z) = ([1.0, 1.0], [3.0, -4.0]);
        let stabilizer = Stabilizer { epsilon: 0.1, kind: StabilizerKind::Relative };
        stabilizer.divide(&mut quotients, &z, 2);
        let epsilon = 0.1 * (12.5f32).sqrt();
        assert!((quotients[0] - 1.0 / (3.0 + epsilon)).abs() < 1e-6);
        assert!((quotients[1] + 1.0 / (4.0 + epsilon)).abs() < 1e-6);
    }
}
