//! The evaluation at work: results to standard output and the report, in the order of the inputs.

use std::path::Path;
use std::time::Instant;

use anyhow::{Error, Result};

use onnxplain::evaluation::{JudgedMap, ReportLine, Spent};

use super::pictures;
use super::prepare::Prepared;
use crate::cli::batch::ending::{
    self, Counts, Ending, refuse_full_disk, tell_failure, was_cancelled,
};
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::batch::pipeline::{Steps, in_order};
use crate::cli::batch::report_file::{self, ReportFile};
use crate::cli::batch::staging::Staging;
use crate::cli::console::Console;
use crate::cli::given::{Interruption, evaluation_input};
use crate::cli::{Status, failure};

/// What is to be done.
pub struct Work<'a> {
    pub prepared: &'a Prepared,
    /// The folder of the report.
    pub output: &'a Path,
    pub files: &'a [Result<InputFile, Failed>],
    /// Which files an earlier run has done.
    pub is_done: Vec<bool>,
    pub report: ReportFile,
    pub staging: Staging,
}

impl Work<'_> {
    /// Evaluates what is to be evaluated, `jobs` inputs at a time.
    ///
    /// # Errors
    /// When the threads cannot be started, or the report cannot be sorted.
    pub fn run(self, jobs: usize, console: &mut Console) -> Result<Status> {
        let begin = Instant::now();
        let Work { prepared, output, files, is_done, mut report, staging } = self;
        let to_do: Vec<usize> = (0..files.len()).filter(|&index| !is_done[index]).collect();
        let done_before = files.len() - to_do.len();
        let mut counts = Counts::new(files.len(), done_before);
        let steps = EvaluateSteps { prepared, output, files, to_do: &to_do };
        console.begin_progress(files.len(), done_before);
        let outcome = in_order(&steps, to_do.len(), jobs, |position, result| {
            let index = to_do[position];
            if result.as_ref().is_err_and(was_cancelled) {
                return Ok(());
            }
            let name = ending::name(&files[index]);
            let ending = ending::of_result(&files[index], &name, &result);
            counts.add(ending.is_err());
            let reported = report.append(report_file::order(index), &lines(ending)?);
            tell(ending, console)?;
            console.advance_progress(ending.is_err());
            reported.and(refuse_full_disk(ending.err().map(|failure| failure.error)))
        });
        console.end_progress();
        if let Err(error) = &outcome {
            console.error(error);
        }
        report.sort(&staging)?;
        console.note(counts.describe("evaluated", begin));
        console.note(work_of(prepared.evaluator.spent()));
        Ok(counts.status(outcome.is_err()))
    }
}

/// The lines of an input in the report: without what is another number in every run.
fn lines(ending: Ending<Vec<ReportLine>>) -> Result<Vec<String>> {
    match ending {
        Ok(lines) => {
            let lines = lines.iter().map(|line| ReportLine { seconds: None, ..line.clone() });
            lines.map(|line| Ok(serde_json::to_string(&line)?)).collect()
        }
        Err(failure) => Ok(vec![serde_json::to_string(&failure)?]),
    }
}

fn tell(ending: Ending<Vec<ReportLine>>, console: &mut Console) -> Result<()> {
    match ending {
        Ok(lines) if console.is_json() => {
            lines.iter().try_for_each(|line| console.print_json(line))
        }
        Ok(_) => Ok(()),
        Err(failure) => tell_failure(failure, console),
    }
}

/// How much of the time the network took, and how much everything else.
fn work_of(spent: Spent) -> String {
    let Spent { runs, explanations, engine, all } = spent;
    let (engine, all) = (engine.as_secs_f64(), all.as_secs_f64());
    format!(
        "{runs} network runs and {explanations} explanations: {engine:.2} s of {all:.2} s on all threads together, {:.3} x \
         the time of these alone",
        all / engine.max(1e-9)
    )
}

/// The steps of the pipeline for the inputs of a list: all is one step, in which the network is busy.
struct EvaluateSteps<'a> {
    prepared: &'a Prepared,
    output: &'a Path,
    files: &'a [Result<InputFile, Failed>],
    to_do: &'a [usize],
}

impl Steps for EvaluateSteps<'_> {
    type Decoded = usize;
    type Part = Result<Vec<ReportLine>>;
    type Result = Result<Vec<ReportLine>>;

    fn decode(&self, position: usize) -> usize {
        position
    }

    fn explain(&self, position: usize, emit: &mut dyn FnMut(Self::Part) -> bool) {
        emit(match &self.files[self.to_do[position]] {
            Ok(file) => failure::catching(|| self.evaluate(file)),
            Err(_) => Ok(vec![]),
        });
    }

    fn render(&self, _: usize, parts: &mut dyn Iterator<Item = Self::Part>) -> Self::Result {
        parts.next().unwrap_or_else(|| Ok(vec![]))
    }
}

impl EvaluateSteps<'_> {
    fn evaluate(&self, file: &InputFile) -> Result<Vec<ReportLine>> {
        let evaluator = &self.prepared.evaluator;
        let judged = evaluator.evaluate_with_maps(&evaluation_input(file), &Interruption);
        let judged = judged.map_err(|error| match error {
            onnxplain::Error::Cancelled => error.into(),
            error => Error::from(error).context(format!("cannot evaluate {}", file.path.display())),
        })?;
        let (lines, maps): (Vec<ReportLine>, Vec<JudgedMap>) = judged.into_iter().unzip();
        pictures::write(self.output, file, evaluator.settings(), &maps)?;
        Ok(lines)
    }
}
