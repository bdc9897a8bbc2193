//! Area over the perturbation curve (Samek et al. 2017, eq. 12): 1/(L+1) Σ_{k=0..L} (p₀ − p_k), where p_k is the probability
//! when the k most relevant squares are noise. As in the paper: squares of 9 pixels for pictures of 224 (in proportion for
//! others), L = 100 squares one after the other, even noise over the range of the input, the mean of five draws. Below 1;
//! higher is better.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::CURVE;
use crate::metric::conditions::Conditions;
use crate::metric::curve::Curves;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::{Metric, conditions};
use crate::metric::removal::{Order, Regions, scaled_side};
use crate::metric::subject::Subject;
use crate::picture::InputShape;

/// Mean loss of probability over 100 squares of noise.
pub struct Aopc;

impl Metric for Aopc {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "aopc",
            category: Category::Faithfulness,
            direction: Direction::Higher,
            is_default: false,
            paper: "Samek et al. 2017",
            about: "mean loss of probability while 100 squares become noise, most relevant first",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        CURVE
    }

    fn fixed(&self, shape: InputShape) -> Map<String, Value> {
        let regions = Regions::Square(scaled_side(9.0, 224.0, shape.height, shape.width));
        conditions(
            json!({ "fill": "uniform", "regions": regions, "levels": "first:100", "draws": 5 }),
        )
    }

    fn curves(&self, subject: &Subject, conditions: &Conditions) -> Result<Option<Curves>> {
        let morf = subject.curve(Order::MostRelevantFirst, conditions)?;
        Ok(Some(Curves::new(Some(&morf), None, |curve| &curve.score)))
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let curve = subject.curve(Order::MostRelevantFirst, conditions)?;
        let losses = curve.score.iter().map(|score| curve.score[0] - score);
        Ok(losses.sum::<f64>() / curve.score.len() as f64)
    }
}
