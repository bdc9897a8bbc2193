//! Total variation (Goh et al. 2021, section IV-C): how much neighbouring pixels differ, the mean over a pyramid of scales, each
//! 1.5 times smaller. Relevance counts by its magnitude, from the lowest value (0) to the 99th percentile (1). From 0 for an even
//! map to 2; lower is better.

use anyhow::Result;

use super::variation::average_total_variation;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;

/// How much neighbouring pixels differ.
pub struct TotalVariation;

impl Metric for TotalVariation {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "total-variation",
            category: Category::Complexity,
            direction: Direction::Lower,
            is_default: false,
            paper: "Goh et al. 2021",
            about: "how much neighbouring pixels differ, over a pyramid of scales",
        }
    }

    fn measure(&self, subject: &Subject, _conditions: &Conditions) -> Result<f64> {
        let map = subject.map();
        let values: Vec<f32> = map.values().iter().map(|&value| value as f32).collect();
        Ok(f64::from(average_total_variation(&values, map.height(), map.width())))
    }
}
