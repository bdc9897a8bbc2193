//! The evaluation at work: results to standard output and the report, in the order of the inputs.

use std::path::Path;

use anyhow::{Error, Result};

use onnxplain::evaluation::{JudgedMap, ReportLine, Spent};

use super::pictures;
use super::prepare::Prepared;
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::batch::pipeline::Steps;
use crate::cli::batch::reported::Reported;
use crate::cli::console::Console;
use crate::cli::given::{Interruption, evaluation_input};
use crate::cli::{Status, failure};

/// What is to be done.
pub struct Work<'a> {
    pub prepared: &'a Prepared,
    /// The folder of the report.
    pub output: &'a Path,
    pub files: &'a [Result<InputFile, Failed>],
    pub batch: Reported<'a>,
}

impl Work<'_> {
    /// Evaluates what is to be evaluated, `jobs` inputs at a time.
    ///
    /// # Errors
    /// When the threads cannot be started, or the report cannot be sorted.
    pub fn run(self, jobs: usize, console: &mut Console) -> Result<Status> {
        let Work { prepared, output, files, batch } = self;
        let steps = EvaluateSteps { prepared, output, files, to_do: batch.to_do.clone() };
        // Seconds are another number in every run.
        let line = |line: &ReportLine| {
            serde_json::to_string(&ReportLine { seconds: None, ..line.clone() })
        };
        let status = batch.run(&steps, line, (jobs, "evaluated"), console)?;
        console.note(work_of(prepared.evaluator.spent()));
        Ok(status)
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
    to_do: Vec<usize>,
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
