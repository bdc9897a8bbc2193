//! Most relevant first: the area under the target's probability while regions are removed, the most relevant ones first
//! (Bach et al. 2015, section 4.1; Samek et al. 2017). From 0 to 1 for probabilities; lower is better. It depends on the fill
//! more than on the map: compare methods under one fill only, or read srg.

use anyhow::Result;

use super::CURVE;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::removal::Order;
use crate::metric::subject::Subject;

/// Area under the score, most relevant regions removed first.
pub struct Morf;

impl Metric for Morf {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "morf",
            category: Category::Faithfulness,
            direction: Direction::Lower,
            is_default: true,
            paper: "Bach et al. 2015",
            about: "area under the probability while the most relevant regions are removed first",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        CURVE
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        Ok(subject.curve(Order::MostRelevantFirst, conditions)?.area())
    }
}
