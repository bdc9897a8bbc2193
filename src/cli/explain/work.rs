//! A batch at work: every input through its steps; results to standard output, the files and the report.

use std::time::Instant;

use anyhow::Result;

use super::attribute::{Attributed, Decoded, Job};
use super::render::Explained;
use super::summary;
use crate::cli::batch::ending::{
    self, Counts, Ending, refuse_full_disk, tell_failure, was_cancelled,
};
use crate::cli::batch::inputs::{Failed, InputFile, LeftOut};
use crate::cli::batch::pipeline::{Steps, in_order};
use crate::cli::batch::report_file::{self, ReportFile};
use crate::cli::batch::staging::Staging;
use crate::cli::console::Console;
use crate::cli::{Status, failure, interrupt};

/// What is to be done.
pub struct Work<'a> {
    pub job: &'a Job,
    pub files: &'a [Result<InputFile, Failed>],
    /// Files of folders that are no inputs, for the report.
    pub left_out: &'a [LeftOut],
    /// Which files an earlier run has done.
    pub is_done: Vec<bool>,
    /// The report of a batch.
    pub report: Option<ReportFile>,
    pub staging: Staging,
}

impl Work<'_> {
    /// Explains what is to be explained, `jobs` at a time.
    ///
    /// # Errors
    /// When the threads cannot be started, or the report cannot be sorted.
    pub fn run(self, jobs: usize, console: &mut Console) -> Result<Status> {
        let begin = Instant::now();
        let Work { job, files, left_out, is_done, mut report, staging } = self;
        let to_do: Vec<usize> = (0..files.len()).filter(|&index| !is_done[index]).collect();
        let done_before = files.len() - to_do.len();
        let mut counts = Counts::new(files.len(), done_before);
        let style = Style::of(files, report.is_some());
        let steps = ExplainSteps { job, files, to_do: &to_do, staging: &staging };
        interrupt::work_begins();
        if let Some(report) = report.as_mut().filter(|_| !left_out.is_empty()) {
            let lines = left_out.iter().map(serde_json::to_string);
            report.append(report_file::ORDER_OF_OTHERS, &lines.collect::<Result<Vec<_>, _>>()?)?;
        }
        console.begin_progress(files.len(), done_before);
        let outcome = in_order(&steps, to_do.len(), jobs, |position, result| {
            let index = to_do[position];
            let name = ending::name(&files[index]);
            let ending = ending::of_result(&files[index], &name, &result);
            if files.len() > 1 && ending.is_err_and(|failure| was_cancelled(failure.error)) {
                return Ok(());
            }
            counts.add(ending.is_err());
            let reported = match &mut report {
                Some(report) => report.append(report_file::order(index), &lines(ending)?),
                None => Ok(()),
            };
            style.tell(ending, console)?;
            console.advance_progress(ending.is_err());
            let error = ending.err().map(|failure| failure.error).filter(|_| report.is_some());
            reported.and(refuse_full_disk(error))
        });
        console.end_progress();
        if let Err(error) = &outcome {
            console.error(error);
        }
        if let Some(report) = report {
            report.sort(&staging)?;
        }
        if files.len() > 1 {
            console.note(counts.describe(["explained", "failed"], begin));
        }
        Ok(counts.status(outcome.is_err()))
    }
}

/// The steps of the pipeline for the inputs of a list.
struct ExplainSteps<'a> {
    job: &'a Job,
    files: &'a [Result<InputFile, Failed>],
    to_do: &'a [usize],
    staging: &'a Staging,
}

impl<'a> Steps for ExplainSteps<'a> {
    /// `None` for what could not be turned into a file.
    type Decoded = Option<Result<Decoded<'a>>>;
    type Part = Result<Attributed<'a>>;
    type Result = Result<Explained>;

    fn decode(&self, position: usize) -> Self::Decoded {
        let file = self.files[self.to_do[position]].as_ref().ok()?;
        Some(failure::catching(|| self.job.decode(file)))
    }

    fn explain(&self, decoded: Self::Decoded, emit: &mut dyn FnMut(Self::Part) -> bool) {
        let explained = match decoded {
            Some(Ok(decoded)) => {
                failure::catching(|| self.job.attribute(decoded, &mut |part| emit(Ok(part))))
            }
            Some(Err(error)) => Err(error),
            None => Ok(()),
        };
        if let Err(error) = explained {
            emit(Err(error));
        }
    }

    fn render(&self, position: usize, parts: &mut dyn Iterator<Item = Self::Part>) -> Self::Result {
        match &self.files[self.to_do[position]] {
            Ok(file) => failure::catching(|| self.job.render(file, self.staging, parts)),
            Err(_) => Ok(Explained::default()),
        }
    }
}

/// The lines of an input in the report.
fn lines(ending: Ending<Explained>) -> Result<Vec<String>> {
    match ending {
        Ok(explained) => {
            explained.reports.iter().map(|report| Ok(serde_json::to_string(report)?)).collect()
        }
        Err(failure) => Ok(vec![serde_json::to_string(&failure)?]),
    }
}

/// How results are printed.
struct Style {
    is_single: bool,
    /// Of the column of names.
    width: usize,
}

impl Style {
    fn of(files: &[Result<InputFile, Failed>], is_batch: bool) -> Style {
        let widths = files.iter().flatten().map(|file| file.path.as_os_str().len());
        Style { is_single: !is_batch || files.len() == 1, width: widths.max().unwrap_or(0) }
    }

    fn tell(&self, ending: Ending<Explained>, console: &mut Console) -> Result<()> {
        match ending {
            Ok(explained) => self.tell_results(explained, console),
            Err(failure) => tell_failure(failure, console),
        }
    }

    fn tell_results(&self, explained: &Explained, console: &mut Console) -> Result<()> {
        let Explained { reports, warnings } = explained;
        warnings.iter().for_each(|warning| console.warning(warning));
        if console.is_json() {
            return reports.iter().try_for_each(|report| console.print_json(report));
        }
        if self.is_single || console.is_verbose() {
            return console.print(summary::detailed(reports));
        }
        reports.iter().try_for_each(|report| console.print(summary::brief(report, self.width)))
    }
}
