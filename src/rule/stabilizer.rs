//! Stabilizers keep denominators away from zero.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a denominator is kept away from zero. `sign(0)` counts as +1.
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
    /// The formula.
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
