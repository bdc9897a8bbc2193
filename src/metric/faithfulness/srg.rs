//! Symmetric relevance gain: how much longer the target's probability stays when the least relevant regions are removed
//! first than when the most relevant ones are (Blücher, Vielhaben, Strodthoff 2024; as ABPC in Achtibat et al. 2024).
//!
//! srg = area(lerf) − area(morf), from −1 to 1; 0 for a map that says nothing. Removing in both orders cancels what the
//! fill does to the network by itself. Not clamped.

use anyhow::Result;

use super::CURVE;
use crate::metric::conditions::Conditions;
use crate::metric::curve::Curves;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::removal::Order;
use crate::metric::subject::Subject;

/// Area under lerf minus area under morf.
pub struct Srg;

impl Metric for Srg {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "srg",
            category: Category::Faithfulness,
            direction: Direction::Higher,
            is_default: true,
            paper: "Blücher et al. 2024",
            about: "how much longer the probability stays when irrelevant regions go first: lerf minus morf",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        CURVE
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let lerf = subject.curve(Order::LeastRelevantFirst, conditions)?.area();
        Ok(lerf - subject.curve(Order::MostRelevantFirst, conditions)?.area())
    }

    fn curves(&self, subject: &Subject, conditions: &Conditions) -> Result<Option<Curves>> {
        let morf = subject.curve(Order::MostRelevantFirst, conditions)?;
        let lerf = subject.curve(Order::LeastRelevantFirst, conditions)?;
        Ok(Some(Curves::new(Some(&morf), Some(&lerf), |curve| &curve.score)))
    }
}
