//! `--resume` of commands whose lines have the hash of their settings: an input is done where it has a line for every method,
//! or whatever else an input has a line for, of the same settings.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::inputs::{Failed, InputFile};
use super::recorded::Recorded;
use super::report_file::{ORDER_OF_OTHERS, order};

/// The lines that a whole input has.
pub struct Expected<'a> {
    /// The hash of the settings.
    pub settings: &'a str,
    /// The field that tells the lines of an input apart, such as `method`.
    pub field: &'static str,
    /// Its values, line by line.
    pub names: Vec<&'a str>,
}

/// The inputs of this run, as the lines of an earlier one name them.
pub struct Known<'a> {
    pub report: &'a Path,
    by_path: HashMap<&'a str, usize>,
    /// How often the report tells of inputs that were not given this time; these lines stay.
    pub others: usize,
}

impl<'a> Known<'a> {
    /// For a report.
    pub fn new(report: &'a Path, files: &'a [Result<InputFile, Failed>]) -> Known<'a> {
        let indexed = files.iter().enumerate();
        let usable = indexed.filter_map(|(index, file)| Some((file.as_ref().ok()?, index)));
        // A name that is not UTF-8 is not told from others in a report: such an input is always done again.
        let by_path = usable.filter_map(|(file, index)| Some((file.path.to_str()?, index)));
        Known { report, by_path: by_path.collect(), others: 0 }
    }

    /// The input of a line; `None` where it was not given this time.
    pub fn index(&self, line: &Recorded) -> Option<usize> {
        self.by_path.get(line.input.as_str()).copied()
    }

    /// Refuses a line that has the hash of other settings.
    ///
    /// # Errors
    /// Says how to go on.
    pub fn refuse_other_settings(&self, line: &Recorded, hash: &str) -> Result<()> {
        ensure!(
            line.field("settings").and_then(Value::as_str) == Some(hash),
            "cannot resume: {} has lines of other settings; give the options of the first run, --overwrite to begin \
             again, or another --output",
            self.report.display()
        );
        Ok(())
    }

    /// How many inputs are done, and how many others there are, for people.
    pub fn summary(&self, is_done: &[bool]) -> Vec<String> {
        let done = is_done.iter().filter(|is_done| **is_done).count();
        let mut notes = vec![format!("resume: {done} of {} inputs are done", is_done.len())];
        if self.others > 0 {
            notes.push(format!(
                "{} tells of {} inputs more, which were not given this time; they stay",
                self.report.display(),
                self.others
            ));
        }
        notes
    }
}

/// Judges the lines of an earlier run.
pub struct Judge<'a> {
    expected: Expected<'a>,
    known: Known<'a>,
    /// Whether an input is done.
    pub is_done: Vec<bool>,
}

impl<'a> Judge<'a> {
    /// A judge who knows the inputs of this run.
    pub fn new(
        expected: Expected<'a>,
        report: &'a Path,
        files: &'a [Result<InputFile, Failed>],
    ) -> Judge<'a> {
        Judge { expected, known: Known::new(report, files), is_done: vec![false; files.len()] }
    }

    /// What was found, for people.
    pub fn summary(&self) -> Vec<String> {
        self.known.summary(&self.is_done)
    }

    /// Where the lines of an input belong, `None` where they are not whole: the input is done again.
    ///
    /// # Errors
    /// When the earlier run had other settings.
    pub fn judge(&mut self, group: &[Recorded]) -> Result<Option<usize>> {
        let Some(first) = group.first().filter(|first| !first.input.contains('\u{fffd}')) else {
            return Ok(None);
        };
        let field = self.expected.field;
        for recorded in group.iter().filter(|recorded| recorded.field(field).is_some()) {
            self.known.refuse_other_settings(recorded, self.expected.settings)?;
        }
        let names = group.iter().map(|recorded| recorded.field(field).and_then(Value::as_str));
        let is_whole = names.eq(self.expected.names.iter().copied().map(Some));
        if !is_whole {
            return Ok(None);
        }
        match self.known.index(first) {
            None => {
                self.known.others += 1;
                Ok(Some(ORDER_OF_OTHERS))
            }
            Some(index) if !self.is_done[index] => {
                self.is_done[index] = true;
                Ok(Some(order(index)))
            }
            Some(_) => Ok(None),
        }
    }
}
