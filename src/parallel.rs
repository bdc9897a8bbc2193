//! Threads inside one explanation: those of the kernels, and of tract's kernels too.
//!
//! Work is split by planes and rows that do not depend on each other, and sums are never
//! split, so results are the same bits whatever the number of threads.

use anyhow::{Context, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tract_linalg::multithread::{Executor, multithread_tract_scope};

use onnxplain_kernels::threads;
pub(crate) use onnxplain_kernels::threads::{for_each_chunk, locked, map_chunks};

/// The threads that one explanation may use.
#[derive(Clone, Default)]
pub struct Threads(threads::Threads);

impl Threads {
    /// A number of threads of its own; 1 uses the thread that asks.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn new(count: usize) -> Result<Threads> {
        threads::Threads::new(count).map(Threads).with_context(|| cannot_start(count))
    }

    /// Runs `work`, whose kernels and loops use these threads.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        if !self.0.is_parallel() {
            return work();
        }
        // Inside the pool, rayon's "global" pool is this one.
        self.0.run(|| multithread_tract_scope(Executor::RayonGlobal, work))
    }
}

/// A pool of `count` threads.
///
/// # Errors
/// When the system has no more threads.
pub(crate) fn pool(count: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new().num_threads(count).build().with_context(|| cannot_start(count))
}

fn cannot_start(count: usize) -> String {
    format!("cannot start {count} threads")
}
