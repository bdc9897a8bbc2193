//! Relevance mass accuracy (Arras, Osman, Samek 2022; μ of Kohlbrenner et al. 2020): the share of the positive relevance that lies
//! in the object, Σ_GT h⁺ / Σ h⁺. From 0 to 1; higher is better. Chance is the object's share of the picture: read mass-gain.

use anyhow::Result;

use super::truth::{object, positive_share};
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;

/// Share of the positive relevance inside the object.
pub struct Mass;

impl Metric for Mass {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "mass",
            category: Category::Localisation,
            direction: Direction::Higher,
            is_default: true,
            paper: "Arras et al. 2022",
            about: "share of the positive relevance inside the object",
        }
    }

    fn measure(&self, subject: &Subject, _conditions: &Conditions) -> Result<f64> {
        positive_share(subject.map(), object(subject)?.inside())
    }
}
