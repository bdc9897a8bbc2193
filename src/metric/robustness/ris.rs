//! Relative input stability (Agarwal et al. 2022, eq. 2): the largest change of the map relative to the change of the input, over
//! the noisy inputs that keep the class: (‖h_j − h‖ / ‖h‖) / (‖x_j − x‖ / ‖x‖), with norms as OpenXAI computes it. At least 0;
//! lower is better. Undefined where no noisy input keeps the class.

use anyhow::Result;

use super::relative::largest_ratio;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;
use crate::tensor::Tensor;

/// Largest change of the map relative to that of the input.
pub struct Ris;

impl Metric for Ris {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "ris",
            category: Category::Robustness,
            direction: Direction::Lower,
            is_default: false,
            paper: "Agarwal et al. 2022",
            about: "largest change of the map relative to the change of the input",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        &["radius", "noise-draws"]
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let inputs = subject.picture().noisy(conditions)?;
        let values = |input: &Tensor| input.data().to_vec();
        let changed: Vec<Vec<f32>> = inputs.iter().map(values).collect();
        largest_ratio(subject, conditions, subject.picture().input().data(), &changed)
    }
}
