//! What is printed: results on standard output; progress, notes, warnings and errors on standard error.

use std::fmt::Display;
use std::io::{ErrorKind, Stderr, Stdout, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use anyhow::{Context, Error, Result};
use clap::ColorChoice;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{GlobalOptions, failure};

/// Names and headings.
pub const BOLD: Style = Style::new().bold();
/// What can be skipped when reading.
pub const DIM: Style = Style::new().dimmed();
/// What went well; bars.
pub const GREEN: Style = AnsiColor::Green.on_default();
/// Warnings.
pub const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
/// Errors, and what did not pass.
pub const RED: Style = AnsiColor::Red.on_default().bold();

/// Both output streams, with the user's wishes about them.
pub struct Console {
    stdout: AutoStream<Stdout>,
    stderr: AutoStream<Stderr>,
    /// Whether the reader of standard output went away (`| head`): the work goes on, the rest is not printed.
    is_closed: bool,
    is_json: bool,
    is_quiet: bool,
    is_verbose: bool,
    progress: ProgressBar,
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
            progress: ProgressBar::hidden(),
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
        if self.is_closed {
            return Ok(());
        }
        let text = text.to_string();
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
        self.print(serde_json::to_string(value)?)
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

    /// Something that failed.
    pub fn error(&mut self, error: &Error) {
        self.say(format_args!("{RED}error:{RED:#} {}", failure::chain(error)));
        if let Some(backtrace) = failure::backtrace(error).filter(|_| self.is_verbose) {
            self.say(format_args!("{DIM}{backtrace}{DIM:#}"));
        }
    }

    fn say(&mut self, text: impl Display) {
        let stderr = &mut self.stderr;
        // Where standard error is closed, there is nobody left to tell.
        let _ = self.progress.suspend(|| writeln!(stderr, "{text}"));
    }

    /// Shows a progress bar for a batch; only on a terminal.
    pub fn begin_progress(&mut self, count: usize) {
        if self.is_quiet || count < 2 {
            return;
        }
        self.progress = ProgressBar::new(count as u64);
        let template = "{bar:30} {pos}/{len}  {elapsed} passed, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.progress.set_style(style.progress_chars("━╸─"));
        }
    }

    /// Shows a progress bar for the samples of one input; the bar it gives back can be moved from any thread.
    pub fn begin_samples(&mut self, count: usize) -> ProgressBar {
        self.begin_progress(count);
        self.progress.clone()
    }

    /// One more of the batch is done.
    pub fn advance_progress(&self) {
        self.progress.inc(1);
    }

    /// Takes the progress bar away.
    pub fn end_progress(&mut self) {
        self.progress.finish_and_clear();
        self.progress = ProgressBar::hidden();
    }
}
