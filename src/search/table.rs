//! What a search found, as text.

use super::found::{Confirmed, Found, Role, Verdict};

/// The confirmed composites as a table, and the verdict.
pub fn text_table(found: &Found) -> String {
    let metrics = metric_names(found);
    let mut rows = vec![heading(&metrics)];
    rows.extend(found.confirmed.iter().map(|row| cells(row, &metrics)));
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in &rows {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let line = padded.collect::<Vec<_>>().join("   ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&format!("\n{}\n", sentence(found)));
    text
}

/// The metrics of the table, objectives first.
pub(super) fn metric_names(found: &Found) -> Vec<&str> {
    let objectives = found.settings.objectives.iter().map(|(name, _)| name.as_str());
    let mut names: Vec<&str> = objectives.collect();
    let first = found.confirmed.first();
    let others = first.into_iter().flat_map(|row| row.metrics.keys());
    for name in others {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

fn heading(metrics: &[&str]) -> Vec<String> {
    let mut row = vec!["composite".to_string()];
    for metric in metrics {
        let direction = crate::metric::find(metric).map_or("", |info| info.direction.arrow());
        row.extend([format!("{metric} {direction}"), "difference to the default".to_string()]);
    }
    row
}

fn cells(row: &Confirmed, metrics: &[&str]) -> Vec<String> {
    let mut cells = vec![match row.role {
        Role::Default => format!("{} (default)", row.name),
        _ => row.name.clone(),
    }];
    for metric in metrics {
        cells.push(mean(row, metric));
        cells.push(difference(row, metric));
    }
    cells
}

/// `0.448 ± 0.049`.
pub(super) fn mean(row: &Confirmed, metric: &str) -> String {
    let Some(Some(mean)) = row.metrics.get(metric) else { return "undefined".to_string() };
    format!("{:.3}{}", mean.mean, error(mean.standard_error))
}

/// `+0.020 ± 0.006 (p 0.01)`; empty for the default.
pub(super) fn difference(row: &Confirmed, metric: &str) -> String {
    match row.differences.get(metric) {
        None => String::new(),
        Some(None) => "undefined".to_string(),
        Some(Some(found)) => {
            format!("{:+.3}{} (p {})", found.mean, error(found.standard_error), p_value(found.p))
        }
    }
}

fn error(error: Option<f64>) -> String {
    error.map_or(String::new(), |error| format!(" ± {error:.3}"))
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_string() } else { format!("{p:.3}") }
}

/// What the confirming pictures say of the winner.
pub(super) fn sentence(found: &Found) -> String {
    let default = &found.settings.default;
    let metric = found.settings.objectives.first().map_or("", |(name, _)| name.as_str());
    let difference =
        found.best_row().and_then(|row| row.differences.get(metric).copied().flatten());
    let pictures = difference.map_or(0, |it| it.n);
    let needed = match difference.and_then(|it| it.pictures_needed) {
        Some(needed) if needed > pictures as u64 => {
            format!(" About {needed} pictures would show a difference as large as this one.")
        }
        _ => String::new(),
    };
    match found.verdict {
        Verdict::Better => {
            format!(
                "best is better than {default} in {metric}, on {pictures} pictures that took no part in the choice."
            )
        }
        Verdict::NotBetter => {
            format!(
                "best is not better than {default} in {metric}: {pictures} confirming pictures cannot tell them apart.{needed}"
            )
        }
        Verdict::Worse => {
            format!(
                "best is worse than {default} in {metric} on {pictures} confirming pictures: keep {default}, or let more pictures choose."
            )
        }
        Verdict::Same => {
            format!("best has the rules of {default}: the search found the default again.")
        }
        Verdict::Undefined => {
            format!(
                "{metric} is undefined on the confirming pictures: nothing can be said about best."
            )
        }
    }
}
