//! The test at work: results to standard output and the report.

use std::path::Path;
use std::time::Instant;

use anyhow::{Error, Result};

use onnxplain::evaluation::EvaluationInput;
use onnxplain::sanity::{Outcome, SanityTest};

use super::{pictures, resume};
use crate::cli::Status;
use crate::cli::batch::ending::{Counts, Failure, refuse_full_disk, tell_failure, was_cancelled};
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::batch::report_file::ReportFile;
use crate::cli::batch::staging::Staging;
use crate::cli::console::Console;
use crate::cli::given::{Interruption, evaluation_input};

/// What is to be done.
pub struct Work<'a> {
    pub test: &'a SanityTest,
    /// The folder of the report.
    pub output: &'a Path,
    pub files: &'a [Result<InputFile, Failed>],
    /// Which steps of which files an earlier run has done.
    pub is_done: Vec<Vec<bool>>,
    pub report: ReportFile,
    pub staging: Staging,
}

impl Work<'_> {
    /// Tests what is to be tested.
    ///
    /// # Errors
    /// When the report cannot be sorted.
    pub fn run(mut self, console: &mut Console) -> Result<Status> {
        let begin = Instant::now();
        let done_before = self.is_done.iter().flatten().filter(|is_done| **is_done).count();
        let all = self.is_done.iter().flatten().count();
        let mut counts = Counts::new(all, done_before);
        console.begin_progress(all, done_before);
        let outcome =
            self.tell_failed(&mut counts, console).and_then(|()| self.test(&mut counts, console));
        console.end_progress();
        let is_stopped = match &outcome {
            Err(error) if was_cancelled(error) => false,
            Err(error) => {
                console.error(error);
                true
            }
            Ok(()) => false,
        };
        self.report.sort(&self.staging)?;
        console.note(counts.describe(["steps of inputs tested", "inputs failed"], begin));
        Ok(counts.status(is_stopped))
    }

    /// What could not be turned into files.
    fn tell_failed(&mut self, counts: &mut Counts, console: &mut Console) -> Result<()> {
        for (index, file) in self.files.iter().enumerate() {
            if let Err(Failed { input, error }) = file {
                self.fail(index, (input, error), counts, console)?;
            }
        }
        Ok(())
    }

    fn test(&mut self, counts: &mut Counts, console: &mut Console) -> Result<()> {
        let (test, files) = (self.test, self.files);
        let usable = files.iter().enumerate();
        let usable: Vec<(usize, &InputFile)> =
            usable.filter_map(|(index, file)| Some((index, file.as_ref().ok()?))).collect();
        let inputs: Vec<EvaluationInput> =
            usable.iter().map(|(_, file)| evaluation_input(file)).collect();
        let is_done = self.is_done.clone();
        let is_done = |input: usize, step: usize| is_done[usable[input].0][step];
        test.run(&inputs, &is_done, &Interruption, &mut |outcome: Outcome| {
            let (index, file) = usable[outcome.input];
            self.take(outcome, (index, file), counts, console)
        })
    }

    fn take(
        &mut self,
        outcome: Outcome,
        (index, file): (usize, &InputFile),
        counts: &mut Counts,
        console: &mut Console,
    ) -> Result<()> {
        let steps = self.test.settings().steps.len();
        let line = match outcome.result {
            Ok(line) => line,
            Err(error) => {
                let path = file.path.display();
                let error = Error::from(error).context(format!("cannot test {path}"));
                return self.fail(index, (&path.to_string(), &error), counts, console);
            }
        };
        let order = resume::order(index, outcome.step, steps);
        self.report.append(order, &[serde_json::to_string(&line)?])?;
        if pictures::are_shown(index, outcome.step, steps) {
            pictures::write(self.output, file, self.test.settings(), outcome.step, &outcome.maps)?;
        }
        if console.is_json() {
            console.print_json(&line)?;
        }
        counts.add(false);
        console.advance_progress(false);
        Ok(())
    }

    fn fail(
        &mut self,
        index: usize,
        (input, error): (&str, &Error),
        counts: &mut Counts,
        console: &mut Console,
    ) -> Result<()> {
        let steps = self.test.settings().steps.len();
        let failure = Failure { input, error };
        self.report.append(resume::order(index, 0, steps), &[serde_json::to_string(&failure)?])?;
        tell_failure(failure, console)?;
        counts.give_up(self.is_done[index].iter().filter(|is_done| !**is_done).count());
        console.advance_progress(true);
        refuse_full_disk(Some(error))
    }
}
