//! The σ that an adaptive method chose, and by what measure.

use serde::Serialize;

/// What σ is chosen by: both are better where they are lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// The area under the perturbation curve.
    Aupc,
    /// The average total variation.
    Tv,
}

impl Objective {
    /// All of them.
    pub const ALL: [Objective; 2] = [Objective::Aupc, Objective::Tv];

    /// The word on the command line and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Objective::Aupc => "aupc",
            Objective::Tv => "tv",
        }
    }
}

/// The σ that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Adaptation {
    /// What it was chosen by.
    pub objective: Objective,
    /// The chosen σ.
    pub sigma: f32,
    /// Its objective.
    pub value: f32,
    /// The σ that was given.
    pub fixed_sigma: f32,
    /// Its objective.
    pub fixed_value: f32,
    /// How many were tried.
    pub tried: usize,
}
