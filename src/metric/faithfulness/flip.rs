//! Flip: the smallest share of pixels whose removal, most relevant regions first, makes another class the strongest one; 1 if
//! none does. From above 0 to 1; lower is better. With a random fill, another class in more than half of the draws.

use anyhow::Result;

use super::CURVE;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::removal::Order;
use crate::metric::subject::Subject;

/// Share of pixels to remove until the strongest class changes.
pub struct Flip;

impl Metric for Flip {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "flip",
            category: Category::Faithfulness,
            direction: Direction::Lower,
            is_default: true,
            paper: "",
            about: "share of the pixels to remove, most relevant first, until the top class changes",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        CURVE
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let curve = subject.curve(Order::MostRelevantFirst, conditions)?;
        Ok(curve.first_flip().map_or(1.0, |point| curve.fraction[point]))
    }
}
