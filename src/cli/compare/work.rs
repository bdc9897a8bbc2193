//! The comparison at work: results to standard output and the report, in the order of the inputs.

use std::path::Path;
use std::time::Instant;

use anyhow::{Error, Result};

use onnxplain::comparison::{Compared, ComparedLine};
use onnxplain::figure::Format;

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
use crate::cli::{Status, failure, interrupt};

/// What is to be done.
pub struct Work<'a> {
    pub prepared: &'a Prepared,
    /// The folder of all files.
    pub output: &'a Path,
    pub files: &'a [Result<InputFile, Failed>],
    /// The format of figures; `None` for none.
    pub figures: Option<Format>,
    /// Which files an earlier run has done.
    pub is_done: Vec<bool>,
    pub report: ReportFile,
    pub staging: Staging,
}

impl Work<'_> {
    /// Compares all variants on every input that is to be compared, `jobs` inputs at a time.
    ///
    /// # Errors
    /// When the threads cannot be started, or the report cannot be sorted.
    pub fn run(self, jobs: usize, console: &mut Console) -> Result<Status> {
        let begin = Instant::now();
        let Work { prepared, output, files, figures, is_done, mut report, staging } = self;
        let to_do: Vec<usize> = (0..files.len()).filter(|&index| !is_done[index]).collect();
        let done_before = files.len() - to_do.len();
        let mut counts = Counts::new(files.len(), done_before);
        let steps = CompareSteps { prepared, output, files, to_do: &to_do, figures };
        interrupt::work_begins();
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
        console.note(counts.describe("compared", begin));
        Ok(counts.status(outcome.is_err()))
    }
}

fn lines(ending: Ending<Vec<ComparedLine>>) -> Result<Vec<String>> {
    match ending {
        Ok(lines) => lines.iter().map(|line| Ok(serde_json::to_string(line)?)).collect(),
        Err(failure) => Ok(vec![serde_json::to_string(&failure)?]),
    }
}

fn tell(ending: Ending<Vec<ComparedLine>>, console: &mut Console) -> Result<()> {
    match ending {
        Ok(lines) if console.is_json() => {
            lines.iter().try_for_each(|line| console.print_json(line))
        }
        Ok(_) => Ok(()),
        Err(failure) => tell_failure(failure, console),
    }
}

/// The steps of the pipeline for the inputs of a list: the networks run in one, pictures are drawn in the next.
struct CompareSteps<'a> {
    prepared: &'a Prepared,
    output: &'a Path,
    files: &'a [Result<InputFile, Failed>],
    to_do: &'a [usize],
    figures: Option<Format>,
}

impl Steps for CompareSteps<'_> {
    type Decoded = usize;
    type Part = Result<Vec<Compared>>;
    type Result = Result<Vec<ComparedLine>>;

    fn decode(&self, position: usize) -> usize {
        self.to_do[position]
    }

    fn explain(&self, index: usize, emit: &mut dyn FnMut(Self::Part) -> bool) {
        emit(match &self.files[index] {
            Ok(file) => failure::catching(|| self.compare(file)),
            Err(_) => Ok(vec![]),
        });
    }

    fn render(&self, position: usize, parts: &mut dyn Iterator<Item = Self::Part>) -> Self::Result {
        let index = self.to_do[position];
        let compared = parts.next().unwrap_or_else(|| Ok(vec![]))?;
        if let Ok(file) = &self.files[index] {
            failure::catching(|| {
                pictures::write(self.output, file, (self.prepared, &compared), self.figures)
                    .map_err(|error| about(file, error))
            })?;
        }
        Ok(compared.into_iter().map(|compared| compared.line).collect())
    }
}

impl CompareSteps<'_> {
    fn compare(&self, file: &InputFile) -> Result<Vec<Compared>> {
        let comparer = &self.prepared.comparer;
        let compared =
            comparer.compare_named(&file.path, &evaluation_input(file).stem, &Interruption);
        compared.map_err(|error| match error {
            onnxplain::Error::Cancelled => error.into(),
            error => about(file, error.into()),
        })
    }
}

fn about(file: &InputFile, error: Error) -> Error {
    error.context(format!("cannot compare the variants on {}", file.path.display()))
}
