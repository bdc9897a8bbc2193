//! Infidelity (Yeh et al. 2019) divided by the mean squared loss: what is left unexplained. From 0 to 1; lower is better, and 1 is
//! what a map that predicts nothing has.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::subsets::squares;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::{Metric, conditions};
use crate::metric::subject::Subject;
use crate::metric::undefined::undefined;
use crate::picture::InputShape;

/// Infidelity divided by the mean squared loss.
pub struct InfidelityRatio;

impl Metric for InfidelityRatio {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "infidelity-ratio",
            category: Category::Faithfulness,
            direction: Direction::Lower,
            is_default: false,
            paper: "Yeh et al. 2019",
            about: "infidelity divided by the mean squared loss: what is left unexplained",
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
        let power = squares.power();
        if power == 0.0 {
            return undefined("no square changes the logit");
        }
        match squares.error() {
            Some(error) => Ok(error / power),
            None => undefined("the relevance in every square is 0"),
        }
    }
}
