//! A batch at work: every input through its steps; results to standard output, the files and the report.

use std::io::{self, ErrorKind};
use std::time::Instant;

use anyhow::{Error, Result, anyhow};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use onnxplain::io::TOOL;

use super::attribute::{Attributed, Decoded, Job};
use super::batch::{self, Steps};
use super::inputs::{Failed, InputFile, LeftOut};
use super::render::Explained;
use super::report_file::ReportFile;
use super::staging::Staging;
use super::{resume, summary};
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

/// How many inputs ended in which way.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    all: usize,
    done_before: usize,
    explained: usize,
    failed: usize,
}

/// How an input ended.
type Ending<'a> = Result<&'a Explained, Failure<'a>>;

/// Why an input has no result.
#[derive(Clone, Copy)]
pub struct Failure<'a> {
    pub input: &'a str,
    pub error: &'a Error,
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
        let mut counts = Counts { all: files.len(), done_before, ..Counts::default() };
        let style = Style::of(files, report.is_some());
        let steps = ExplainSteps { job, files, to_do: &to_do, staging: &staging };
        interrupt::work_begins();
        if let Some(report) = report.as_mut().filter(|_| !left_out.is_empty()) {
            let lines = left_out.iter().map(serde_json::to_string);
            report.append(resume::ORDER_OF_OTHERS, &lines.collect::<Result<Vec<_>, _>>()?)?;
        }
        console.begin_progress(files.len(), done_before);
        let outcome = batch::in_order(&steps, to_do.len(), jobs, |position, result| {
            let index = to_do[position];
            let name = name(&files[index]);
            let ending = ending(&files[index], &name, &result);
            if files.len() > 1 && was_cancelled(ending) {
                return Ok(());
            }
            counts.add(ending);
            let reported = match &mut report {
                Some(report) => report.append(resume::order(index), &lines(ending)?),
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
            console.note(counts.describe(begin));
        }
        Ok(counts.status(outcome.is_err()))
    }
}

fn ending<'a>(
    file: &'a Result<InputFile, Failed>,
    name: &'a str,
    result: &'a Result<Explained>,
) -> Ending<'a> {
    let input = name;
    match (file, result) {
        (Err(failed), _) => Err(Failure { input, error: &failed.error }),
        (Ok(_), Err(error)) => Err(Failure { input, error }),
        (Ok(_), Ok(explained)) => Ok(explained),
    }
}

/// Whether the samples of an input were ended by Ctrl-C: in a batch it has not failed but is left.
fn was_cancelled(ending: Ending) -> bool {
    let is_cancelled =
        |error: &Error| matches!(error.downcast_ref(), Some(onnxplain::Error::Cancelled));
    ending.is_err_and(|failure| is_cancelled(failure.error))
}

fn name(file: &Result<InputFile, Failed>) -> String {
    match file {
        Ok(file) => file.path.display().to_string(),
        Err(failed) => failed.input.clone(),
    }
}

/// Nothing can be explained: all inputs are told, and nothing is written.
pub fn report_failures(
    files: &[Result<InputFile, Failed>],
    console: &mut Console,
) -> Result<Status> {
    for failed in files.iter().filter_map(|file| file.as_ref().err()) {
        tell_failure(Failure { input: &failed.input, error: &failed.error }, console)?;
    }
    Ok(Status::Nothing)
}

impl Counts {
    fn add(&mut self, ending: Ending) {
        match ending {
            Ok(_) => self.explained += 1,
            Err(_) => self.failed += 1,
        }
    }

    fn describe(self, begin: Instant) -> String {
        let Counts { all, done_before, explained, failed } = self;
        let seconds = begin.elapsed().as_secs_f64();
        let before = match done_before {
            0 => String::new(),
            done => format!("{done} done before, "),
        };
        let left = match all - done_before - explained - failed {
            0 => String::new(),
            left => format!(", {left} left: --resume goes on with them"),
        };
        format!("{before}{explained} explained, {failed} failed{left}, {seconds:.2} s")
    }

    fn status(self, is_stopped: bool) -> Status {
        let has_results = self.explained + self.done_before > 0;
        interrupt::or_interrupted(match (has_results, self.failed > 0 || is_stopped) {
            (_, false) => Status::Done,
            (false, true) => Status::Nothing,
            (true, true) => Status::Partly,
        })
    }
}

