//! Errors as people read them, and panics as nobody should have to.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Error, Result, anyhow};

use super::terminal::shown;

/// The first line of an error, then a line for each cause. Never a backtrace.
pub fn chain(error: &Error) -> String {
    let mut lines = distinct_messages(error).into_iter();
    let mut text = lines.next().unwrap_or_default();
    for cause in lines {
        let _ = write!(text, "\n  caused by: {}", cause.replace('\n', "\n  "));
    }
    text
}

/// The whole chain in one line, for reports.
pub fn line(error: &Error) -> String {
    let words = distinct_messages(error).join(": ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The backtrace, where one was captured (`RUST_BACKTRACE=1`).
pub fn backtrace(error: &Error) -> Option<String> {
    let backtrace = error.backtrace();
    (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string())
}

/// The messages of a chain, without those that the one before already tells.
fn distinct_messages(error: &Error) -> Vec<String> {
    let mut messages: Vec<String> = vec![];
    for cause in error.chain() {
        let message = cause.to_string().trim_end().to_string();
        let is_told = messages.last().is_some_and(|last| last.contains(&message));
        if !is_told {
            messages.push(message);
        }
    }
    messages
}

/// Keeps panics silent: those of the model reader become errors there, others here. `--verbose` shows them.
pub fn install_panic_hook(is_verbose: bool) {
    std::panic::set_hook(Box::new(move |panic| {
        if is_verbose {
            let backtrace = Backtrace::capture();
            let text = shown(&format!("{panic}\n{backtrace}"));
            // Where standard error is closed, there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }));
}

/// Runs `work`; a panic becomes an error that asks to be reported.
pub fn catching<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(internal_error(&*panic)))
}

fn internal_error(panic: &(dyn Any + Send)) -> Error {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    let message = message.lines().next().unwrap_or_default();
    anyhow!(
        "internal error ({message}): this is a mistake in onnxplain {}; please report it with the command you ran",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_chain_tells_everything_once() {
        let error = anyhow!("no such file")
            .context("cannot open a.npy: no such file")
            .context("cannot read\nthe tensor");
        assert_eq!(
            chain(&error),
            "cannot read\nthe tensor\n  caused by: cannot open a.npy: no such file"
        );
        assert_eq!(line(&error), "cannot read the tensor: cannot open a.npy: no such file");
    }

    #[test]
    fn a_panic_becomes_one_line() {
        let error = catching::<()>(|| panic!("index 3 is out of bounds")).unwrap_err();
        let error = Err::<(), _>(error).context("cannot explain cat.png").unwrap_err();
        assert!(line(&error).contains("internal error (index 3 is out of bounds)"));
        assert_eq!(chain(&error).lines().count(), 2);
    }
}
