//! `--resume`: which steps of which inputs are done already: those with a line of the same settings.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use onnxplain::sanity::SanitySettings;

use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::batch::recorded::Recorded;
use crate::cli::batch::resume::Known;

/// Every line stands for itself.
pub fn is_together(_: &Recorded, _: &Recorded) -> bool {
    false
}

/// Where the line of a step of an input belongs in the report; those of inputs that were not given come before all others.
pub fn order(index: usize, step: usize, steps: usize) -> usize {
    index * (steps + 1) + step + 1
}

/// Judges the lines of an earlier run.
pub struct Judge<'a> {
    settings: &'a SanitySettings,
    known: Known<'a>,
    /// Whether a step of an input is done, 0 being the trained network.
    pub is_done: Vec<Vec<bool>>,
}

impl<'a> Judge<'a> {
    /// A judge who knows the inputs of this run.
    pub fn new(
        settings: &'a SanitySettings,
        report: &'a Path,
        files: &'a [Result<InputFile, Failed>],
    ) -> Judge<'a> {
        let is_done = vec![vec![false; settings.steps.len() + 1]; files.len()];
        Judge { settings, known: Known::new(report, files), is_done }
    }

    /// What was found, for people.
    pub fn summary(&self) -> Vec<String> {
        let done = self.is_done.iter().flatten().filter(|is_done| **is_done).count();
        let all = self.is_done.iter().flatten().count();
        let mut notes = vec![format!("resume: {done} of {all} steps of inputs are done")];
        if self.known.others > 0 {
            notes.push(format!(
                "{} lines of {} tell of inputs that were not given this time; they stay",
                self.known.others,
                self.known.report.display()
            ));
        }
        notes
    }

    /// Where a line belongs, `None` where it tells of a failure: the input is tried again.
    ///
    /// # Errors
    /// When the earlier run had other settings.
    pub fn judge(&mut self, lines: &[Recorded]) -> Result<Option<usize>> {
        let [line] = lines else { return Ok(None) };
        let Some(step) = line.field("step").and_then(Value::as_u64) else { return Ok(None) };
        self.known.refuse_other_settings(line, &self.settings.hash)?;
        let Some(index) = self.known.index(line) else {
            self.known.others += 1;
            return Ok(Some(0));
        };
        let step = step as usize;
        match self.is_done[index].get_mut(step) {
            Some(is_done) if !*is_done => {
                *is_done = true;
                Ok(Some(order(index, step, self.settings.steps.len())))
            }
            _ => Ok(None),
        }
    }
}
