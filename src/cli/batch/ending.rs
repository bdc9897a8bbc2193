//! How inputs end: failures are told, endings counted, for people and for the exit code.

use std::io::{self, ErrorKind};
use std::time::Instant;

use anyhow::{Error, Result, anyhow};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use onnxplain::io::TOOL;

use super::inputs::{Failed, InputFile, LeftOut};
use crate::cli::console::Console;
use crate::cli::{Status, failure, interrupt};

/// How an input ended: with a result, or not.
pub type Ending<'a, T> = Result<&'a T, Failure<'a>>;

/// Why an input has no result.
#[derive(Clone, Copy)]
pub struct Failure<'a> {
    pub input: &'a str,
    pub error: &'a Error,
}

/// The name of an input, as messages and reports have it.
pub fn name(file: &Result<InputFile, Failed>) -> String {
    match file {
        Ok(file) => file.path.display().to_string(),
        Err(failed) => failed.input.clone(),
    }
}

/// How an input ended whose steps gave this result.
pub fn of_result<'a, T>(
    file: &'a Result<InputFile, Failed>,
    input: &'a str,
    result: &'a Result<T>,
) -> Ending<'a, T> {
    match (file, result) {
        (Err(failed), _) => Err(Failure { input, error: &failed.error }),
        (Ok(_), Err(error)) => Err(Failure { input, error }),
        (Ok(_), Ok(result)) => Ok(result),
    }
}

/// Whether an input was ended by Ctrl-C: in a batch it has not failed but is left.
pub fn was_cancelled(error: &Error) -> bool {
    matches!(error.downcast_ref(), Some(onnxplain::Error::Cancelled))
}

/// How much of the work ended in which way: of inputs, or of their parts.
#[derive(Clone, Copy, Debug)]
pub struct Counts {
    all: usize,
    done_before: usize,
    done: usize,
    /// Inputs.
    failed: usize,
    /// What is not done because they failed.
    given_up: usize,
}

impl Counts {
    /// Nothing has ended yet, but for what an earlier run has done.
    pub fn new(all: usize, done_before: usize) -> Counts {
        Counts { all, done_before, done: 0, failed: 0, given_up: 0 }
    }

    /// Counts the ending of an input, or of a part that was done.
    pub fn add(&mut self, is_failure: bool) {
        match is_failure {
            false => self.done += 1,
            true => self.give_up(1),
        }
    }

    /// Counts an input that failed, and the parts of it that are not done.
    pub fn give_up(&mut self, parts: usize) {
        self.failed += 1;
        self.given_up += parts;
    }

    /// All of it in a line; the words say what was done, and what failed.
    pub fn describe(self, [done_word, failed_word]: [&str; 2], begin: Instant) -> String {
        let Counts { all, done_before, done, failed, given_up } = self;
        let seconds = begin.elapsed().as_secs_f64();
        let before = match done_before {
            0 => String::new(),
            done => format!("{done} done before, "),
        };
        let left = match all - done_before - done - given_up {
            0 => String::new(),
            left => format!(", {left} left: --resume goes on with them"),
        };
        format!("{before}{done} {done_word}, {failed} {failed_word}{left}, {seconds:.2} s")
    }

    /// The exit status; `is_stopped` where not all inputs could be tried.
    pub fn status(self, is_stopped: bool) -> Status {
        let has_results = self.done + self.done_before > 0;
        interrupt::or_interrupted(match (has_results, self.failed > 0 || is_stopped) {
            (_, false) => Status::Done,
            (false, true) => Status::Nothing,
            (true, true) => Status::Partly,
        })
    }
}

/// Nothing can be done: all inputs are told, and nothing is written.
pub fn report_failures(
    files: &[Result<InputFile, Failed>],
    console: &mut Console,
) -> Result<Status> {
    for failed in files.iter().filter_map(|file| file.as_ref().err()) {
        tell_failure(Failure { input: &failed.input, error: &failed.error }, console)?;
    }
    Ok(Status::Nothing)
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
        let status = |done_before, done, failed, is_stopped| {
            Counts { all: 9, done_before, done, failed, given_up: failed }.status(is_stopped)
        };
        assert_eq!(status(0, 9, 0, false), Status::Done);
        assert_eq!(status(9, 0, 0, false), Status::Done);
        assert_eq!(status(0, 8, 1, false), Status::Partly);
        assert_eq!(status(8, 0, 1, false), Status::Partly);
        assert_eq!(status(0, 5, 0, true), Status::Partly);
        assert_eq!(status(0, 0, 9, false), Status::Nothing);
    }
}
