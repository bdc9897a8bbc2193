//! Area under the perturbation curve (Goh et al. 2021, section IV-B): the target's logit, divided by that of the unchanged
//! picture, while 30 regions of |relevance|, the highest first, are replaced by noise, each five times. About 1 for a map that
//! says nothing; lower is better.

use anyhow::Result;

use super::perturbation_curve::{PerturbationCurve, area_under_curve};
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;
use crate::tensor::Tensor;

/// Area under the curve of random replacement.
pub struct Aupc;

impl Metric for Aupc {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "aupc",
            category: Category::Faithfulness,
            direction: Direction::Lower,
            is_default: false,
            paper: "Goh et al. 2021",
            about: "area under the relative logit while regions become noise, highest |relevance| first",
        }
    }

    fn measure(&self, subject: &Subject, _conditions: &Conditions) -> Result<f64> {
        let picture = subject.picture();
        let layered = picture.layered();
        let range = layered.range()?;
        let end = |end: usize| layered.replaced(|channel, _, _| range[channel][end]);
        let map: Vec<f32> = subject.map().values().iter().map(|&value| value as f32).collect();
        let seed = picture.seeds().stream("aupc", &[]).seed();
        let scores = |inputs: Vec<Tensor>| {
            let outputs = subject.run(inputs.len(), &|index| Ok(inputs[index].clone()))?;
            Ok(outputs.iter().map(|output| output.logit(picture.target()) as f32).collect())
        };
        let curve = PerturbationCurve::of(layered.shape(), seed);
        let curve =
            curve.measure(picture.input(), &map, layered.shape(), (&end(0)?, &end(1)?), scores)?;
        Ok(f64::from(area_under_curve(&curve)))
    }
}
