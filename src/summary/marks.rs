//! What is said beside a method's row: that it does not beat a control.

use crate::metric::Category;

use super::rows::orientation;
use super::types::{MetricSummary, Summary};

/// The mark of a method, in the first metric of faithfulness that it is defined in; empty where it beats the controls.
pub fn mark(summary: &Summary, method: &str) -> String {
    let is_control = |name: &str| {
        summary.settings.methods.iter().any(|other| other.is_control && other.name == name)
    };
    let is_telling = |found: &MetricSummary| {
        found.category == Category::Faithfulness
            && found.methods.get(method).is_some_and(|method| method.mean.is_some())
    };
    let Some((metric, found)) = summary.metrics.iter().find(|(_, found)| is_telling(found)) else {
        return String::new();
    };
    let Some(row) = found.methods.get(method).filter(|_| !is_control(method)) else {
        return String::new();
    };
    let sign = orientation(found.direction);
    if row.above_random == Some(false) {
        let is_better = row.random.as_ref().is_some_and(|random| random.mean * sign > 0.0);
        let how = if is_better { "not clearly better" } else { "not better" };
        return format!("{how} than random ({metric})");
    }
    let edges = found.methods.get("edges").filter(|_| is_control("edges"));
    let is_below = |edges: f64, own: f64| edges * sign > own * sign;
    match edges.and_then(|edges| edges.mean).zip(row.mean) {
        Some((edges, own)) if is_below(edges, own) => format!("below the edge detector ({metric})"),
        _ => String::new(),
    }
}
