//! The summary as a table for people, and as one for documents.

use std::cmp::Ordering;

use crate::evaluation::{MethodSettings, Settings};
use crate::metric::Category;

use super::marks::mark;
use super::rows::orientation;
use super::types::{MethodSummary, MetricSummary, Summary};

/// The summary as text: a table for each category of metrics, and what a reader must know.
pub fn text_table(summary: &Summary) -> String {
    let mut text = heading(summary) + "\n";
    for category in Category::ALL {
        let metrics = summary.metrics.iter().filter(|(_, found)| found.category == category);
        let metrics: Vec<(&str, &MetricSummary)> = metrics.collect();
        let marks = if category == Category::Faithfulness { Marks::Shown } else { Marks::Hidden };
        if !metrics.is_empty() {
            text.push_str(&format!("\n{}", lines_up(&cells(summary, &metrics, marks))));
        }
    }
    text.push_str(&format!("\n{}\n", legend(summary)));
    for line in notes(summary) {
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// The summary in Markdown.
pub fn markdown_table(summary: &Summary) -> String {
    let metrics: Vec<(&str, &MetricSummary)> = summary.metrics.iter().collect();
    let rows = cells(summary, &metrics, Marks::Shown);
    let mut text = heading(summary) + "\n\n";
    for (place, row) in rows.iter().enumerate() {
        let row: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        text.push_str(&format!("| {} |\n", row.join(" | ")));
        if place == 0 {
            text.push_str(&format!("|---|{}\n", "---:|".repeat(metrics.len()) + "---|"));
        }
    }
    // A star would begin a list.
    text.push_str(&format!("\n{}\n", legend(summary).replace('*', "\\*")));
    for line in notes(summary) {
        text.push_str(&format!("\n{line}\n"));
    }
    text
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Marks {
    Shown,
    Hidden,
}

fn heading(summary: &Summary) -> String {
    let fill = &summary.fill;
    let known = [("R-OMS", fill.r_oms), ("leak", fill.leak)];
    let known = known.iter().filter_map(|(name, value)| Some(format!("{name} {:.2}", (*value)?)));
    let known: Vec<String> = known.collect();
    let inside = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
    let pictures = if summary.pictures == 1 { "picture" } else { "pictures" };
    format!("fill: {}{inside}; {} {pictures}", fill.name, summary.pictures)
}

fn legend(summary: &Summary) -> String {
    let level = 100.0 * (1.0 - summary.confidence);
    format!(
        "mean ± standard error; * best = not distinguishable from the best (paired, Holm, {} %)",
        (level * 1000.0).round() / 1000.0
    )
}

fn notes(summary: &Summary) -> Vec<String> {
    let mut notes = vec![];
    if summary.ranks.iter().count() > 1 && !summary.pareto.is_empty() {
        let metrics: Vec<&str> =
            summary.ranks.iter().map(|(_, ranks)| ranks.metric.as_str()).collect();
        notes.push(format!(
            "not beaten in all of {}: {}",
            metrics.join(", "),
            summary.pareto.join(", ")
        ));
    }
    if let Some(weighted) = &summary.weighted {
        let scores = weighted.methods.iter().map(|(name, score)| {
            let error =
                score.standard_error.map_or(String::new(), |error| format!(" ± {error:.2}"));
            format!("{name} {:.2}{error}", score.mean)
        });
        let scores: Vec<String> = scores.collect();
        notes.push(format!("weighted score ({} pictures): {}", weighted.n, scores.join(", ")));
    }
    notes.extend(summary.warnings.iter().map(|warning| format!("note: {warning}")));
    notes
}

/// Rows of cells, the heading first; the methods by the mean of the first metric, the best first.
fn cells(summary: &Summary, metrics: &[(&str, &MetricSummary)], marks: Marks) -> Vec<Vec<String>> {
    let arrows = metrics.iter().map(|(name, found)| format!("{name} {}", found.direction.arrow()));
    let last = |mark: String| (marks == Marks::Shown).then_some(mark);
    let heading = std::iter::once("method".to_string()).chain(arrows).chain(last(String::new()));
    let mut rows: Vec<Vec<String>> = vec![heading.collect()];
    for method in sorted(&summary.settings, summary.metrics.iter().next()) {
        let values =
            metrics.iter().map(|(_, found)| cell(summary, found.methods.get(&method.name)));
        let row = std::iter::once(title(method)).chain(values);
        rows.push(row.chain(last(mark(summary, &method.name))).collect());
    }
    rows
}

fn sorted<'a>(
    settings: &'a Settings,
    by: Option<(&str, &MetricSummary)>,
) -> Vec<&'a MethodSettings> {
    let score = |method: &MethodSettings| {
        let (_, found) = by?;
        Some(found.methods.get(&method.name)?.mean? * orientation(found.direction))
    };
    let compare = |a: &&MethodSettings, b: &&MethodSettings| match (score(a), score(b)) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    };
    let mut methods: Vec<&MethodSettings> = settings.methods.iter().collect();
    methods.sort_by(compare);
    methods
}

/// The name of a method, with what a reader must know of it.
fn title(method: &MethodSettings) -> String {
    let composite =
        method.composite.as_deref().filter(|composite| !method.name.contains(composite));
    let is_magnitude = method.reading.word() == "magnitude" && !method.is_control;
    let words =
        [composite, is_magnitude.then_some("magnitude"), method.is_control.then_some("control")];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    match words.is_empty() {
        true => method.name.clone(),
        false => format!("{} ({})", method.name, words.join(", ")),
    }
}

fn cell(summary: &Summary, row: Option<&MethodSummary>) -> String {
    let Some((row, mean)) = row.and_then(|row| Some((row, row.mean?))) else {
        return "-".to_string();
    };
    let mut text = number(mean);
    if let Some(error) = row.standard_error {
        text.push_str(&format!(" ± {}", number(error)));
    }
    if row.n < summary.pictures {
        text.push_str(&format!(" (n {})", row.n));
    }
    // A space where there is no star, so that numbers stand below each other.
    text.push_str(if row.indistinguishable { " *" } else { "  " });
    text
}

/// Three decimals, or an exponent where these would hide the number.
fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        0.001..10_000.0 if size >= 100.0 => format!("{value:.1}"),
        0.001..10_000.0 => format!("{value:.3}"),
        // What rounding leaves of nothing.
        0.0..1e-12 => "0.000".to_string(),
        _ => format!("{value:.1e}"),
    }
}

/// Columns as wide as their cells: the first and the last from the left, numbers from the right.
pub(crate) fn lines_up(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let is_mark = |column: usize| column > 0 && rows[0][column].is_empty();
    let mut text = String::new();
    for row in rows {
        let cells =
            row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
                match column == 0 || is_mark(column) {
                    true => format!("{cell:<width$}"),
                    false => format!("{cell:>width$}"),
                }
            });
        let cells: Vec<String> = cells.collect();
        text.push_str(cells.join("   ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_hide_nothing() {
        let found = [3e-17, 0.4481, -0.0271, 12.3456, 150.26, 1e-5, -2.5e6].map(number);
        assert_eq!(found, ["0.000", "0.448", "-0.027", "12.346", "150.3", "1.0e-5", "-2.5e6"]);
    }

    #[test]
    fn columns_line_up() {
        let rows =
            [["method", "srg ↑", ""], ["lrp", "0.448 *", ""], ["saliency", "-0.198  ", "below"]];
        let rows = rows.map(|row| row.map(str::to_string).to_vec());
        let text = "method        srg ↑\nlrp         0.448 *\nsaliency   -0.198     below\n";
        assert_eq!(lines_up(&rows), text);
    }
}
