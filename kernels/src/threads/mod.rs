//! Threads inside one explanation.
//!
//! Work is split into planes and rows that do not depend on each other, and sums are never split, so results are the same
//! bits for any number of threads.

mod awake;
mod shared;

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use self::awake::Users;
use self::shared::shared;

thread_local! {
    static IS_PARALLEL: Cell<bool> = const { Cell::new(false) };
}

/// Fewest elements of a loop that is worth splitting: some ten microseconds of work.
const WORTH_SPLITTING: usize = 1 << 14;

/// The threads that one explanation may use.
#[derive(Clone, Default)]
pub struct Threads {
    /// `None`: only the calling thread.
    pool: Option<Arc<ThreadPool>>,
    users: Users,
}

impl Threads {
    /// A number of threads of its own; 1 uses the calling thread.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn new(count: usize) -> Result<Threads, ThreadPoolBuildError> {
        if count <= 1 {
            return Ok(Threads::default());
        }
        let pool = ThreadPoolBuilder::new().num_threads(count).build()?;
        Ok(Threads { pool: Some(Arc::new(pool)), users: Users::default() })
    }

    /// Whether there are other threads than the calling one.
    pub fn is_parallel(&self) -> bool {
        self.pool.is_some()
    }

    /// Runs `work`, whose kernels and loops use these threads.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let Some(pool) = &self.pool else { return work() };
        let user = self.users.enter();
        pool.install(|| {
            let _awake = user.keep_awake();
            let before = IS_PARALLEL.replace(true);
            let result = work();
            IS_PARALLEL.set(before);
            result
        })
    }
}

/// The number of threads that loops are shared between.
pub fn threads() -> usize {
    if IS_PARALLEL.get() { rayon::current_num_threads() } else { 1 }
}

/// Locks a mutex, even if a thread panicked with it: its contents are consistent all the same.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The order in which a thread is likely to take chunks of a loop that is about to begin: one takes them from the front,
/// the others from the back.
#[derive(Clone, Copy)]
pub struct Turns {
    count: usize,
    is_shared: bool,
}

impl Turns {
    /// The order of `count` chunks.
    pub fn of(count: usize) -> Turns {
        Turns { count, is_shared: threads() > 1 }
    }

    /// The chunk that the thread is likely to take after chunk `index`, if there is one.
    pub fn after(self, index: usize) -> Option<usize> {
        match self.is_shared && 2 * index >= self.count {
            true => index.checked_sub(1),
            false => Some(index + 1).filter(|next| *next < self.count),
        }
    }
}

/// Calls `work(index, chunk)` for every chunk of `len` elements (the last may be shorter), on the
/// threads of the surrounding [`Threads::run`]; the results come in the order of the chunks.
pub fn map_chunks<T: Send>(
    data: &mut [f32],
    len: usize,
    work: impl Fn(usize, &mut [f32]) -> T + Send + Sync,
) -> Vec<T> {
    map_heavy_chunks(data, len, 1, work)
}

/// Like [`map_chunks`], for work that costs each element `steps` times as much as a plain loop.
pub fn map_heavy_chunks<E: Send, T: Send>(
    data: &mut [E],
    len: usize,
    steps: usize,
    work: impl Fn(usize, &mut [E]) -> T + Send + Sync,
) -> Vec<T> {
    let (len, steps) = (len.max(1), steps.max(1));
    let at_once = chunks_at_once(data.len(), len, steps);
    map_all(data.chunks_mut(len), at_once, work)
}

/// Like [`map_chunks`], for items each of which is worth a thread.
pub fn map_items<I: Send, T: Send>(items: Vec<I>, work: impl Fn(usize, I) -> T + Sync) -> Vec<T> {
    map_all(items.into_iter(), IS_PARALLEL.get().then_some(1), work)
}

