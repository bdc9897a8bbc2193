//! What is printed: results on standard output; progress, notes, warnings and errors on standard error.

use std::fmt::Display;
use std::io::{ErrorKind, Stderr, Stdout, Write};

use anstream::AutoStream;
use anyhow::{Context, Error, Result};
use clap::ColorChoice;
use indicatif::ProgressBar;
use serde::Serialize;

use onnxplain::{Notice, Severity};

use super::progress::Progress;
use super::terminal::{DIM, RED, YELLOW, shown, shown_json};
use super::{GlobalOptions, failure};

/// Both output streams, with the user's wishes about them.
pub struct Console {
    stdout: AutoStream<Stdout>,
    stderr: AutoStream<Stderr>,
    /// Whether the reader of standard output went away (`| head`): the work goes on, the rest is not printed.
    is_closed: bool,
    is_json: bool,
    is_quiet: bool,
    is_verbose: bool,
    progress: Progress,
}

impl Console {
    pub fn new(options: &GlobalOptions) -> Console {
        let choice = match options.color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        Console {
            stdout: AutoStream::new(std::io::stdout(), choice),
            stderr: AutoStream::new(std::io::stderr(), choice),
            is_closed: false,
            is_json: options.json,
            is_quiet: options.quiet,
            is_verbose: options.verbose,
            progress: Progress::none(),
        }
    }

    /// Whether results are to be JSON.
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether more detail was asked for.
    pub fn is_verbose(&self) -> bool {
        self.is_verbose
    }

    /// Prints a result; a final newline is added where it is missing.
    pub fn print(&mut self, text: impl Display) -> Result<()> {
        self.write(&shown(&text.to_string()))
    }

    /// Writes what can be shown as it is.
    fn write(&mut self, text: &str) -> Result<()> {
        if self.is_closed {
            return Ok(());
        }
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        let stdout = &mut self.stdout;
        let written = self.progress.suspend(|| {
            write!(stdout, "{text}{newline}")?;
            stdout.flush()
        });
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            written => written.context("cannot write to standard output"),
        }
    }

    /// Prints a result as one line of JSON.
    pub fn print_json(&mut self, value: &impl Serialize) -> Result<()> {
        self.write(&shown_json(&serde_json::to_string(value)?))
    }

    /// Something that was assumed or chosen, to be said aloud.
    pub fn note(&mut self, text: impl Display) {
        if !self.is_quiet {
            self.say(format_args!("{DIM}{text}{DIM:#}"));
        }
    }

    /// Something for those who asked for more detail.
    pub fn detail(&mut self, text: impl Display) {
        if self.is_verbose {
            self.note(text);
        }
    }

    /// Something that may spoil the result.
    pub fn warning(&mut self, text: impl Display) {
        if !self.is_quiet {
            self.say(format_args!("{YELLOW}warning:{YELLOW:#} {text}"));
        }
    }

    /// What the library has to say.
    pub fn notice(&mut self, notice: &Notice) {
        match notice.severity {
            Severity::Detail => self.detail(notice),
            Severity::Note => self.note(notice),
            Severity::Warning => self.warning(notice),
        }
    }

    /// Something that failed.
    pub fn error(&mut self, error: &Error) {
        self.say(format_args!("{RED}error:{RED:#} {}", failure::chain(error)));
        if let Some(backtrace) = failure::backtrace(error).filter(|_| self.is_verbose) {
            self.say(format_args!("{DIM}{backtrace}{DIM:#}"));
        }
    }

    fn say(&mut self, text: impl Display) {
        let text = shown(&text.to_string());
        let stderr = &mut self.stderr;
        // Where standard error is closed, there is nobody left to tell.
        let _ = self.progress.suspend(|| writeln!(stderr, "{text}"));
    }

    /// Shows the progress of a batch, of which some inputs are done already.
    pub fn begin_progress(&mut self, count: usize, done_before: usize) {
        if !self.is_quiet && count > 1 {
            self.progress = Progress::begin(count, done_before);
        }
    }

    /// Shows the progress of the samples of one input; the bar it gives back can be moved from any thread.
    pub fn begin_samples(&mut self, count: usize) -> ProgressBar {
        if !self.is_quiet && count > 1 {
            self.progress = Progress::of_samples(count);
        }
        self.progress.bar()
    }

    /// One more of the batch has ended.
    pub fn advance_progress(&mut self, has_failed: bool) {
        if let Some(line) = self.progress.advance(has_failed) {
            self.detail(line);
        }
    }

    /// Shows no progress any more.
    pub fn end_progress(&mut self) {
        self.progress.end();
        self.progress = Progress::none();
    }
}
