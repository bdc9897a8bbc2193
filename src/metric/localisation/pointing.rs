//! Pointing game (Zhang et al. 2018): whether the largest relevance lies in the object; of several equal ones, the share that does.
//! With a tolerance, a maximum that is so many pixels beside the object counts too. From 0 to 1; higher is better.

use anyhow::Result;

use super::truth::object;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;

/// Whether the largest relevance is inside the object.
pub struct Pointing;

impl Metric for Pointing {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "pointing",
            category: Category::Localisation,
            direction: Direction::Higher,
            is_default: true,
            paper: "Zhang et al. 2018",
            about: "whether the largest relevance is inside the object",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        &["tolerance"]
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let object = object(subject)?;
        let values = subject.map().values();
        let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let maxima: Vec<usize> =
            (0..values.len()).filter(|&pixel| values[pixel] == highest).collect();
        let hits =
            maxima.iter().filter(|&&pixel| object.is_near(pixel, conditions.tolerance)).count();
        Ok(hits as f64 / maxima.len() as f64)
    }
}
