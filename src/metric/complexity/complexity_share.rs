//! Complexity (Bhatt, Weller, Moura 2020) divided by the largest value that it can have, ln n: comparable between pictures of
//! several sizes. From 0 for a single pixel to 1 for an even map; lower is better.

use anyhow::Result;

use super::entropy::entropy;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;
use crate::metric::undefined::undefined;

/// Entropy of |relevance| divided by its largest value.
pub struct ComplexityShare;

impl Metric for ComplexityShare {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "complexity-share",
            category: Category::Complexity,
            direction: Direction::Lower,
            is_default: false,
            paper: "Bhatt et al. 2020",
            about: "entropy of |relevance| divided by that of an even map",
        }
    }

    fn measure(&self, subject: &Subject, _conditions: &Conditions) -> Result<f64> {
        let map = subject.map();
        let count = map.values().len();
        if count < 2 {
            return undefined("a single pixel has no entropy");
        }
        match entropy(map) {
            Some(value) => Ok(value / libm::log(count as f64)),
            None => undefined("the map is 0 everywhere"),
        }
    }
}
