//! Explanations on several threads each take turns.

use std::sync::{Mutex, MutexGuard};
use std::thread;

use anyhow::Context;

use crate::error::{Error, Kind, Result};
use crate::parallel::locked;

/// The turns of explanations that share threads; those on one thread each need none.
pub(super) struct Turns(Option<Mutex<()>>);

impl Turns {
    /// For explanations on so many threads.
    pub fn of(threads: usize) -> Turns {
        Turns((threads > 1).then(|| Mutex::new(())))
    }

    /// Whether explanations share threads.
    pub fn are_taken(&self) -> bool {
        self.0.is_some()
    }

    /// Waits until all others are done; the turn ends when the guard is dropped.
    pub fn take(&self) -> Option<MutexGuard<'_, ()>> {
        self.0.as_ref().map(locked)
    }

    /// Runs `work` on the shared threads.
    ///
    /// A thread of a rayon pool that waits for another pool takes up other work of its own pool meanwhile: a second
    /// explanation inside the first, which would wait for the first one's turn to end. So it waits for a thread of no
    /// pool instead.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        if self.0.is_none() || rayon::current_thread_index().is_none() {
            return work();
        }
        thread::scope(|scope| {
            let thread = thread::Builder::new().spawn_scoped(scope, work);
            let thread = thread.context("cannot start a thread").kind(Error::Computation)?;
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}
