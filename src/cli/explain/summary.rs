//! A result as people read it.

use std::fmt::Write as _;

use onnxplain::session::described;
use onnxplain::{Class, Initial, Method, Sums};

use super::report::{Report, Seconds};
use crate::cli::terminal::{self, BOLD, DIM, GREEN};

/// Length of the bar of a probability of 1.
const BAR: usize = 20;

/// All results of one input: the prediction once, then what is known about each target.
pub fn detailed(reports: &[Report]) -> String {
    let Some(first) = reports.first() else {
        return String::new();
    };
    let mut text = format!("{BOLD}{}{BOLD:#}\n", terminal::name(&first.input));
    text.push_str(&prediction_table(&first.prediction));
    let has_composites = reports.iter().any(|report| report.composite != first.composite);
    for report in reports {
        let _ = writeln!(text, "  explained  {}", target(report));
        if has_composites {
            let _ = writeln!(text, "  composite  {}", report.composite);
        }
        if report.method != Method::default().name() {
            let _ = writeln!(text, "  method     {}", described(report.method, &report.parameters));
        }
        let _ = writeln!(text, "  relevance  {}", sums(report));
        if report.inputs.len() > 1 {
            for input in &report.inputs {
                let _ = writeln!(text, "             {:.4} at {}", input.relevance, input.name);
            }
        }
        if !report.files.is_empty() {
            let files: Vec<String> =
                report.files.values().map(|file| terminal::name(file)).collect();
            let _ = writeln!(text, "  written    {}", files.join("\n             "));
        }
        let _ = writeln!(text, "  seconds    {}", seconds(&report.seconds));
    }
    text
}

/// A result in a line, for batches.
pub fn brief(report: &Report, width: usize) -> String {
    let top = report.prediction.first();
    let top = top.map_or(String::new(), |top| {
        format!("{} {}", percent(top.probability), name(top.index, top.label.as_deref()))
    });
    let explained = match report.prediction.first() {
        Some(top) if top.index == report.target.index && report.target.against.is_none() => {
            String::new()
        }
        _ => format!("; explained: {}", target(report)),
    };
    format!(
        "{BOLD}{:<width$}{BOLD:#}  {top}{explained}  {DIM}{} files, {:.2} s{DIM:#}",
        terminal::name(&report.input),
        report.files.len(),
        report.seconds.total
    )
}

fn prediction_table(prediction: &[Class]) -> String {
    let names: Vec<String> =
        prediction.iter().map(|class| clipped(class.label.as_deref().unwrap_or(""))).collect();
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let index_width = prediction.iter().map(|class| class.index.to_string().len()).max();
    let index_width = index_width.unwrap_or(0);
    let mut text = String::new();
    for (class, name) in prediction.iter().zip(names) {
        let index = class.index;
        let percent = percent(class.probability);
        let bar = bar(class.probability);
        let _ = writeln!(
            text,
            "  {index:>index_width$}  {name:<name_width$}  {percent}  {DIM}{:>8.3}{DIM:#}  {GREEN}{bar}{GREEN:#}",
            class.logit
        );
    }
    text
}

fn target(report: &Report) -> String {
    let Report { target, explained, initial, .. } = report;
    let name_of_target = name(target.index, target.label.as_deref());
    let mut text = format!("{name_of_target}, {explained} {:.4}", target.logit);
    if let Some(other) = &target.against {
        let _ = write!(
            text,
            ", against {}, {explained} {:.4}",
            name(other.index, other.label.as_deref()),
            other.logit
        );
    } else if *initial == Initial::Centred {
        text += ", less the mean of all classes";
    }
    text
}

fn name(index: usize, label: Option<&str>) -> String {
    match label {
        Some(label) => format!("{} ({index})", clipped(label)),
        None => format!("class {index}"),
    }
}

/// What the relevance adds up to, in a line or two.
fn sums(report: &Report) -> String {
    if let Some(completeness) = &report.completeness {
        return format!(
            "{} {:.4} for a difference of {:.4} in the output: complete to {:.1e}",
            report.end, completeness.sum, completeness.difference, completeness.relative_error
        );
    }
    if onnxplain::method::Method::named(report.method).is_ok_and(|method| method.is_map()) {
        return format!("{:.4} in sum", report.relevance.input_sum);
    }
    let mut text = conservation(&report.relevance, &report.end);
    if let Some(adaptation) = &report.adaptation {
        let _ = write!(
            text,
            "\n  sigma      {} of {} tried: {} {:.4}, with {} it is {:.4}",
            adaptation.sigma,
            adaptation.tried,
            adaptation.objective.word(),
            adaptation.value,
            adaptation.fixed_sigma,
            adaptation.fixed_value
        );
    }
    text
}

/// Where the relevance went, in one line. It ends at the pixels, at another input, or at a layer ("at conv1").
pub fn conservation(sums: &Sums, end: &str) -> String {
    let Sums { initial, input_sum, absorbed_by_bias, absorbed_by_stabilizer, .. } = *sums;
    if !sums.is_conserving {
        let end = if end.starts_with("at ") { end.to_string() } else { format!("at the {end}") };
        return format!(
            "start {}, {input_sum:.4} {end}; gradients do not conserve relevance",
            fixed(initial)
        );
    }
    format!(
        "start {} = {end} {} + biases {} + stabilizers {}",
        fixed(initial),
        fixed(input_sum),
        fixed(absorbed_by_bias),
        fixed(absorbed_by_stabilizer)
    )
}

/// Two decimals, without a sign where nothing is left of the number.
fn fixed(value: impl Into<f64>) -> String {
    let text = format!("{:.2}", value.into());
    if text == "-0.00" { "0.00".to_string() } else { text }
}

fn seconds(seconds: &Seconds) -> String {
    let Seconds { decode, forward, propagate, render, total, .. } = seconds;
    format!(
        "{total:.3} {DIM}(decode {decode:.3}, forward {forward:.3}, propagate {propagate:.3}, render {render:.3}){DIM:#}"
    )
}

fn percent(probability: f32) -> String {
    format!("{:>5.1} %", probability * 100.0)
}

/// A bar in eighths of a character.
fn bar(probability: f32) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    // The cast saturates, and takes NaN as 0.
    let eighths = ((probability * (8 * BAR) as f32).round() as usize).min(8 * BAR);
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

/// A label short enough for a column: ImageNet's list synonyms.
fn clipped(label: &str) -> String {
    const LONGEST: usize = 40;
    let label = terminal::name(label);
    if label.chars().count() <= LONGEST {
        return label;
    }
    label.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_in_eighths() {
        assert_eq!(bar(1.0).chars().count(), BAR);
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(0.525), "██████████▌");
        assert_eq!(bar(f32::NAN), "");
    }

    #[test]
    fn long_labels_are_cut() {
        assert_eq!(clipped("cat"), "cat");
        let long = clipped(&"x".repeat(60));
        assert!(long.chars().count() == 40 && long.ends_with('…'));
    }

    #[test]
    fn the_books_are_told_in_a_line() {
        let sums = |is_conserving| Sums {
            initial: 2.0,
            input_sum: 1.5,
            absorbed_by_bias: 0.5,
            absorbed_by_stabilizer: 0.0,
            is_conserving,
        };
        let line = |is_conserving, end| conservation(&sums(is_conserving), end);
        assert_eq!(
            line(true, "pixels"),
            "start 2.00 = pixels 1.50 + biases 0.50 + stabilizers 0.00"
        );
        assert!(line(true, "at conv1").starts_with("start 2.00 = at conv1 1.50 + biases"));
        assert!(line(false, "input").contains("1.5000 at the input; gradients do not conserve"));
    }
}
