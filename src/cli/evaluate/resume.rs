//! `--resume`: which inputs are done already: those with a line for every method, of the same settings.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;

use onnxplain::evaluation::Settings;

use crate::cli::explain::inputs::{Failed, InputFile};
use crate::cli::explain::recorded::Recorded;

/// Where the lines of an input belong in the report; those of inputs that were not given come before all others.
pub fn order(index: usize) -> usize {
    index + 1
}

/// Judges the lines of an earlier run.
pub struct Judge<'a> {
    settings: &'a Settings,
    report: &'a Path,
    by_path: HashMap<&'a str, usize>,
    /// Whether an input is done.
    pub is_done: Vec<bool>,
    /// How many inputs in the report were not given this time; their lines stay.
    others: usize,
}

impl<'a> Judge<'a> {
    /// A judge who knows the inputs of this run.
    pub fn new(
        settings: &'a Settings,
        report: &'a Path,
        files: &'a [Result<InputFile, Failed>],
    ) -> Judge<'a> {
        let indexed = files.iter().enumerate();
        let usable = indexed.filter_map(|(index, file)| Some((file.as_ref().ok()?, index)));
        // A name that is not UTF-8 is not told from others in a report: such an input is always done again.
        let by_path = usable.filter_map(|(file, index)| Some((file.path.to_str()?, index)));
        let (by_path, is_done) = (by_path.collect(), vec![false; files.len()]);
        Judge { settings, report, by_path, is_done, others: 0 }
    }

    /// What was found, for people.
    pub fn summary(&self) -> Vec<String> {
        let done = self.is_done.iter().filter(|is_done| **is_done).count();
        let mut notes = vec![format!("resume: {done} of {} inputs are done", self.is_done.len())];
        if self.others > 0 {
            notes.push(format!(
                "{} tells of {} inputs more, which were not given this time; they stay",
                self.report.display(),
                self.others
            ));
        }
        notes
    }

    /// Where the lines of an input belong, `None` where they are not whole: the input is evaluated again.
    ///
    /// # Errors
    /// When the earlier run had other settings.
    pub fn judge(&mut self, group: &[Recorded]) -> Result<Option<usize>> {
        let Some(first) = group.first().filter(|first| !first.input.contains('\u{fffd}')) else {
            return Ok(None);
        };
        let settings = |recorded: &Recorded| recorded.field("settings").cloned();
        let hash = Value::from(self.settings.hash.as_str());
        for recorded in group.iter().filter(|recorded| recorded.field("method").is_some()) {
            ensure!(
                settings(recorded).as_ref() == Some(&hash),
                "cannot resume: {} has lines of other settings; give the options of the first run, --overwrite to begin \
                 again, or another --output",
                self.report.display()
            );
        }
        let methods = group.iter().map(|recorded| recorded.field("method").and_then(Value::as_str));
        let is_whole =
            methods.eq(self.settings.methods.iter().map(|method| Some(method.name.as_str())));
        if !is_whole {
            return Ok(None);
        }
        match self.by_path.get(first.input.as_str()) {
            None => {
                self.others += 1;
                Ok(Some(0))
            }
            Some(&index) if !self.is_done[index] => {
                self.is_done[index] = true;
                Ok(Some(order(index)))
            }
            Some(_) => Ok(None),
        }
    }
}
