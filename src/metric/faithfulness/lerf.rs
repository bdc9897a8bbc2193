//! Least relevant first: the area under the target's probability while regions are removed, the least relevant ones first
//! (Samek et al. 2017). From 0 to 1 for probabilities; higher is better. Read backwards it is the curve of insertion.

use anyhow::Result;

use super::CURVE;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::removal::Order;
use crate::metric::subject::Subject;

/// Area under the score, least relevant regions removed first.
pub struct Lerf;

impl Metric for Lerf {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "lerf",
            category: Category::Faithfulness,
            direction: Direction::Higher,
            is_default: true,
            paper: "Samek et al. 2017",
            about: "area under the probability while the least relevant regions are removed first",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        CURVE
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        Ok(subject.curve(Order::LeastRelevantFirst, conditions)?.area())
    }
}
