//! Many inputs at a time, results in the order of the inputs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use anyhow::{Context, Result};

use crate::cli::interrupt::is_interrupted;

/// Runs `work` on `count` items, `jobs` at a time, and hands every result to `take` in the order of the items.
///
/// Each worker holds one item, so memory does not grow with their number. After Ctrl-C no new item is begun; those
/// that were begun are finished.
pub fn in_order<R: Send>(
    count: usize,
    jobs: usize,
    work: impl Fn(usize) -> R + Sync,
    mut take: impl FnMut(usize, R) -> Result<()>,
) -> Result<()> {
    let indices = 0..count;
    if jobs.min(count) < 2 {
        for index in indices.take_while(|_| !is_interrupted()) {
            take(index, work(index))?;
        }
        return Ok(());
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.min(count)).build();
    let pool = pool.context("cannot start the worker threads")?;
    let next = AtomicUsize::new(0);
    pool.in_place_scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..jobs.min(count) {
            let sender = sender.clone();
            let (next, work) = (&next, &work);
            scope.spawn(move |_| {
                while !is_interrupted() {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    // The receiver is gone when `take` failed: there is no use in going on.
                    if index >= count || sender.send((index, work(index))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut expected = 0;
        for (index, result) in receiver {
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&expected) {
                take(expected, result)?;
                expected += 1;
            }
        }
        // After an interruption there may be gaps.
        waiting.into_iter().try_for_each(|(index, result)| take(index, result))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        for jobs in [1, 4] {
            let mut taken = vec![];
            let work = |index: usize| {
                std::thread::sleep(std::time::Duration::from_millis((7 - index as u64 % 7) * 2));
                index * index
            };
            in_order(20, jobs, work, |index, square| {
                taken.push((index, square));
                Ok(())
            })
            .unwrap();
            let expected: Vec<(usize, usize)> =
                (0..20).map(|index| (index, index * index)).collect();
            assert_eq!(taken, expected);
        }
    }

    #[test]
    fn a_failing_taker_ends_the_batch() {
        let result = in_order(
            100,
            2,
            |index| index,
            |index, _| {
                anyhow::ensure!(index < 3, "enough");
                Ok(())
            },
        );
        assert_eq!(result.unwrap_err().to_string(), "enough");
    }
}
