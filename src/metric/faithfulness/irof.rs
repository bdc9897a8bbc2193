//! Iterative removal of features (IROF; Rieger, Hansen 2020): superpixels are replaced by the picture's mean, one after the other,
//! the most relevant first. 1 minus the area under p_k / p₀ over the share of superpixels. Below 1; higher is better.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::CURVE;
use crate::metric::conditions::Conditions;
use crate::metric::curve::Curves;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::{Metric, conditions};
use crate::metric::removal::{Order, area};
use crate::metric::subject::Subject;
use crate::metric::undefined::undefined;
use crate::picture::InputShape;

/// Area over the relative probability while superpixels are removed.
pub struct Irof;

impl Metric for Irof {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "irof",
            category: Category::Faithfulness,
            direction: Direction::Higher,
            is_default: false,
            paper: "Rieger, Hansen 2020",
            about: "area over the relative probability while superpixels are removed, most relevant first",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        CURVE
    }

    fn fixed(&self, _shape: InputShape) -> Map<String, Value> {
        conditions(json!({ "fill": "mean", "regions": "slic", "levels": "all" }))
    }

    fn curves(&self, subject: &Subject, conditions: &Conditions) -> Result<Option<Curves>> {
        let morf = subject.curve(Order::MostRelevantFirst, conditions)?;
        Ok(Some(Curves::new(Some(&morf), None, |curve| &curve.score)))
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let curve = subject.curve(Order::MostRelevantFirst, conditions)?;
        let whole = curve.score[0];
        if whole == 0.0 {
            return undefined("the score of the unchanged picture is 0");
        }
        Ok(1.0 - area(&curve.regions, &curve.score) / whole)
    }
}
