//! Relative output stability (Agarwal et al. 2022, eq. 5): the largest change of the map relative to the change of the logits,
//! over the noisy inputs that keep the class: (‖h_j − h‖ / ‖h‖) / (‖z_j − z‖ / ‖z‖), with norms as OpenXAI computes it. At least
//! 0; lower is better. Undefined where no noisy input keeps the class.

use anyhow::Result;

use super::relative::largest_ratio;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;

/// Largest change of the map relative to that of the logits.
pub struct Ros;

impl Metric for Ros {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "ros",
            category: Category::Robustness,
            direction: Direction::Lower,
            is_default: false,
            paper: "Agarwal et al. 2022",
            about: "largest change of the map relative to the change of the logits",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        &["radius", "noise-draws"]
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let outputs = subject.noisy_outputs(conditions)?;
        let changed: Vec<Vec<f32>> = outputs.into_iter().map(|output| output.logits).collect();
        largest_ratio(subject, conditions, &subject.picture().output().logits, &changed)
    }
}
