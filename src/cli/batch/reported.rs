//! Inputs each of which gets the same lines in a report: what is done already is found out, the rest is done, results are
//! told and reported in the order of the inputs.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use onnxplain::io::Overwrite;

use super::ending::{self, Counts, Ending, refuse_full_disk, tell_failure, was_cancelled};
use super::inputs::{Failed, InputFile};
use super::pipeline::{Steps, in_order};
use super::report_file::{self, ReportFile};
use super::resume::{Expected, Judge};
use super::staging::Staging;
use crate::cli::console::Console;
use crate::cli::{Status, settings_file};

/// Where results go.
pub struct Place<'a> {
    /// The folder of all files.
    pub output: &'a Path,
    pub report: &'a Path,
    /// Whether an earlier run goes on.
    pub is_resumed: bool,
    pub overwrite: Overwrite,
}

/// A batch with its report.
pub struct Reported<'a> {
    files: &'a [Result<InputFile, Failed>],
    /// Which inputs an earlier run has not done.
    pub to_do: Vec<usize>,
    report: ReportFile,
    staging: Staging,
}

impl<'a> Reported<'a> {
    /// Opens the report, finds out what is to be done, and writes the settings beside it.
    ///
    /// # Errors
    /// When there is a report that is not to be replaced, or one of other settings.
    pub fn open(
        place: &Place,
        settings: &impl Serialize,
        expected: Expected<'a>,
        files: &'a [Result<InputFile, Failed>],
        console: &mut Console,
    ) -> Result<Reported<'a>> {
        let Place { output, report, is_resumed, overwrite } = *place;
        let (report, staging, is_done) = if is_resumed {
            settings_file::refuse_others(output, settings)?;
            let mut judge = Judge::new(expected, report, files);
            let (file, staging) = report_file::resume(report, |group, _| judge.judge(group))?;
            judge.summary().iter().for_each(|note| console.note(note));
            (file, staging, judge.is_done)
        } else {
            let file = ReportFile::create(report, overwrite)?;
            (file, Staging::of_report(report)?, vec![false; files.len()])
        };
        settings_file::write(output, settings)?;
        let to_do = (0..files.len()).filter(|&index| !is_done[index]).collect();
        Ok(Reported { files, to_do, report, staging })
    }

    /// Does what is to be done, `jobs` inputs at a time. `line` is a line as the report has it; `done` is the word for what
    /// was done to the inputs.
    ///
    /// # Errors
    /// When the threads cannot be started, or the report cannot be sorted.
    pub fn run<L: Serialize, S: Steps<Result = Result<Vec<L>>>>(
        mut self,
        steps: &S,
        line: impl Fn(&L) -> serde_json::Result<String>,
        (jobs, done): (usize, &str),
        console: &mut Console,
    ) -> Result<Status> {
        let begin = Instant::now();
        let (files, to_do) = (self.files, &self.to_do);
        let done_before = files.len() - to_do.len();
        let mut counts = Counts::new(files.len(), done_before);
        console.begin_progress(files.len(), done_before);
        let outcome = in_order(steps, to_do.len(), jobs, |position, result| {
            let index = to_do[position];
            if result.as_ref().is_err_and(was_cancelled) {
                return Ok(());
            }
            let name = ending::name(&files[index]);
            let ending = ending::of_result(&files[index], &name, &result);
            counts.add(ending.is_err());
            let lines = match ending {
                Ok(lines) => lines.iter().map(&line).collect::<Result<Vec<_>, _>>()?,
                Err(failure) => vec![serde_json::to_string(&failure)?],
            };
            let reported = self.report.append(report_file::order(index), &lines);
            tell(ending, console)?;
            console.advance_progress(ending.is_err());
            reported.and(refuse_full_disk(ending.err().map(|failure| failure.error)))
        });
        console.end_progress();
        if let Err(error) = &outcome {
            console.error(error);
        }
        self.report.sort(&self.staging)?;
        console.note(counts.describe([done, "failed"], begin));
        Ok(counts.status(outcome.is_err()))
    }
}

fn tell<L: Serialize>(ending: Ending<Vec<L>>, console: &mut Console) -> Result<()> {
    match ending {
        Ok(lines) if console.is_json() => {
            lines.iter().try_for_each(|line| console.print_json(line))
        }
        Ok(_) => Ok(()),
        Err(failure) => tell_failure(failure, console),
    }
}
