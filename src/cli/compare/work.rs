//! The comparison at work: results to standard output and the report, in the order of the inputs.

use std::path::Path;

use anyhow::{Error, Result};

use onnxplain::comparison::{Compared, ComparedLine};
use onnxplain::figure::Format;

use super::pictures;
use super::prepare::Prepared;
use crate::cli::batch::inputs::{Failed, InputFile};
use crate::cli::batch::pipeline::Steps;
use crate::cli::batch::reported::Reported;
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
    pub batch: Reported<'a>,
}

impl Work<'_> {
    /// Compares all variants on every input that is to be compared, `jobs` inputs at a time.
    ///
    /// # Errors
    /// When the threads cannot be started, or the report cannot be sorted.
    pub fn run(self, jobs: usize, console: &mut Console) -> Result<Status> {
        let Work { prepared, output, files, figures, batch } = self;
        let to_do = batch.to_do.clone();
        let steps = CompareSteps { prepared, output, files, to_do, figures };
        interrupt::work_begins();
        batch.run(&steps, serde_json::to_string, (jobs, "compared"), console)
    }
}

/// The steps of the pipeline for the inputs of a list: the networks run in one, pictures are drawn in the next.
struct CompareSteps<'a> {
    prepared: &'a Prepared,
    output: &'a Path,
    files: &'a [Result<InputFile, Failed>],
    to_do: Vec<usize>,
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
