//! A weighted score, for those who know their weights.

use std::collections::BTreeMap;

use crate::evaluation::{MethodSettings, Settings};
use crate::statistics::Sample;

use super::named::Named;
use super::rows::orientation;
use super::types::{Weighted, WeightedScore};
use super::values::Values;

/// The weighted score of every method; `None` without weights.
///
/// In each metric a picture's differences to the mean of all methods are divided by their root mean square over all
/// pictures and methods; the weighted mean of these over the metrics is the picture's score.
pub(super) fn weighted(
    settings: &Settings,
    values: &Values,
    units: &[usize],
    weights: &BTreeMap<String, f64>,
) -> Option<Weighted> {
    if weights.is_empty() {
        return None;
    }
    let methods: Vec<&MethodSettings> =
        settings.methods.iter().filter(|method| !method.is_control).collect();
    let is_complete = |picture: &usize| {
        weights.keys().all(|metric| {
            let value =
                |method: &&MethodSettings| values.of_method(metric, &method.name).get(*picture);
            methods.iter().all(|method| value(method).is_some_and(Option::is_some))
        })
    };
    let pictures: Vec<usize> = (0..values.inputs.len()).filter(is_complete).collect();
    let mut scores = vec![vec![0.0; pictures.len()]; methods.len()];
    let total: f64 = weights.values().sum();
    for (metric, weight) in weights {
        let direction = settings.metrics.iter().find(|other| other.name == *metric)?.direction;
        let standardised = standardised(values, metric, &methods, &pictures);
        for (score, values) in scores.iter_mut().flatten().zip(standardised.into_iter().flatten()) {
            *score += value_share(*weight, total) * orientation(direction) * values;
        }
    }
    let score = |scores: Vec<f64>| {
        let sample = pictures.iter().zip(scores).map(|(picture, score)| (units[*picture], score));
        let sample = Sample::of_folders(sample);
        Some(WeightedScore { mean: sample.mean()?, standard_error: sample.standard_error() })
    };
    let named = methods.iter().zip(scores);
    let methods: Named<WeightedScore> =
        named.filter_map(|(method, scores)| Some((method.name.clone(), score(scores)?))).collect();
    Some(Weighted { weights: weights.clone(), n: pictures.len(), methods })
}

fn value_share(weight: f64, total: f64) -> f64 {
    if total > 0.0 { weight / total } else { 0.0 }
}

/// By method and picture, the difference to the mean of all methods in units of the root mean square of all.
fn standardised(
    values: &Values,
    metric: &str,
    methods: &[&MethodSettings],
    pictures: &[usize],
) -> Vec<Vec<f64>> {
    let value = |method: &MethodSettings, picture: usize| {
        values.of_method(metric, &method.name)[picture].unwrap_or_default()
    };
    let mean = |picture: usize| {
        methods.iter().map(|method| value(method, picture)).sum::<f64>() / methods.len() as f64
    };
    let means: Vec<f64> = pictures.iter().map(|picture| mean(*picture)).collect();
    let differences = |method: &&MethodSettings| {
        pictures.iter().zip(&means).map(|(picture, mean)| value(method, *picture) - mean).collect()
    };
    let mut all: Vec<Vec<f64>> = methods.iter().map(differences).collect();
    let count = methods.len() * pictures.len();
    let squares: f64 = all.iter().flatten().map(|difference| difference * difference).sum();
    let scale = (squares / count.max(1) as f64).sqrt();
    for difference in all.iter_mut().flatten() {
        *difference = if scale > 0.0 { *difference / scale } else { 0.0 };
    }
    all
}
