//! Maximum sensitivity (Yeh et al. 2019, definition 3.1): the largest ‖h_j − h‖ / ‖h‖ over noisy inputs, the noise even and
//! within 5 % of the range of the input. At least 0; lower is better. `flips` in the report says how often the class changed.

use anyhow::Result;

use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;

/// Largest change of the map under small noise.
pub struct MaxSensitivity;

impl Metric for MaxSensitivity {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "max-sensitivity",
            category: Category::Robustness,
            direction: Direction::Lower,
            is_default: false,
            paper: "Yeh et al. 2019",
            about: "largest relative change of the map under small noise on the input",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        &["radius", "noise-draws"]
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let noisy = subject.noisy(conditions)?;
        Ok(noisy.change.iter().copied().fold(0.0, f64::max))
    }
}
