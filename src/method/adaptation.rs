//! Adaptive σ: the objective that it minimises, and the value that was chosen.

use serde::{Deserialize, Serialize};

/// The measure that σ is chosen by; lower is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// The area under the perturbation curve.
    Aupc,
    /// The average total variation.
    Tv,
}

impl Objective {
    /// All objectives.
    pub const ALL: [Objective; 2] = [Objective::Aupc, Objective::Tv];

    /// The word on the command line and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Objective::Aupc => "aupc",
            Objective::Tv => "tv",
        }
    }
}

/// A chosen σ, compared with the given one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Adaptation {
    /// The measure that σ was chosen by.
    pub objective: Objective,
    /// The chosen σ.
    pub sigma: f32,
    /// The objective with the chosen σ.
    pub value: f32,
    /// The σ that was given.
    pub fixed_sigma: f32,
    /// The objective with the given σ.
    pub fixed_value: f32,
    /// How many values of σ were tried.
    pub tried: usize,
}
