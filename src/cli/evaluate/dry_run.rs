//! `--dry-run`: how many network runs and explanations it would be, and how long they would take.

use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::HumanDuration;
use serde_json::json;

use super::prepare::Prepared;
use crate::cli::Status;
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::console::Console;
use crate::cli::given::{Interruption, evaluation_input};
use crate::cli::options::cores;

/// Counts the work of the first input that can be read, times one run of each kind, and prints what all inputs would take.
///
/// # Errors
/// When no input can be read.
pub fn run(
    prepared: &Prepared,
    files: &[Result<InputFile, Failed>],
    jobs: usize,
    console: &mut Console,
) -> Result<Status> {
    let evaluator = &prepared.evaluator;
    let mut failures = vec![];
    let estimate = files.iter().flatten().find_map(|file| {
        let estimate = evaluator.estimate(&evaluation_input(file), &Interruption);
        estimate.map_err(|error| failures.push(error)).ok()
    });
    let estimate = match (estimate, failures.into_iter().next()) {
        (Some(estimate), _) => estimate,
        (None, error) => return Err(error.context("there is no input")?.into()),
    };
    let inputs = files.iter().flatten().count();
    let (runs, explanations) = (inputs * estimate.runs, inputs * estimate.explanations);
    // A single input has all cores.
    let threads = if inputs < jobs { cores() } else { jobs.min(cores()) };
    let seconds = inputs as f64 * estimate.seconds / threads as f64;
    if console.is_json() {
        console.print_json(&json!({
            "inputs": inputs, "runs": runs, "explanations": explanations, "seconds": seconds,
        }))?;
        return Ok(Status::Done);
    }
    let methods = evaluator.settings().methods.len();
    console.print(format_args!(
        "{inputs} inputs, {methods} methods: {runs} network runs ({} for each input), {explanations} explanations ({} for \
         each input)\nabout {} on {threads} threads, by one measured run of each kind",
        estimate.runs,
        estimate.explanations,
        HumanDuration(Duration::from_secs_f64(seconds))
    ))?;
    Ok(Status::Done)
}
