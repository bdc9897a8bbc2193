//! What is printed: the suspects in a table, or as lines of JSON.

use anyhow::Result;
use serde_json::json;

use super::confirm::Confirmation;
use super::files::Written;
use super::lines::suspect_line;
use super::{Findings, names};
use crate::cli::console::Console;
use crate::cli::table::{Align, Table};

/// Rows of the table.
const MOST: usize = 10;

/// Prints what was found.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(findings: &Findings, written: &Written, console: &mut Console) -> Result<()> {
    if console.is_json() {
        for place in 0..findings.found.len() {
            console.print_json(&suspect_line(findings, place))?;
        }
        return console.print_json(&json!({ "atlas": written.page.display().to_string() }));
    }
    if findings.found.is_empty() {
        console.print("no cluster stands apart in any group")?;
    } else {
        console.print(table(findings).render())?;
    }
    console.note(
        "a suspect is a group of pictures that were judged by something else than the others of their class: look at \
         them, and test it with --confirm or `onnxplain probe`",
    );
    console.print(written.page.display())
}

/// `confirmed: flips 31.0 %, control 2.1 %`.
fn verdict(confirmation: &Confirmation) -> String {
    let word = if confirmation.confirmed { "confirmed" } else { "not confirmed" };
    let [flips, control] = [confirmation.flips, confirmation.control_flips].map(|it| 100.0 * it);
    format!("{word}: flips {flips:.1} %, control {control:.1} %")
}

fn table(findings: &Findings) -> Table {
    let columns = [
        ("#", Align::Right),
        ("group", Align::Left),
        ("pictures", Align::Right),
        ("suspicion", Align::Right),
        ("separation", Align::Right),
        ("focus", Align::Right),
        ("at edge", Align::Right),
        ("region x,y,w,h", Align::Left),
        ("list", Align::Left),
        ("tested", Align::Left),
    ];
    let mut table = Table::new(&columns);
    for (place, found) in findings.found.iter().enumerate().take(MOST.min(findings.most)) {
        let (suspect, group) = (&found.suspect, &findings.groups[found.group]);
        let boxes = suspect.region.boxes(&findings.maps.pooling);
        let first = boxes.first().map_or(String::new(), |[x, y, w, h]| format!("{x},{y},{w},{h}"));
        let more =
            if boxes.len() > 1 { format!(" and {} more", boxes.len() - 1) } else { String::new() };
        table.row(vec![
            (place + 1).to_string(),
            group.name.clone(),
            format!("{} of {}", suspect.members.len(), group.rows.len()),
            format!("{:.2}", suspect.suspicion()),
            format!("{:.2}", suspect.separation),
            format!("{:.1}", suspect.region.focus),
            format!("{:.0} %", 100.0 * suspect.region.outer_share),
            first + &more,
            names::list(findings, place),
            findings.confirmations.get(place).map_or(String::new(), verdict),
        ]);
    }
    table
}
