//! Mass gain (μ_w of Kohlbrenner et al. 2020): the mass divided by the object's share of the picture, mass · HW / |GT|. At least 0;
//! 1 is chance, higher is better.

use anyhow::Result;

use super::truth::{object, positive_share};
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;

/// Mass divided by the object's share of the picture.
pub struct MassGain;

impl Metric for MassGain {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "mass-gain",
            category: Category::Localisation,
            direction: Direction::Higher,
            is_default: true,
            paper: "Kohlbrenner et al. 2020",
            about: "mass divided by the object's share of the picture; 1 is chance",
        }
    }

    fn measure(&self, subject: &Subject, _conditions: &Conditions) -> Result<f64> {
        let object = object(subject)?;
        let mass = positive_share(subject.map(), object.inside())?;
        Ok(mass * object.inside().len() as f64 / object.area() as f64)
    }
}
