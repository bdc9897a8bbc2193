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

    /// Times everything that is done for an input by so many threads. A thread that waits for the others counts, too.
    pub fn input<T>(&self, threads: usize, work: impl FnOnce() -> T) -> T {
        let begin = Instant::now();
        let result = work();
        let all = begin.elapsed().saturating_mul(u32::try_from(threads).unwrap_or(u32::MAX));
        self.all.fetch_add(nanoseconds(all), Ordering::Relaxed);
        result
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
    nanos.fetch_add(nanoseconds(begin.elapsed()), Ordering::Relaxed);
    result
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::thread::{scope, sleep};

    use super::*;

    #[test]
    fn all_is_never_less_than_what_the_threads_of_an_input_do() {
        let clock = Clock::default();
        let work = || clock.run(|| sleep(Duration::from_millis(20)));
        clock.input(2, || {
            scope(|scope| {
                scope.spawn(work);
                work();
            });
        });
        let Spent { runs, engine, all, .. } = clock.spent();
        assert_eq!(runs, 2);
        assert!(engine >= Duration::from_millis(40) && all >= engine, "{engine:?} {all:?}");
    }
}
