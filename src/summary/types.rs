//! The summary, as `summary.json` has it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::evaluation::Settings;
use crate::metric::{Category, Direction};

use super::named::Named;

/// What the lines of a report say together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The settings of the evaluation.
    pub settings: Settings,
    /// How many pictures were evaluated.
    pub pictures: usize,
    /// How certain intervals and tests are, such as 0.95.
    pub confidence: f64,
    /// What removed pixels are filled with, and what it does to the network.
    pub fill: FillSummary,
    /// The metrics, in the order of the settings.
    pub metrics: Named<MetricSummary>,
    /// Places in the categories of metrics, one metric for each. Controls have none.
    pub ranks: Named<CategoryRanks>,
    /// The methods that no other beats in all of these metrics.
    pub pareto: Vec<String>,
    /// A weighted score, where weights were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Weighted>,
    /// What a reader of the numbers must know, in sentences.
    pub warnings: Vec<String>,
}

/// What removed pixels are filled with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FillSummary {
    /// Its name.
    pub name: String,
    /// Mean probability of the target while regions are removed in random order (Blücher et al. 2024), 0 to 1: how far
    /// the fill keeps pictures in the network's scope. `None` without the control `random`.
    pub r_oms: Option<f64>,
    /// Mean probability of the target with everything removed, minus 1/classes: what the fill leaves of the picture.
    /// `None` without curves.
    pub leak: Option<f64>,
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricSummary {
    /// Which values are better.
    pub direction: Direction,
    /// What the metric looks at.
    pub category: Category,
    /// The methods, controls included, in the order of the settings.
    pub methods: Named<MethodSummary>,
}

/// One method in one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodSummary {
    /// Pictures on which the metric is defined.
    pub n: usize,
    /// Mean over these pictures; `None` without any.
    pub mean: Option<f64>,
    /// Of the mean; `None` with fewer than two pictures.
    pub standard_error: Option<f64>,
    /// Median over these pictures.
    pub median: Option<f64>,
    /// Bootstrap interval of the mean, from ten pictures on.
    pub interval: Option<[f64; 2]>,
    /// Whether it is the best method. Controls never are.
    pub best: bool,
    /// Whether it is the best, or its difference to the best may be chance. Controls never are.
    pub indistinguishable: bool,
    /// Whether it beats the control `random`: in the mean, and from six pictures on, where a test can tell, also by the
    /// test. `None` for controls, without `random`, and in metrics that say nothing about noise.
    pub above_random: Option<bool>,
    /// Paired differences to the best method; `None` for the best.
    pub difference: Option<Difference>,
    /// Paired differences to the control `random`; `None` where `above_random` is.
    pub random: Option<Difference>,
    /// On how many pictures the metric is undefined, for each reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub undefined: BTreeMap<String, usize>,
}

/// Paired differences: this method minus another, on the pictures where both are defined.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The other method.
    pub to: String,
    /// How many pictures these are.
    pub n: usize,
    /// The mean difference, in units of the metric.
    pub mean: f64,
    /// Of the mean difference.
    pub standard_error: Option<f64>,
    /// Bootstrap interval of the mean difference, from ten pictures on.
    pub interval: Option<[f64; 2]>,
    /// p-value of the sign-flip test. In differences to the best it is adjusted by Holm's method, for all methods of the
    /// metric together, or for all controls together.
    pub p: f64,
    /// How many pictures would show a difference as large as this, with a probability of 80 %.
    pub pictures_needed: Option<u64>,
}

/// Places in the metric that stands for its category.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CategoryRanks {
    /// The metric.
    pub metric: String,
    /// The place of every method, 1 for the best; methods for which the metric is undefined are left out.
    pub places: Named<usize>,
}

/// A weighted score. There is no such thing as the right weights: they are the reader's own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weighted {
    /// Weight of every metric, as given.
    pub weights: BTreeMap<String, f64>,
    /// Pictures on which all these metrics are defined for all methods.
    pub n: usize,
    /// The score of every method. Controls have none.
    pub methods: Named<WeightedScore>,
}

/// The weighted score of a method: 0 is the mean of all methods, larger is better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WeightedScore {
    /// Mean over pictures of the weighted mean of standardised differences to the mean method.
    pub mean: f64,
    /// Of the mean.
    pub standard_error: Option<f64>,
}
