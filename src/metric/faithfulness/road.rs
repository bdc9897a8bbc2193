//! Remove and debias (ROAD; Rong et al. 2022): pixels are imputed from their neighbours, so that what is left does not tell the
//! shape of what was removed. The mean over shares of 10, 30, 50, 70 and 90 % of whether the network still finds the target: least
//! relevant pixels removed first minus most relevant ones first. From −1 to 1; higher is better.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::CURVE;
use crate::metric::conditions::Conditions;
use crate::metric::curve::{Curve, Curves};
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::{Metric, conditions};
use crate::metric::removal::Order;
use crate::metric::subject::Subject;
use crate::picture::InputShape;

/// Accuracy after removing the least relevant pixels minus that after removing the most relevant ones.
pub struct Road;

impl Metric for Road {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "road",
            category: Category::Faithfulness,
            direction: Direction::Higher,
            is_default: false,
            paper: "Rong et al. 2022",
            about: "accuracy with the least minus with the most relevant pixels imputed",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        CURVE
    }

    fn fixed(&self, _shape: InputShape) -> Map<String, Value> {
        let levels = [0.1, 0.3, 0.5, 0.7, 0.9];
        conditions(json!({ "fill": "linear", "regions": "pixels", "levels": levels }))
    }

    fn curves(&self, subject: &Subject, conditions: &Conditions) -> Result<Option<Curves>> {
        let morf = subject.curve(Order::MostRelevantFirst, conditions)?;
        let lerf = subject.curve(Order::LeastRelevantFirst, conditions)?;
        let accuracy: fn(&Curve) -> &[f64] = |curve| &curve.is_target;
        Ok(Some(Curves::new(Some(&morf), Some(&lerf), accuracy)))
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let accuracy = |order| -> Result<f64> {
            let curve = subject.curve(order, conditions)?;
            // The unchanged picture does not count.
            let points = curve.is_target.len().saturating_sub(1).max(1);
            Ok(curve.is_target.iter().skip(1).sum::<f64>() / points as f64)
        };
        Ok(accuracy(Order::LeastRelevantFirst)? - accuracy(Order::MostRelevantFirst)?)
    }
}
