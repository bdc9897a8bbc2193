//! Where the methods stand in the categories of metrics: places, and the Pareto front. There is no grand score.

use crate::evaluation::{MetricSettings, Settings};
use crate::metric::Category;
use crate::statistics::{pareto_front, ranks};

use super::named::Named;
use super::rows::{category, orientation};
use super::types::{CategoryRanks, MetricSummary};

/// The metric that stands for its category, where it was computed; else the category's first.
const REPRESENTATIVES: &[(Category, &str)] = &[
    (Category::Faithfulness, "srg"),
    (Category::Localisation, "mass-gain"),
    (Category::Robustness, "avg-sensitivity"),
    (Category::Complexity, "sparseness"),
    (Category::Randomisation, "random-logit"),
];

/// The places of all methods in each category, and the methods on the Pareto front.
pub(super) fn standing(
    settings: &Settings,
    metrics: &Named<MetricSummary>,
) -> (Named<CategoryRanks>, Vec<String>) {
    let methods = settings.methods.iter().filter(|method| !method.is_control);
    let methods: Vec<&str> = methods.map(|method| method.name.as_str()).collect();
    let mut rows = vec![vec![]; methods.len()];
    let mut places = vec![];
    for (of, preferred) in REPRESENTATIVES {
        let Some(metric) = representative(settings, metrics, *of, preferred) else {
            continue;
        };
        let scores = scores(metrics, metric, &methods);
        for (row, score) in rows.iter_mut().zip(&scores) {
            row.push(*score);
        }
        let found = methods.iter().zip(ranks(&scores));
        let named = found.filter_map(|(name, place)| Some((name.to_string(), place?))).collect();
        let ranks = CategoryRanks { metric: metric.name.clone(), places: named };
        places.push((of.word().to_string(), ranks));
    }
    let front = methods.iter().zip(pareto_front(&rows)).filter(|(_, is_on)| *is_on);
    (Named(places), front.map(|(name, _)| name.to_string()).collect())
}

/// The metric that stands for a category: one that at least one method has a value in.
fn representative<'a>(
    settings: &'a Settings,
    metrics: &Named<MetricSummary>,
    of: Category,
    preferred: &str,
) -> Option<&'a MetricSettings> {
    let is_defined = |metric: &&MetricSettings| {
        let methods = metrics.get(&metric.name).map(|summary| &summary.methods);
        methods.is_some_and(|methods| methods.iter().any(|(_, method)| method.n > 0))
    };
    let mut candidates: Vec<&MetricSettings> = settings.metrics.iter().filter(is_defined).collect();
    candidates.retain(|metric| category(metric) == of);
    let is_preferred = |metric: &&&MetricSettings| metric.metric == preferred;
    candidates.iter().find(is_preferred).or(candidates.first()).copied()
}

/// The means of a metric, turned so that larger is better.
fn scores(
    metrics: &Named<MetricSummary>,
    metric: &MetricSettings,
    methods: &[&str],
) -> Vec<Option<f64>> {
    let sign = orientation(metric.direction);
    let summary = metrics.get(&metric.name);
    let mean = |name: &&str| Some(summary?.methods.get(name)?.mean? * sign);
    methods.iter().map(mean).collect()
}
