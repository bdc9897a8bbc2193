//! Average sensitivity: the mean over noisy inputs of ‖h_j − h‖ / ‖h‖ (the mean in place of the maximum of Yeh et al. 2019,
//! definition 3.1, with its normalization). The noise is even, within 5 % of the range of the input. At least 0; lower is better,
//! and a map that never changes has 0: read it beside faithfulness.

use anyhow::Result;

use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;

/// Mean change of the map under small noise.
pub struct AvgSensitivity;

impl Metric for AvgSensitivity {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "avg-sensitivity",
            category: Category::Robustness,
            direction: Direction::Lower,
            is_default: true,
            paper: "Yeh et al. 2019",
            about: "mean relative change of the map under small noise on the input",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        &["radius", "noise-draws"]
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let noisy = subject.noisy(conditions)?;
        Ok(noisy.change.iter().sum::<f64>() / noisy.change.len() as f64)
    }
}
