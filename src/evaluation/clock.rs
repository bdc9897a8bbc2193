//! How much of the time the network and the methods take, and how much everything else.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Counts runs and explanations, and the time that they take on all threads together.
#[derive(Debug, Default)]
pub struct Clock {
    runs: AtomicUsize,
    explanations: AtomicUsize,
    engine: AtomicU64,
    all: AtomicU64,
}

/// What a clock shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Runs of the network on changed pictures.
    pub runs: usize,
    /// Explanations.
    pub explanations: usize,
    /// Time of runs and explanations alone, on all threads together.
    pub engine: Duration,
    /// Time of everything, on all threads together.
    pub all: Duration,
}

impl Clock {
    /// Times a run of the network.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        self.runs.fetch_add(1, Ordering::Relaxed);
        timed(&self.engine, work)
    }

    /// Times explanations.
    pub fn explanations<T>(&self, count: usize, work: impl FnOnce() -> T) -> T {
        self.explanations.fetch_add(count, Ordering::Relaxed);
        timed(&self.engine, work)
    }

    /// Times everything that is done for an input.
    pub fn input<T>(&self, work: impl FnOnce() -> T) -> T {
        timed(&self.all, work)
    }

    /// What was counted until now.
    pub fn spent(&self) -> Spent {
        let duration = |nanos: &AtomicU64| Duration::from_nanos(nanos.load(Ordering::Relaxed));
        Spent {
            runs: self.runs.load(Ordering::Relaxed),
            explanations: self.explanations.load(Ordering::Relaxed),
            engine: duration(&self.engine),
            all: duration(&self.all),
        }
    }
}

fn timed<T>(nanos: &AtomicU64, work: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = work();
    let elapsed = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
    nanos.fetch_add(elapsed, Ordering::Relaxed);
    result
}
