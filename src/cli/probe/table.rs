//! What is printed and written: an outcome for each edit and group.

use anyhow::Result;
use serde::Serialize;

use onnxplain::io::TOOL;
use onnxplain::probe::Outcome;

use super::{ProbeOptions, Tested};
use crate::cli::console::Console;
use crate::cli::table::{Align, Table};

#[derive(Serialize)]
struct Line<'a> {
    tool: &'static str,
    version: &'static str,
    model: String,
    region: String,
    target: &'a str,
    controls: usize,
    edit: &'a str,
    group: &'a str,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

fn line<'a>(options: &'a ProbeOptions, tested: &'a Tested) -> Line<'a> {
    Line {
        tool: TOOL,
        version: env!("CARGO_PKG_VERSION"),
        model: options.model.display().to_string(),
        region: options.region.0.to_string(),
        target: &options.target,
        controls: options.controls,
        edit: &tested.edit,
        group: &tested.group,
        outcome: &tested.outcome,
    }
}

/// `probe.jsonl`.
///
/// # Errors
/// Never for outcomes that were computed.
pub fn lines(options: &ProbeOptions, tested: &[Tested]) -> Result<String> {
    let lines = tested.iter().map(|one| Ok(serde_json::to_string(&line(options, one))? + "\n"));
    lines.collect()
}

/// Prints the outcomes.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(options: &ProbeOptions, tested: &[Tested], console: &mut Console) -> Result<()> {
    if console.is_json() {
        return tested.iter().try_for_each(|one| console.print_json(&line(options, one)));
    }
    console.print(table(tested).render())?;
    let used: Vec<String> = tested.iter().filter(|it| it.outcome.is_used).map(name).collect();
    console.print(match used.is_empty() {
        true => format!("{}: no sign that the region is used", options.region.0),
        false => format!("{}: the region is used ({})", options.region.0, used.join("; ")),
    })?;
    console.note(
        "change: of the target's logit; effect: the change less that of the same edit elsewhere (control); used: p < \
         0.01 after Holm, and an effect of at least a tenth of the lead of the strongest class",
    );
    Ok(())
}

fn name(tested: &Tested) -> String {
    match tested.group.as_str() {
        "all" => tested.edit.clone(),
        group => format!("{} in {group}", tested.edit),
    }
}

fn table(tested: &[Tested]) -> Table {
    let columns = [
        ("edit", Align::Left),
        ("group", Align::Left),
        ("n", Align::Right),
        ("change", Align::Right),
        ("control", Align::Right),
        ("effect", Align::Right),
        ("95 %", Align::Right),
        ("lead", Align::Right),
        ("lost", Align::Right),
        ("gained", Align::Right),
        ("p", Align::Right),
        ("used", Align::Left),
    ];
    let mut table = Table::new(&columns);
    for Tested { edit, group, outcome } in tested {
        let interval = outcome.interval;
        table.row(vec![
            edit.clone(),
            group.clone(),
            outcome.n.to_string(),
            format!("{:+.3}", outcome.mean_logit),
            outcome.control.map_or("-".to_string(), |control| format!("{control:+.3}")),
            format!("{:+.3}", outcome.mean),
            interval.map_or("-".to_string(), |[low, high]| format!("{low:+.3} to {high:+.3}")),
            format!("{:.2}", outcome.lead),
            outcome.lost.to_string(),
            outcome.gained.to_string(),
            match outcome.p_adjusted {
                p if p < 1e-4 => "< 0.0001".to_string(),
                p => format!("{p:.4}"),
            },
            if outcome.is_used { "yes" } else { "no" }.to_string(),
        ]);
    }
    table
}