/// The steps of [`batch`] for the inputs of a list.
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
fn lines(ending: Ending) -> Result<Vec<String>> {
    match ending {
        Ok(explained) => {
            explained.reports.iter().map(|report| Ok(serde_json::to_string(report)?)).collect()
        }
        Err(failure) => Ok(vec![serde_json::to_string(&failure)?]),
    }
}

/// In reports and with `--json`; the input comes first, as in results, so that lines can be sorted by it.
impl Serialize for Failure<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Failure", 3)?;
        object.serialize_field("input", self.input)?;
        object.serialize_field("tool", TOOL)?;
        object.serialize_field("error", &failure::line(self.error))?;
        object.end()
    }
}

/// In reports, where the reason has a name of its own: it is no failure.
impl Serialize for LeftOut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("LeftOut", 3)?;
        object.serialize_field("input", &self.input)?;
        object.serialize_field("tool", TOOL)?;
        object.serialize_field("left_out", self.reason)?;
        object.end()
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

    fn tell(&self, ending: Ending, console: &mut Console) -> Result<()> {
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

/// A failure is told on standard error, and with `--json` among the results too.
pub fn tell_failure(failure: Failure, console: &mut Console) -> Result<()> {
    console.error(failure.error);
    match console.is_json() {
        true => console.print_json(&failure),
        false => Ok(()),
    }
}

/// Where there is no room for one file there is none for the others.
pub fn refuse_full_disk(error: Option<&Error>) -> Result<()> {
    const NO_ROOM: [ErrorKind; 3] =
        [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge];
    let is_no_room = |cause: &(dyn std::error::Error + 'static)| {
        let kind = cause.downcast_ref().map(io::Error::kind);
        let kind = kind.or_else(|| Some(system_error(&cause.to_string())?.kind()));
        kind.is_some_and(|kind| NO_ROOM.contains(&kind))
    };
    match error {
        Some(error) if error.chain().any(is_no_room) => Err(anyhow!(
            "stopped, because there is no room for the files; make room and go on with --resume"
        )),
        _ => Ok(()),
    }
}

/// The error of the system that a message tells of. Encoders hand on the message alone, others put it into their own.
fn system_error(message: &str) -> Option<io::Error> {
    let (number, _) = message.rsplit_once("(os error ")?.1.split_once(')')?;
    Some(io::Error::from_raw_os_error(number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_recognised() {
        use anyhow::Context;
        let refused = |error: Error| {
            let error = Err::<(), _>(error).context("cannot write a.png").unwrap_err();
            refuse_full_disk(Some(&error)).is_err()
        };
        // No room (or no inode) and over quota; permission denied.
        let [full, quota, denied] = [28, 122, 13].map(io::Error::from_raw_os_error);
        let with_path = |text: String| anyhow!("{text} at path \"out/.onnxplain-x\"");
        assert!(refused(with_path(quota.to_string())));
        assert!(!refused(with_path(denied.to_string())));
        // Where the system's number is lost, the kind is left.
        assert!(refused(io::Error::new(quota.kind(), "no more inodes for you").into()));
        assert!(refused(quota.into()));
        let encoded = image::ImageError::IoError(io::Error::other(full.to_string()));
        assert!(refused(full.into()));
        assert!(refused(encoded.into()));
        assert!(!refused(denied.into()));
        assert!(!refused(anyhow!("no picture (os error x)")));
    }

    #[test]
    fn the_status_tells_what_became_of_the_batch() {
        let status = |done_before, explained, failed, is_stopped| {
            Counts { all: 9, done_before, explained, failed }.status(is_stopped)
        };
        assert_eq!(status(0, 9, 0, false), Status::Done);
        assert_eq!(status(9, 0, 0, false), Status::Done);
        assert_eq!(status(0, 8, 1, false), Status::Partly);
        assert_eq!(status(8, 0, 1, false), Status::Partly);
        assert_eq!(status(0, 5, 0, true), Status::Partly);
        assert_eq!(status(0, 0, 9, false), Status::Nothing);
    }
}
