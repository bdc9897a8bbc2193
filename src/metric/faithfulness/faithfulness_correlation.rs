//! Faithfulness correlation (Bhatt, Weller, Moura 2020, eq. 1): Pearson's correlation of the relevance in a random subset of
//! regions and of the loss of the target's logit when the subset is removed, over 100 subsets of a fifth of the regions. From
//! −1 to 1; higher is better. The subsets and losses are the same for all methods.

use anyhow::Result;

use super::subsets::correlation;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;

/// Share of the regions in a subset.
const SHARE: f64 = 0.2;

/// Correlation of relevance and loss of logit over random subsets.
pub struct FaithfulnessCorrelation;

impl Metric for FaithfulnessCorrelation {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "faithfulness-correlation",
            category: Category::Faithfulness,
            direction: Direction::Higher,
            is_default: true,
            paper: "Bhatt et al. 2020",
            about: "correlation of relevance and loss of logit over random fifths of the picture",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        &["fill", "regions", "subsets", "draws"]
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let count = subject.picture().partition(&conditions.regions)?.count();
        let size = ((SHARE * count as f64).round() as usize).max(1);
        correlation(subject, conditions, ("subsets", &[]), size)
    }
}
