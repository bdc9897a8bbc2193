//! Keeps the threads of a pool awake as long as an explanation runs.
//!
//! A network is a few hundred loops of some ten microseconds each. A thread of rayon that finds nothing to do falls asleep
//! after about twenty, and waking it takes as long again, longer in a virtual machine.
//!
//! Every other thread of the pool gets a job that runs whatever work there is until the explanation is done. Such a job
//! must not begin inside a part of the explanation, which would then wait for it forever: so all jobs begin before the
//! explanation does, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rayon::Yield;

/// How long to wait for the threads of a pool to wake up.
const PATIENCE: Duration = Duration::from_micros(200);

/// How many explanations use a pool right now.
#[derive(Clone, Default)]
pub(super) struct Users(Arc<AtomicUsize>);

/// One of them, until it is dropped.
pub(super) struct User<'a> {
    users: &'a AtomicUsize,
    is_first: bool,
}

impl Users {
    /// Counts another one.
    pub fn enter(&self) -> User<'_> {
        let is_first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
        User { users: &self.0, is_first }
    }
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        self.users.fetch_sub(1, Ordering::SeqCst);
    }
}

impl User<'_> {
    /// Keeps the other threads of the pool (the caller is one of its threads) awake until the value is dropped. If there
    /// is another user of the pool, its threads have enough to do.
    pub fn keep_awake(&self) -> Option<Awake> {
        let watch = self.is_first.then(Watch::begin)?;
        // For users that come from now on, all jobs have begun before their own work.
        (self.users.load(Ordering::SeqCst) == 1).then_some(watch)
    }
}

/// The state that the jobs of a pool share.
#[derive(Default)]
struct Watch {
    /// Jobs that have begun.
    begun: AtomicUsize,
    /// Whether it is too late to begin.
    is_closed: AtomicBool,
    is_over: AtomicBool,
}

/// Ends the jobs when it is dropped.
pub(super) struct Awake(Arc<Watch>);

impl Watch {
    fn begin() -> Awake {
        let watch = Arc::new(Watch::default());
        let (caller, others) =
            (rayon::current_thread_index(), rayon::current_num_threads().saturating_sub(1));
        let job = watch.clone();
        rayon::spawn_broadcast(move |thread| {
            if Some(thread.index()) != caller {
                job.take_up_work();
            }
        });
        let start = Instant::now();
        while watch.begun.load(Ordering::SeqCst) < others && start.elapsed() < PATIENCE {
            std::hint::spin_loop();
        }
        watch.is_closed.store(true, Ordering::SeqCst);
        Awake(watch)
    }

    fn take_up_work(&self) {
        if self.is_closed.load(Ordering::SeqCst) {
            return;
        }
        self.begun.fetch_add(1, Ordering::SeqCst);
        while !self.is_over.load(Ordering::Relaxed) {
            if rayon::yield_now() != Some(Yield::Executed) {
                // Gives other programs a chance.
                std::thread::yield_now();
            }
        }
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}
