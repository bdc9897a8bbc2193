//! Samples on several threads, their results put together in the order of the samples.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Error, Result};
use rayon::ThreadPool;

use crate::parallel::{locked, pool};

/// Follows the samples of an explanation while they are computed.
pub trait Watch: Sync {
    /// One more sample is done.
    fn sample_done(&self);

    /// Whether nobody waits for the result any more.
    fn is_cancelled(&self) -> bool;
}

/// Why an explanation ended without a result: its [`Watch`] said that nobody waits any more.
#[derive(Clone, Copy, Debug)]
pub struct Cancelled;

impl Display for Cancelled {
    fn fmt(&self, formatter: &mut Formatter) -> std::fmt::Result {
        formatter.write_str("interrupted")
    }
}

impl std::error::Error for Cancelled {}

/// Nobody follows.
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
    /// `None`: only the thread that asks.
    pool: Option<ThreadPool>,
}

impl Workers {
    /// So many threads; 1 uses the thread that asks.
    pub fn new(count: usize) -> Result<Workers> {
        if count <= 1 {
            return Ok(Workers::default());
        }
        Ok(Workers { pool: Some(pool(count)?) })
    }

    /// Computes `count` samples and hands every result to `take`, in the order of the samples
    /// whatever thread was first, so that sums do not depend on the threads.
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

/// Results that wait for those of earlier samples.
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
            // On a busy machine, samples without work would all be done before anyone hears of it.
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
