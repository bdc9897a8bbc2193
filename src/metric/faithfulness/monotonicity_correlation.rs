//! Monotonicity (Nguyen, Martínez 2020, section 4.1): Spearman's correlation, over all regions, of |relevance| and of the squared
//! loss of the target's logit when a region alone is removed. From −1 to 1; higher is better. It prefers edges: on photos an edge
//! detector may have more (0.75) than any method (0.28), because it asks where something is, not what it says.

use anyhow::Result;

use super::subsets::single_losses;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::similarity::spearman;
use crate::metric::subject::Subject;

/// Rank correlation of |relevance| and squared loss over single regions.
pub struct MonotonicityCorrelation;

impl Metric for MonotonicityCorrelation {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "monotonicity-correlation",
            category: Category::Faithfulness,
            direction: Direction::Higher,
            is_default: false,
            paper: "Nguyen, Martínez 2020",
            about: "rank correlation of |relevance| and squared loss over single regions; prefers edges",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        &["fill", "regions", "draws"]
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let relevance = subject.picture().partition(&conditions.regions)?.sums(subject.map());
        let magnitudes: Vec<f64> = relevance.iter().map(|relevance| relevance.abs()).collect();
        let losses = single_losses(subject.picture(), conditions)?;
        let squares: Vec<f64> = losses.iter().map(|loss| loss * loss).collect();
        spearman(&magnitudes, &squares)
    }
}
