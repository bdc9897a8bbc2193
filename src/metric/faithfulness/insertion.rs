//! Insertion (Petsiuk, Das, Saenko 2018): the area under the target's probability while pixels come back into a blurred picture,
//! the most relevant ones first, in 64 steps. That is the curve of removing the least relevant ones first, read backwards. From
//! 0 to 1; higher is better.

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

/// Area under the probability while pixels are inserted.
pub struct Insertion;

impl Metric for Insertion {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "insertion",
            category: Category::Faithfulness,
            direction: Direction::Higher,
            is_default: false,
            paper: "Petsiuk et al. 2018",
            about: "area under the probability while single pixels come back into a blurred picture",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        CURVE
    }

    fn fixed(&self, _shape: InputShape) -> Map<String, Value> {
        conditions(json!({ "fill": "blur", "regions": "pixels", "levels": 64 }))
    }

    fn curves(&self, subject: &Subject, conditions: &Conditions) -> Result<Option<Curves>> {
        let lerf = subject.curve(Order::LeastRelevantFirst, conditions)?;
        Ok(Some(Curves::new(None, Some(&lerf), |curve| &curve.score)))
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        Ok(subject.curve(Order::LeastRelevantFirst, conditions)?.area())
    }
}
