//! Computes samples on several threads and combines their results in the order of the samples.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Error, Result};
use rayon::ThreadPool;

use crate::parallel::{locked, pool};

/// Progress of the samples of an explanation, and its cancellation.
pub trait Watch: Sync {
    /// One more sample is done.
    fn sample_done(&self);

    /// Whether the result is no longer wanted.
    fn is_cancelled(&self) -> bool;
}

/// The error of an explanation that its [`Watch`] cancelled.
#[derive(Clone, Copy, Debug)]
pub struct Cancelled;

impl Display for Cancelled {
    fn fmt(&self, formatter: &mut Formatter) -> std::fmt::Result {
        formatter.write_str("interrupted")
    }
}

impl std::error::Error for Cancelled {}

/// No progress is shown, and nothing is cancelled.
pub struct Unwatched;

impl Watch for Unwatched {
    fn sample_done(&self) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// The threads that compute samples.
#[derive(Default)]
pub(super) struct Workers {
    /// `None`: the calling thread only.
    pool: Option<ThreadPool>,
}

impl Workers {
    /// A pool of `count` threads; 1 uses the calling thread.
    pub fn new(count: usize) -> Result<Workers> {
        if count <= 1 {
            return Ok(Workers::default());
        }
        Ok(Workers { pool: Some(pool(count)?) })
    }

    /// Computes `count` samples and passes every result to `take` in the order of the samples, whichever thread was
    /// first, so that sums do not depend on the number of threads.
    pub fn in_order<T: Send>(
        &self,
        count: usize,
        watch: &dyn Watch,
        work: impl Fn(usize) -> Result<T> + Sync,
        take: impl FnMut(T) -> Result<()> + Send,
    ) -> Result<()> {
        let queue = Mutex::new(Queue { expected: 0, waiting: BTreeMap::new(), take });
        let next = AtomicUsize::new(0);
        let is_over = AtomicBool::new(false);
        let failure: Mutex<Option<Error>> = Mutex::new(None);
        let worker = || {
            while !is_over.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    break;
                }
                let done = match watch.is_cancelled() {
                    true => Err(Cancelled.into()),
                    false => work(index).and_then(|result| locked(&queue).add(index, result)),
                };
                match done {
                    Ok(()) => watch.sample_done(),
                    Err(error) => {
                        is_over.store(true, Ordering::Relaxed);
                        locked(&failure).get_or_insert(error);
                    }
                }
            }
        };
        match &self.pool {
            None => worker(),
            // One task per thread: a thread that waits inside a sample cannot begin another one.
            Some(pool) => pool.in_place_scope(|scope| {
                (0..pool.current_num_threads().min(count)).for_each(|_| scope.spawn(|_| worker()));
            }),
        }
        locked(&failure).take().map_or(Ok(()), Err)
    }
}

/// Results that are held back until those of earlier samples have arrived.
struct Queue<T, F> {
    expected: usize,
    waiting: BTreeMap<usize, T>,
    take: F,
}

impl<T, F: FnMut(T) -> Result<()>> Queue<T, F> {
    fn add(&mut self, index: usize, result: T) -> Result<()> {
        self.waiting.insert(index, result);
        while let Some(result) = self.waiting.remove(&self.expected) {
            (self.take)(result)?;
            self.expected += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn results_come_in_order_whatever_the_threads() {
        for threads in [1, 4] {
            let mut taken = vec![];
            let work = |index: usize| {
                std::thread::sleep(Duration::from_millis(7 - index as u64 % 7));
                Ok(index)
            };
            let take = |index| {
                taken.push(index);
                Ok(())
            };
            Workers::new(threads).unwrap().in_order(30, &Unwatched, work, take).unwrap();
            assert_eq!(taken, (0..30).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_failing_sample_ends_the_work() {
        let begun = AtomicUsize::new(0);
        let work = |index: usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            anyhow::ensure!(index != 3, "sample 3 failed");
            // Without this pause a busy machine could finish all samples before the failure is noticed.
            std::thread::sleep(Duration::from_micros(200));
            Ok(())
        };
        let outcome = Workers::new(2).unwrap().in_order(10_000, &Unwatched, work, |()| Ok(()));
        assert_eq!(outcome.unwrap_err().to_string(), "sample 3 failed");
        assert!(begun.load(Ordering::Relaxed) < 10_000);
    }

    #[test]
    fn a_cancelled_explanation_is_an_error() {
        struct Cancelled;
        impl Watch for Cancelled {
            fn sample_done(&self) {}
            fn is_cancelled(&self) -> bool {
                true
            }
        }
        let outcome = Workers::default().in_order(3, &Cancelled, |_| Ok(()), |()| Ok(()));
        assert!(outcome.unwrap_err().context("in a sample").is::<super::Cancelled>());
    }
}
