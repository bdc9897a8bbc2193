//! Weights that are asked for before they are needed.
//!
//! Memory answers in hundreds of cycles, and gives a core a number in every cycle or two; a kernel could use up
//! thirty-two. Weights that meet pixel after pixel are read from the caches but once: if that once is at the first
//! pixels, the kernel waits there for memory, which then idles until the next weights are due. So while some are
//! multiplied, the next are brought near, a few for every tap.

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

/// How far ahead of their use weights are asked for that are read in order, once. Processors do that by themselves, but
/// only up to the end of a page of memory, and a page of weights is used up in a tenth of a microsecond.
const DISTANCE: usize = 1024;

/// Asks for the number at place `at`, which may lie behind the numbers, to be brought to the first cache.
#[inline(always)]
pub fn fetch(numbers: &[f32], at: usize) {
    // SAFETY: a hint, which reads nothing and never fails, wherever it points.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(numbers.as_ptr().wrapping_add(at).cast()) }
}

/// Numbers that a kernel asks for while it multiplies others.
#[derive(Clone, Copy)]
pub struct Ahead<'a> {
    numbers: &'a [f32],
    /// The distance of what neighbouring taps ask for.
    step: usize,
}

impl<'a> Ahead<'a> {
    /// The same weights further on, of which every tap reads `step`.
    pub fn in_order(weights: &'a [f32], step: usize) -> Ahead<'a> {
        Ahead { numbers: &weights[DISTANCE.min(weights.len())..], step }
    }

    /// Share `number` of `count` of the weights that are read next, asked for during as many `taps`.
    pub fn share(next: &'a [f32], (number, count): (usize, usize), taps: usize) -> Ahead<'a> {
        let len = next.len().div_ceil(count.max(1));
        Ahead { numbers: &next[(number * len).min(next.len())..], step: len.div_ceil(taps.max(1)) }
    }

    /// Asks for what lies `lane` numbers behind those of a tap.
    #[inline(always)]
    pub fn fetch(self, tap: usize, lane: usize) {
        fetch(self.numbers, tap * self.step + lane);
    }
}
