//! Faithfulness estimate (Alvarez-Melis, Jaakkola 2018, section 4): Pearson's correlation, over all regions, of a region's
//! relevance and of the loss of the target's logit when it alone is removed. From −1 to 1; higher is better.

use anyhow::Result;

use super::subsets::single_losses;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::similarity::pearson;
use crate::metric::subject::Subject;

/// Correlation of relevance and loss of logit over single regions.
pub struct FaithfulnessEstimate;

impl Metric for FaithfulnessEstimate {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "faithfulness-estimate",
            category: Category::Faithfulness,
            direction: Direction::Higher,
            is_default: false,
            paper: "Alvarez-Melis, Jaakkola 2018",
            about: "correlation of relevance and loss of logit over single regions",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        &["fill", "regions", "draws"]
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let relevance = subject.picture().partition(&conditions.regions)?.sums(subject.map());
        pearson(&relevance, &single_losses(subject.picture(), conditions)?)
    }
}
