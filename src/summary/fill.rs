//! What the fill does to the network, from the curves of the report.

use serde_json::Value;

use crate::evaluation::{MetricSettings, ReportLine, Settings};

use super::curves::{MeanCurve, area, mean_curves};
use super::rows::RANDOM;
use super::types::FillSummary;

/// What removed pixels are filled with, and what it does to the network.
pub(super) fn fill(settings: &Settings, lines: &[ReportLine]) -> FillSummary {
    let curves = mean_curves(lines);
    let has_own_fill = |metric: &MetricSettings| {
        metric.options.get("fill").is_some_and(|fill| *fill != settings.fill.name.as_str())
    };
    let metrics = settings.metrics.iter().filter(|metric| !has_own_fill(metric));
    let methods = metrics.filter_map(|metric| curves.get(&metric.name)).next();
    let is_probability = settings.others.get("score").and_then(Value::as_str) != Some("logit");
    let methods = methods.filter(|_| is_probability);
    let random = methods.and_then(|methods| methods.get(RANDOM));
    let of_any = methods.and_then(|methods| methods.values().next());
    FillSummary {
        name: settings.fill.name.clone(),
        r_oms: random.and_then(mean_area),
        leak: of_any.and_then(left_at_the_end).map(|left| left - 1.0 / settings.classes as f64),
    }
}

/// The mean area of both curves: for random orders they estimate the same.
fn mean_area(curve: &MeanCurve) -> Option<f64> {
    let bands = [&curve.morf.mean, &curve.lerf.mean];
    let areas =
        bands.iter().filter(|band| !band.is_empty()).map(|band| area(&curve.fraction, band));
    let areas: Vec<f64> = areas.collect();
    (!areas.is_empty()).then(|| areas.iter().sum::<f64>() / areas.len() as f64)
}

/// The mean score with everything removed.
fn left_at_the_end(curve: &MeanCurve) -> Option<f64> {
    let is_everything = curve.fraction.last().is_some_and(|share| *share > 1.0 - 1e-9);
    let last = curve.morf.mean.last().or(curve.lerf.mean.last());
    last.copied().filter(|_| is_everything)
}
