//! Deletion (Petsiuk, Das, Saenko 2018): the area under the target's probability while pixels are set to 0, the most relevant
//! ones first, in 64 steps. From 0 to 1; lower is better. A network may take the deleted pixels for edges: read srg beside it.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::CURVE;
use crate::metric::conditions::Conditions;
use crate::metric::curve::Curves;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::{Metric, conditions};
use crate::metric::removal::Order;
use crate::metric::subject::Subject;
use crate::picture::InputShape;

/// Area under the probability while pixels are deleted.
pub struct Deletion;

impl Metric for Deletion {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "deletion",
            category: Category::Faithfulness,
            direction: Direction::Lower,
            is_default: false,
            paper: "Petsiuk et al. 2018",
            about: "area under the probability while single pixels are set to 0, most relevant first",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        CURVE
    }

    fn fixed(&self, _shape: InputShape) -> Map<String, Value> {
        conditions(json!({ "fill": "zero", "regions": "pixels", "levels": 64 }))
    }

    fn curves(&self, subject: &Subject, conditions: &Conditions) -> Result<Option<Curves>> {
        let morf = subject.curve(Order::MostRelevantFirst, conditions)?;
        Ok(Some(Curves::new(Some(&morf), None, |curve| &curve.score)))
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        Ok(subject.curve(Order::MostRelevantFirst, conditions)?.area())
    }
}
