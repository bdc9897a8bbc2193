//! `--resume`: which steps of which inputs are done already: those with a line of the same settings.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;

use onnxplain::sanity::SanitySettings;

use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::batch::recorded::Recorded;

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
    report: &'a Path,
    by_path: HashMap<&'a str, usize>,
    /// Whether a step of an input is done, 0 being the trained network.
    pub is_done: Vec<Vec<bool>>,
    /// How many lines tell of inputs that were not given this time; they stay.
    others: usize,
}

impl<'a> Judge<'a> {
    /// A judge who knows the inputs of this run.
    pub fn new(
        settings: &'a SanitySettings,
        report: &'a Path,
        files: &'a [Result<InputFile, Failed>],
    ) -> Judge<'a> {
        let indexed = files.iter().enumerate();
        let usable = indexed.filter_map(|(index, file)| Some((file.as_ref().ok()?, index)));
        // A name that is not UTF-8 is not told from others in a report: such an input is always done again.
        let by_path = usable.filter_map(|(file, index)| Some((file.path.to_str()?, index)));
        let is_done = vec![vec![false; settings.steps.len() + 1]; files.len()];
        Judge { settings, report, by_path: by_path.collect(), is_done, others: 0 }
    }

    /// What was found, for people.
    pub fn summary(&self) -> Vec<String> {
        let done = self.is_done.iter().flatten().filter(|is_done| **is_done).count();
        let all = self.is_done.iter().flatten().count();
        let mut notes = vec![format!("resume: {done} of {all} steps of inputs are done")];
        if self.others > 0 {
            notes.push(format!(
                "{} lines of {} tell of inputs that were not given this time; they stay",
                self.others,
                self.report.display()
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
        let hash = Value::from(self.settings.hash.as_str());
        ensure!(
            line.field("settings") == Some(&hash),
            "cannot resume: {} has lines of other settings; give the options of the first run, --overwrite to begin again, \
             or another --output",
            self.report.display()
        );
        let Some(&index) = self.by_path.get(line.input.as_str()) else {
            self.others += 1;
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
