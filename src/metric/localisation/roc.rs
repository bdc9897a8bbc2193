//! The area under the receiver operating characteristic (Fawcett 2006) of relevance as a score for "inside the object": the
//! probability that a pixel inside has more relevance than one outside, ties counting half. From 0 to 1; 0.5 is chance, higher is
//! better. Undefined where the object is everything.

use anyhow::Result;

use super::truth::object;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::similarity::ranks;
use crate::metric::subject::Subject;
use crate::metric::undefined::undefined;

/// Area under the ROC curve of relevance against the object.
pub struct Roc;

impl Metric for Roc {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "roc",
            category: Category::Localisation,
            direction: Direction::Higher,
            is_default: false,
            paper: "Fawcett 2006",
            about: "area under the ROC curve of relevance against the object; 0.5 is chance",
        }
    }

    fn measure(&self, subject: &Subject, _conditions: &Conditions) -> Result<f64> {
        let object = object(subject)?;
        let (inside, count) = (object.area() as f64, object.inside().len() as f64);
        if inside == count {
            return undefined("the object is the whole picture");
        }
        let ranks = ranks(subject.map().values());
        let sum: f64 = ranks
            .iter()
            .zip(object.inside())
            .filter(|(_, inside)| **inside)
            .map(|(rank, _)| rank)
            .sum();
        // Mann and Whitney: how often a pixel inside stands above one outside.
        Ok((sum - inside * (inside + 1.0) / 2.0) / (inside * (count - inside)))
    }
}