/// `work(index, chunk)` of every chunk, shared between threads that take `at_once` chunks at a time, if that is worth it.
fn map_all<I, T>(
    chunks: I,
    at_once: Option<usize>,
    work: impl Fn(usize, I::Item) -> T + Sync,
) -> Vec<T>
where
    I: DoubleEndedIterator<Item: Send> + ExactSizeIterator + Send,
    T: Send,
{
    let Some(at_once) = at_once else {
        return chunks.enumerate().map(|(index, chunk)| work(index, chunk)).collect();
    };
    // Loops inside this one are not shared: all threads have work already.
    let before = IS_PARALLEL.replace(false);
    let results = shared(chunks, at_once, work);
    IS_PARALLEL.set(before);
    results
}

/// The fewest chunks of `len` elements that one thread takes; `None` where they are not worth splitting.
fn chunks_at_once(all: usize, len: usize, steps: usize) -> Option<usize> {
    let is_worth_it = IS_PARALLEL.get() && all.saturating_mul(steps) >= WORTH_SPLITTING;
    is_worth_it.then(|| (WORTH_SPLITTING / 4 / len.saturating_mul(steps)).max(1))
}

/// Like [`map_chunks`], for chunks of two slices of one length.
pub(crate) fn map_chunk_pairs<A: Send, B: Send, T: Send>(
    first: &mut [A],
    second: &mut [B],
    len: usize,
    work: impl Fn(usize, &mut [A], &mut [B]) -> T + Send + Sync,
) -> Vec<T> {
    let len = len.max(1);
    let at_once = chunks_at_once(first.len(), len, 1);
    let chunks = first.chunks_mut(len).zip(second.chunks_mut(len));
    map_all(chunks, at_once, |index, (first, second)| work(index, first, second))
}

/// Like [`map_chunks`], for work without a result.
pub fn for_each_chunk(
    data: &mut [f32],
    len: usize,
    work: impl Fn(usize, &mut [f32]) + Send + Sync,
) {
    for_each_heavy_chunk(data, len, 1, work);
}

/// Like [`for_each_chunk`], for work that costs each element `steps` times as much as a plain loop.
pub fn for_each_heavy_chunk(
    data: &mut [f32],
    len: usize,
    steps: usize,
    work: impl Fn(usize, &mut [f32]) + Send + Sync,
) {
    map_heavy_chunks(data, len, steps, work);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_turn_from_both_ends() {
        let after =
            |threads, index| Threads::new(threads).unwrap().run(|| Turns::of(5).after(index));
        assert_eq!([0, 3, 4].map(|index| after(1, index)), [Some(1), Some(4), None]);
        assert_eq!([0, 3, 4].map(|index| after(2, index)), [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn every_chunk_is_visited_whatever_the_threads() {
        for count in [1, 2, 3] {
            let mut data = vec![0.0; 1 << 15];
            Threads::new(count).unwrap().run(|| {
                for_each_chunk(&mut data, 1 << 10, |index, chunk| chunk.fill(index as f32));
            });
            assert!(data.iter().enumerate().all(|(at, value)| *value == (at >> 10) as f32));
        }
    }

    #[test]
    fn a_loop_inside_a_loop_stays_on_its_thread() {
        Threads::new(2).unwrap().run(|| {
            let inside = || {
                let mut data = vec![0.0; 1 << 15];
                map_chunks(&mut data, 1 << 10, |_, _| std::thread::current().id())
            };
            for ids in map_items(vec![(); 8], |_, ()| inside()) {
                assert!(ids.iter().all(|id| *id == ids[0]));
            }
            assert_eq!(threads(), 2, "the next loop is shared again");
        });
    }

    #[test]
    fn whoever_shares_a_pool_gets_done() {
        let threads = Threads::new(3).unwrap();
        let run = || {
            for round in 0..200 {
                let mut data = vec![1.0; 1 << 14];
                // One run inside another uses the same pool.
                let sums = threads.run(|| {
                    let work = |_: usize, chunk: &mut [f32]| chunk.iter().sum::<f32>();
                    if round % 2 == 0 {
                        threads.run(|| map_chunks(&mut data, 1 << 9, work))
                    } else {
                        map_chunks(&mut data, 1 << 9, work)
                    }
                });
                assert_eq!(sums, vec![512.0; 32]);
            }
        };
        std::thread::scope(|scope| (0..5).for_each(|_| drop(scope.spawn(run))));
    }
}
