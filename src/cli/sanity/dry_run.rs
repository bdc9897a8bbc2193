//! `--dry-run`: how many networks and explanations it would be, and how long they would take.

use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::HumanDuration;
use serde_json::json;

use onnxplain::sanity::SanityTest;

use crate::cli::Status;
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::console::Console;
use crate::cli::given::{Interruption, evaluation_input};
use crate::cli::options::cores;

/// Times one explanation of each method on the first input that can be read, and one random network; prints what all
/// inputs would take.
///
/// # Errors
/// When no input can be read.
pub fn run(
    test: &SanityTest,
    files: &[Result<InputFile, Failed>],
    jobs: usize,
    console: &mut Console,
) -> Result<Status> {
    let mut failures = vec![];
    let estimate = files.iter().flatten().find_map(|file| {
        let estimate = test.estimate(&evaluation_input(file), &Interruption);
        estimate.map_err(|error| failures.push(error)).ok()
    });
    let estimate = match (estimate, failures.into_iter().next()) {
        (Some(estimate), _) => estimate,
        (None, error) => return Err(error.context("there is no input")?.into()),
    };
    let inputs = files.iter().flatten().count();
    let threads = jobs.min(cores());
    let networks = estimate.networks * test.blocks(inputs);
    let explanations = inputs * estimate.explanations;
    let seconds = networks as f64 * estimate.seconds_of_network
        + inputs as f64 * estimate.seconds_of_input / threads as f64;
    if console.is_json() {
        console.print_json(&json!({
            "inputs": inputs, "networks": networks, "explanations": explanations, "seconds": seconds,
        }))?;
        return Ok(Status::Done);
    }
    console.print(format_args!(
        "{inputs} inputs, {} methods: {networks} random networks, {explanations} explanations ({} for each input)\nabout {} on \
         {threads} threads, by one measured network and one explanation of each method",
        test.settings().methods.iter().filter(|method| !method.is_control).count(),
        estimate.explanations,
        HumanDuration(Duration::from_secs_f64(seconds))
    ))?;
    Ok(Status::Done)
}
