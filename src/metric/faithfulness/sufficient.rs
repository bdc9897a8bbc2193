//! Sufficient: the share of pixels, the most relevant ones, that must stay for the strongest class to stay: 1 minus the largest
//! share that can be removed, least relevant regions first, before the class changes for the first time (after the sufficiency
//! of Nguyen, Martínez 2020). From 0 to 1; lower is better.

use anyhow::Result;

use super::CURVE;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::removal::Order;
use crate::metric::subject::Subject;

/// Share of pixels to keep for the strongest class to stay.
pub struct Sufficient;

impl Metric for Sufficient {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "sufficient",
            category: Category::Faithfulness,
            direction: Direction::Lower,
            is_default: true,
            paper: "after Nguyen, Martínez 2020",
            about: "share of the pixels, most relevant ones, that is enough to keep the top class",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        CURVE
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let curve = subject.curve(Order::LeastRelevantFirst, conditions)?;
        // Before the first point that has another class; without one, nothing needs to stay.
        let last = curve.first_flip().unwrap_or(curve.fraction.len()).saturating_sub(1);
        Ok(1.0 - curve.fraction[last])
    }
}
