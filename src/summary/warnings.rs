//! What a reader of the numbers must know.

use crate::evaluation::{MetricSettings, Settings};
use crate::metric::Category;
use crate::statistics::LEAST_UNITS;

use super::rows::{category, orientation};
use super::types::{MethodSummary, MetricSummary, Summary};

/// A leak from which on the fill does not remove what it should.
const LARGEST_LEAK: f64 = 0.1;

/// The warnings of a summary of so many independent pictures or folders.
pub(super) fn warnings(summary: &Summary, units: usize) -> Vec<String> {
    let mut warnings = too_few(summary, units);
    warnings.extend(leak(summary));
    for metric in &summary.settings.metrics {
        if let Some(found) = summary.metrics.get(&metric.name) {
            warnings.extend(control_that_wins(&summary.settings, metric, found));
            warnings.extend(undefined(metric, found));
        }
    }
    warnings
}

/// So few pictures that the test can never tell methods apart.
fn too_few(summary: &Summary, units: usize) -> Vec<String> {
    let methods = summary.settings.methods.iter().filter(|method| !method.is_control).count();
    if units == 0 || methods == 0 {
        return vec![];
    }
    // The smallest p-value is 2/2ⁿ; Holm's method multiplies it by the number of comparisons.
    let comparisons = methods.saturating_sub(1).max(1) as f64;
    let level = 1.0 - summary.confidence;
    let needed = (1.0 + (comparisons / level).log2()).floor() as usize + 1;
    let mut warnings = vec![];
    if units < needed && methods > 1 {
        warnings.push(format!(
            "{units} {} are too few to tell {methods} methods apart: that takes at least {needed}, \
             so that all of them count as not distinguishable from the best",
            if units == 1 { "picture" } else { "pictures" }
        ));
    }
    if units < LEAST_UNITS {
        warnings.push(format!("intervals need at least {LEAST_UNITS} pictures; there are {units}"));
    }
    warnings
}

fn leak(summary: &Summary) -> Option<String> {
    let leak = summary.fill.leak.filter(|leak| *leak > LARGEST_LEAK)?;
    Some(format!(
        "the fill {} does not remove what the network looks at: with everything removed the probability of the class is \
         still {leak:.2} above chance; try --fill mean",
        summary.fill.name
    ))
}

/// A control that beats the best method: edges in faithfulness, the centre in localisation.
fn control_that_wins(
    settings: &Settings,
    metric: &MetricSettings,
    found: &MetricSummary,
) -> Option<String> {
    let (control, meaning) = match category(metric) {
        Category::Faithfulness => ("edges", "an edge detector that never saw the network"),
        Category::Localisation => ("centre", "a blob in the middle of every picture"),
        _ => return None,
    };
    let is_control =
        |name: &str| settings.methods.iter().any(|method| method.is_control && method.name == name);
    let mean = found.methods.get(control)?.mean.filter(|_| is_control(control))?;
    let (best_name, best) = found.methods.iter().find(|(_, method)| method.best)?;
    let sign = orientation(found.direction);
    // Paired where it can be: both may be defined on different pictures.
    let against = &found.methods.get(control)?.difference;
    let gain = sign * against.as_ref().map_or(mean - best.mean?, |difference| difference.mean);
    if gain <= 0.0 {
        return None;
    }
    let fill =
        metric.options.get("fill").and_then(|fill| fill.as_str()).unwrap_or(&settings.fill.name);
    let setting = match category(metric) {
        Category::Faithfulness => format!(", with the fill {fill},"),
        _ => String::new(),
    };
    Some(format!(
        "in {}{setting} the control `{control}` ({meaning}) has {mean:.3} and beats the best method, {best_name}, with \
         {:.3}: do not rank methods by it",
        metric.name, best.mean?
    ))
}

/// Metrics that are undefined for some pictures.
fn undefined(metric: &MetricSettings, found: &MetricSummary) -> Option<String> {
    let total = |method: &MethodSummary| method.undefined.values().sum::<usize>();
    let is_missing = |method: &MethodSummary| total(method) > 0 && method.n > 0;
    let missing = found.methods.iter().filter(|(_, method)| is_missing(method));
    let (name, method) = missing.max_by_key(|(_, method)| total(method))?;
    let (reason, count) = method.undefined.iter().max_by_key(|(_, count)| **count)?;
    Some(format!(
        "{} is undefined for {name} on {} of {} pictures ({reason}: {count}); its mean is over the others",
        metric.name,
        total(method),
        total(method) + method.n
    ))
}
