//! Long work without the GIL, ended by Ctrl-C.
//!
//! Python's handler of a signal runs on the main thread, and only where Python code does. So the work runs on a thread
//! of its own, while the calling thread lets other Python threads go on and looks for signals now and then.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use onnxplain::Watch;
use pyo3::prelude::*;

use crate::cli::failure::catching;
use crate::errors::raised;

/// Between two looks for signals.
const INTERVAL: Duration = Duration::from_millis(50);

/// As much as the main thread has: deep graphs are read recursively.
const STACK: usize = 8 << 20;

/// Whether Ctrl-C was pressed.
#[derive(Default)]
pub struct Interrupt(AtomicBool);

impl Watch for Interrupt {
    fn sample_done(&self) {}

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What `work` gives. Ctrl-C, or any other signal whose handler raises, tells the work to end, and is raised when it has.
pub fn watched<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&Interrupt) -> Result<T> + Send,
) -> PyResult<T> {
    let interrupt = Interrupt::default();
    let (outcome, signal) = py.detach(|| wait(&interrupt, work));
    match signal {
        Some(signal) => Err(signal),
        None => outcome.map_err(raised),
    }
}

/// Starts the work and waits for its end; the signal that came meanwhile.
fn wait<T: Send>(
    interrupt: &Interrupt,
    work: impl FnOnce(&Interrupt) -> Result<T> + Send,
) -> (Result<T>, Option<PyErr>) {
    thread::scope(|scope| {
        let (done, outcome) = channel();
        let worker = move || {
            // The other end waits for it, whatever comes.
            let _ = done.send(catching(|| work(interrupt)));
        };
        let started = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, worker);
        if let Err(error) = started.context("cannot start a thread") {
            return (Err(error), None);
        }
        let mut signal = None;
        loop {
            match outcome.recv_timeout(INTERVAL) {
                Ok(outcome) => return (outcome, signal),
                Err(RecvTimeoutError::Disconnected) => return (lost(), signal),
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(error) = Python::attach(|py| py.check_signals()) {
                        interrupt.0.store(true, Ordering::Relaxed);
                        signal = Some(error);
                    }
                }
            }
        }
    })
}

fn lost<T>() -> Result<T> {
    bail!("the thread that did the work is gone")
}
