//! Infidelity (Yeh et al. 2019, definition 2.1, with the scaling of its section 4): over 200 random squares that are set to 0,
//! with s the relevance in the square and d the loss of the target's logit: the mean of (d − βs)², β = Σds / Σs². At least 0, in
//! squared logits; lower is better. A constant map scores well where the sides differ, because larger squares lose more: read it
//! against the control, or as infidelity-ratio.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::subsets::squares;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::{Metric, conditions};
use crate::metric::subject::Subject;
use crate::metric::undefined::undefined;
use crate::picture::InputShape;

/// Squared error of relevance as a prediction of the loss, over random squares.
pub struct Infidelity;

impl Metric for Infidelity {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "infidelity",
            category: Category::Faithfulness,
            direction: Direction::Lower,
            is_default: false,
            paper: "Yeh et al. 2019",
            about: "squared error of relevance as a prediction of the loss of logit, over random squares",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        &["fill", "subsets", "draws"]
    }

    fn fixed(&self, _shape: InputShape) -> Map<String, Value> {
        conditions(json!({ "fill": "zero", "subsets": 200 }))
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let squares = squares(subject, conditions)?;
        match squares.error() {
            Some(error) => Ok(error),
            None => undefined("the relevance in every square is 0"),
        }
    }
}
