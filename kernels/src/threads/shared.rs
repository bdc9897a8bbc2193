//! A loop that the threads of a pool share: the caller takes chunks from the front, the others from the back. So each
//! finds most of what it reads in its own caches, and none is idle as long as there are chunks.
//!
//! A caller that is done early spins until the others are: the next loop follows within microseconds, and a thread that
//! waits in rayon would fall asleep.

use std::hint::spin_loop;
use std::iter::Enumerate;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::locked;

/// How often the caller checks for the end before it yields to other programs.
const SPINS: usize = 1 << 12;

/// `work(index, chunk)` of every chunk, in the order of the chunks; a thread takes `at_once` of them at a time.
pub(super) fn shared<I, C, T>(
    chunks: I,
    at_once: usize,
    work: impl Fn(usize, C) -> T + Sync,
) -> Vec<T>
where
    I: DoubleEndedIterator<Item = C> + ExactSizeIterator + Send,
    C: Send,
    T: Send,
{
    let count = chunks.len();
    let at_once = at_once.clamp(1, count.max(1));
    let threads = rayon::current_num_threads().min(count.div_ceil(at_once));
    let shared = Shared {
        left: Mutex::new(chunks.enumerate()),
        results: Mutex::new(Vec::with_capacity(count)),
        finished: AtomicUsize::new(0),
        is_broken: AtomicBool::new(false),
    };
    rayon::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|_| shared.take_part(Side::Back, at_once, &work));
        }
        shared.take_part(Side::Front, at_once, &work);
        shared.wait_for(count);
    });
    let mut results = shared.results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The state of a loop.
struct Shared<I, T> {
    left: Mutex<Enumerate<I>>,
    results: Mutex<Vec<(usize, T)>>,
    /// Chunks whose results exist.
    finished: AtomicUsize,
    /// Whether a thread panicked: its chunks will never be finished.
    is_broken: AtomicBool,
}

/// The side from which a thread takes chunks.
#[derive(Clone, Copy)]
enum Side {
    Front,
    Back,
}

impl<I, C, T> Shared<I, T>
where
    I: DoubleEndedIterator<Item = C> + ExactSizeIterator,
{
    /// Takes chunks as long as there are any.
    fn take_part(&self, side: Side, at_once: usize, work: &impl Fn(usize, C) -> T) {
        let _guard = OnPanic(&self.is_broken);
        let mut chunks = Vec::with_capacity(at_once);
        let mut results = vec![];
        loop {
            self.take(side, at_once, &mut chunks);
            if chunks.is_empty() {
                break;
            }
            results.extend(chunks.drain(..).map(|(index, chunk)| (index, work(index, chunk))));
        }
        let count = results.len();
        locked(&self.results).append(&mut results);
        self.finished.fetch_add(count, Ordering::Release);
    }

    fn take(&self, side: Side, at_once: usize, chunks: &mut Vec<(usize, C)>) {
        let mut left = locked(&self.left);
        let next = || match side {
            Side::Front => left.next(),
            Side::Back => left.next_back(),
        };
        chunks.extend(std::iter::from_fn(next).take(at_once));
    }

    fn wait_for(&self, count: usize) {
        let mut looks = 0;
        while self.finished.load(Ordering::Acquire) < count
            && !self.is_broken.load(Ordering::Acquire)
        {
            looks += 1;
            if looks < SPINS { spin_loop() } else { thread::yield_now() }
        }
    }
}

/// Sets the flag if its thread panics.
struct OnPanic<'a>(&'a AtomicBool);

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Threads;
    use super::*;

    #[test]
    fn results_come_in_order() {
        for (threads, at_once) in [(2, 1), (3, 7), (4, 1000)] {
            let mut data: Vec<usize> = (0..100).collect();
            let squares = Threads::new(threads).unwrap().run(|| {
                shared(data.chunks_mut(3), at_once, |index, chunk| {
                    chunk[0] += 1;
                    index * index
                })
            });
            assert!(squares.iter().enumerate().all(|(index, square)| *square == index * index));
            assert_eq!(squares.len(), 34);
            assert!(data.chunks(3).enumerate().all(|(index, chunk)| chunk[0] == 3 * index + 1));
        }
    }

    #[test]
    fn nothing_to_do_is_done() {
        let none = Threads::new(2).unwrap().run(|| shared([0; 0].chunks(1), 1, |_, _| ()));
        assert!(none.is_empty());
    }

    #[test]
    fn a_panic_is_handed_on() {
        let run = || {
            Threads::new(2).unwrap().run(|| {
                shared([0; 64].chunks(1), 1, |index, _| assert!(index % 8 != 5, "on purpose"))
            })
        };
        assert!(std::panic::catch_unwind(run).is_err());
    }
}
