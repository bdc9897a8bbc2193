//! The summary as tables for people, and for documents.

use std::collections::BTreeMap;

use super::READING;
use super::types::{Estimate, MethodSummary, SanitySummary, StepSummary};
use crate::summary::lines_up;

/// The similarities of the first table, with their headings.
const SHOWN: [(&str, &str); 5] = [
    ("spearman", "signed"),
    ("spearman-magnitude", "magnitude"),
    ("ssim", "ssim"),
    ("hog", "hog"),
    ("smprt", "smprt"),
];

/// The summary as text: what is left of every method, then every step, then how to read it.
pub fn text_table(summary: &SanitySummary) -> String {
    let mut text = format!("{}\n\n{}", heading(summary), lines_up(&methods(summary)));
    text.push_str(&format!("\n{STEPS}\n\n{}\n", lines_up(&steps(summary))));
    for line in notes(summary) {
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// The summary in Markdown.
pub fn markdown_table(summary: &SanitySummary) -> String {
    let mut text = format!("{}\n\n{}", heading(summary), markdown(&methods(summary)));
    text.push_str(&format!("\n{STEPS}\n\n{}", markdown(&steps(summary))));
    for line in notes(summary) {
        text.push_str(&format!("\n{line}\n"));
    }
    text
}

const STEPS: &str = "Step after step: the rank correlation (signed) of each method; how the channels that the random layer reads \
                     contribute, against the trained network (rank), against their activation alone, and how much of the most \
                     active tenth is among the most contributing tenth (.1 by chance)";

fn markdown(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (place, row) in rows.iter().enumerate() {
        let row: Vec<String> = row.iter().map(|cell| cell.trim().replace('|', "\\|")).collect();
        text.push_str(&format!("| {} |\n", row.join(" | ")));
        if place == 0 {
            text.push_str(&format!("|---|{}\n", "---:|".repeat(row.len() - 1)));
        }
    }
    text
}

fn heading(summary: &SanitySummary) -> String {
    let settings = &summary.settings;
    let pictures = if summary.pictures == 1 { "picture" } else { "pictures" };
    let what = match settings.order.is_cascading() {
        true => "Similarity to the map of the trained network when every layer is random",
        false => "Similarity to the map of the trained network, mean over single random layers",
    };
    format!(
        "{what} (rank correlation; {}, {}); {} {pictures}, mean ± standard error",
        settings.order.word(),
        settings.initialisation.word(),
        summary.pictures
    )
}

fn notes(summary: &SanitySummary) -> Vec<String> {
    let warnings = summary.warnings.iter().map(|warning| format!("note: {warning}"));
    READING.iter().map(|line| line.to_string()).chain(warnings).collect()
}

/// The name of a method, and whether it is a control.
pub(super) fn title(name: &str, method: &MethodSummary) -> String {
    if method.is_control { format!("{name} (control)") } else { name.to_string() }
}

fn methods(summary: &SanitySummary) -> Vec<Vec<String>> {
    let is_cascading = summary.settings.order.is_cascading();
    let of = |method: &MethodSummary| -> BTreeMap<String, Estimate> {
        if is_cascading { method.last.clone() } else { method.mean.clone() }
    };
    let is_there =
        |measure: &str| summary.methods.iter().any(|(_, method)| of(method).contains_key(measure));
    let shown: Vec<(&str, &str)> =
        SHOWN.into_iter().filter(|(measure, _)| is_there(measure)).collect();
    let mut heading: Vec<String> = vec!["method".into()];
    heading.extend(shown.iter().map(|(_, heading)| heading.to_string()));
    if is_cascading {
        heading.extend(["mean of steps".to_string(), "emprt".to_string()]);
    }
    let mut rows = vec![heading];
    for (name, method) in summary.methods.iter() {
        let values = of(method);
        let mut row = vec![title(name, method)];
        row.extend(shown.iter().map(|(measure, _)| cell(values.get(*measure), summary.pictures)));
        if is_cascading {
            row.push(cell(method.mean.get("spearman"), summary.pictures));
            row.push(cell(method.emprt.as_ref(), summary.pictures));
        }
        rows.push(row);
    }
    rows
}

fn steps(summary: &SanitySummary) -> Vec<Vec<String>> {
    let mut heading: Vec<String> = vec!["layer".into(), "step".into()];
    let has_channels = summary.steps.iter().any(|step| step.channels.is_some());
    if has_channels {
        heading.extend(["channels", "rank", "activation", "top tenth"].map(str::to_string));
    }
    heading.extend(summary.methods.iter().map(|(name, _)| name.to_string()));
    let mut rows = vec![heading];
    // An interrupted test has not reached all of them.
    for step in summary.steps.iter().filter(|step| step.pictures > 0) {
        let mut row = vec![step.name.clone(), step.step.to_string()];
        if has_channels {
            row.extend(channels(step));
        }
        for (name, _) in summary.methods.iter() {
            let found = step.methods.get(name).and_then(|measures| measures.get("spearman"));
            row.push(found.and_then(|it| it.mean).map_or("-".to_string(), three));
        }
        rows.push(row);
    }
    rows
}

fn channels(step: &StepSummary) -> [String; 4] {
    let two =
        |estimate: Estimate| estimate.mean.map_or("-".to_string(), |mean| format!("{mean:.2}"));
    match &step.channels {
        None => ["-", "-", "-", "-"].map(str::to_string),
        Some(found) => [
            found.count.to_string(),
            two(found.rank),
            two(found.activation_rank),
            two(found.active_tenth),
        ],
    }
}

fn cell(estimate: Option<&Estimate>, pictures: usize) -> String {
    let Some((estimate, mean)) = estimate.and_then(|it| Some((it, it.mean?))) else {
        return "-".to_string();
    };
    let mut text = three(mean);
    if let Some(error) = estimate.standard_error {
        text.push_str(&format!(" ± {}", three(error)));
    }
    if estimate.n < pictures {
        text.push_str(&format!(" (n {})", estimate.n));
    }
    text
}

/// Three decimals: smaller similarities are none.
pub(super) fn three(value: f64) -> String {
    let text = format!("{value:.3}");
    if text == "-0.000" { "0.000".to_string() } else { text }
}
