//! Many inputs at a time through three steps (decode, explain, render), results in the order of the inputs.
//!
//! Each step has threads of its own, so that reading and writing overlap with arithmetic. The queues between them are
//! short, and no input is begun before the results of earlier ones were taken: memory does not grow with the number
//! of inputs.
//!
//! The threads are not rayon's: those look for other work while the pool of one explanation computes, and a step that
//! waits for another would then wait for itself.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, Scope};

use anyhow::{Context, Result};

use crate::cli::interrupt::is_interrupted;

/// Inputs per job that may be begun while the first of them is not taken yet: one in each step, and one that waits.
const BEGUN_PER_JOB: usize = 4;

/// What is done to every input; errors are part of the results, panics end the batch.
pub trait Steps: Sync {
    type Decoded: Send;
    /// What is explained of an input, one for each target.
    type Part: Send;
    type Result: Send;

    fn decode(&self, index: usize) -> Self::Decoded;

    /// Hands out the parts; `emit` returns whether there is any use in going on.
    fn explain(&self, decoded: Self::Decoded, emit: &mut dyn FnMut(Self::Part) -> bool);

    fn render(&self, index: usize, parts: &mut dyn Iterator<Item = Self::Part>) -> Self::Result;
}

/// The results of inputs, as they come.
type Results<S> = Receiver<(usize, <S as Steps>::Result)>;

/// Takes `count` inputs through the steps, `jobs` at a time, and hands every result to `take` in the order of the
/// inputs.
///
/// After Ctrl-C no new input is begun; those that were begun go through all steps.
///
/// # Errors
/// That of `take`, which ends the batch.
pub fn in_order<S: Steps>(
    steps: &S,
    count: usize,
    jobs: usize,
    mut take: impl FnMut(usize, S::Result) -> Result<()>,
) -> Result<()> {
    let jobs = jobs.min(count).max(1);
    std::thread::scope(|scope| {
        let started = start(scope, steps, count, jobs);
        let (permits, results) = started.context("cannot start the worker threads")?;
        let mut waiting = BTreeMap::new();
        let mut expected = 0;
        for (index, result) in results {
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&expected) {
                take(expected, result)?;
                expected += 1;
                // All decoders may be gone already.
                let _ = permits.send(());
            }
        }
        Ok(())
    })
}

/// Starts the threads; a permit makes them begin another input. They end when there is no input left, or nobody to
/// take the results.
fn start<'scope, S: Steps>(
    scope: &'scope Scope<'scope, '_>,
    steps: &'scope S,
    count: usize,
    jobs: usize,
) -> io::Result<(Sender<()>, Results<S>)> {
    let (permits, permitted) = mpsc::channel();
    for _ in 0..BEGUN_PER_JOB * jobs {
        // Nobody has hung up yet.
        let _ = permits.send(());
    }
    let turns = Arc::new(Mutex::new(Turns { permitted, next: 0, count }));
    let (to_explain, decoded) = mpsc::sync_channel(jobs);
    let decoded = Arc::new(Mutex::new(decoded));
    let (to_take, results) = mpsc::channel();
    for _ in 0..jobs {
        let (turns, to_explain) = (Arc::clone(&turns), to_explain.clone());
        Builder::new().spawn_scoped(scope, move || decode_all(steps, &turns, &to_explain))?;
        let (to_render, parts) = mpsc::sync_channel(1);
        let decoded = Arc::clone(&decoded);
        Builder::new().spawn_scoped(scope, move || explain_all(steps, &decoded, &to_render))?;
        let to_take = to_take.clone();
        Builder::new().spawn_scoped(scope, move || render_all(steps, parts, &to_take))?;
    }
    Ok((permits, results))
}

/// Whose turn it is to be decoded.
struct Turns {
    permitted: Receiver<()>,
    next: usize,
    count: usize,
}

impl Turns {
    /// The next input, as soon as it may be begun.
    fn next(&mut self) -> Option<usize> {
        if self.next == self.count || self.permitted.recv().is_err() || is_interrupted() {
            return None;
        }
        self.next += 1;
        Some(self.next - 1)
    }
}

fn decode_all<S: Steps>(
    steps: &S,
    turns: &Mutex<Turns>,
    to_explain: &SyncSender<(usize, S::Decoded)>,
) {
    let next = || turns.lock().ok()?.next();
    while let Some(index) = next() {
        if to_explain.send((index, steps.decode(index))).is_err() {
            break;
        }
    }
}

fn explain_all<S: Steps>(
    steps: &S,
    decoded: &Mutex<Receiver<(usize, S::Decoded)>>,
    to_render: &SyncSender<(usize, Receiver<S::Part>)>,
) {
    let next = || decoded.lock().ok()?.recv().ok();
    while let Some((index, decoded)) = next() {
        // One part waits while the one before is rendered.
        let (emitted, parts) = mpsc::sync_channel(1);
        if to_render.send((index, parts)).is_err() {
            break;
        }
        steps.explain(decoded, &mut |part| emitted.send(part).is_ok());
    }
}

fn render_all<S: Steps>(
    steps: &S,
    inputs: Receiver<(usize, Receiver<S::Part>)>,
    to_take: &Sender<(usize, S::Result)>,
) {
    for (index, parts) in inputs {
        let result = steps.render(index, &mut parts.into_iter());
        if to_take.send((index, result)).is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// Squares numbers, and counts how many are on their way.
    #[derive(Default)]
    struct Squares {
        begun: AtomicUsize,
        taken: AtomicUsize,
        most: AtomicUsize,
    }

    impl Steps for Squares {
        type Decoded = usize;
        type Part = usize;
        type Result = usize;

        fn decode(&self, index: usize) -> usize {
            let begun = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(begun - self.taken.load(Ordering::SeqCst), Ordering::SeqCst);
            index
        }

        fn explain(&self, index: usize, emit: &mut dyn FnMut(usize) -> bool) {
            // The first ones are slow, so that the others have to wait for them.
            let pause = if index < 2 { 60 } else { 7 - index as u64 % 7 };
            std::thread::sleep(Duration::from_millis(pause));
            let _ = (0..index).all(|_| emit(index));
        }

        fn render(&self, _: usize, parts: &mut dyn Iterator<Item = usize>) -> usize {
            parts.sum()
        }
    }

    #[test]
    fn results_come_in_order_and_few_are_on_their_way() {
        for jobs in [1, 4] {
            let steps = Squares::default();
            let mut results = vec![];
            in_order(&steps, 50, jobs, |index, square| {
                results.push((index, square));
                steps.taken.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
            .unwrap();
            let expected: Vec<(usize, usize)> =
                (0..50).map(|index| (index, index * index)).collect();
            assert_eq!(results, expected);
            let most = steps.most.load(Ordering::SeqCst);
            assert!(most <= BEGUN_PER_JOB * jobs, "{most} at a time with {jobs} jobs");
        }
    }

    #[test]
    fn a_failing_taker_ends_the_batch() {
        let steps = Squares::default();
        let result = in_order(&steps, 1000, 2, |index, _| {
            anyhow::ensure!(index < 3, "enough");
            Ok(())
        });
        assert_eq!(result.unwrap_err().to_string(), "enough");
        assert!(steps.begun.load(Ordering::SeqCst) <= 3 + BEGUN_PER_JOB * 2);
    }

    #[test]
    fn nothing_to_do_is_done_at_once() {
        let taken = |_: usize, _: usize| anyhow::bail!("there is nothing to take");
        in_order(&Squares::default(), 0, 2, taken).unwrap();
    }
}
