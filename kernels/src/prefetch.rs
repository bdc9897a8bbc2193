//! Prefetching: asking for memory before it is needed.
//!
//! Memory answers after hundreds of cycles, and delivers a float every one or two cycles to a core whose kernels could
//! use thirty-two. Weights that many pixels share are read from memory only once: if that happens at the first pixels,
//! the kernel waits for memory there, and memory is idle afterwards until the next weights are needed. So while a
//! kernel multiplies some weights it prefetches the next ones, a few for every tap.

#![allow(unsafe_code)]

/// How far ahead weights are prefetched that are read in order, once. Processors prefetch such reads by themselves, but
/// only up to the end of a page of memory, and a page of weights is used up in a tenth of a microsecond.
const DISTANCE: usize = 1024;

/// Prefetches the float at `at`, which may lie behind the slice, to the first cache.
#[inline(always)]
pub fn prefetch(numbers: &[f32], at: usize) {
    let address = numbers.as_ptr().wrapping_add(at);
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which reads nothing and never faults, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }
    #[cfg(target_arch = "aarch64")]
    {
        // SAFETY: a hint, which reads nothing and never faults, whatever the address.
        unsafe {
            std::arch::asm!(
                "prfm pldl1keep, [{}]",
                in(reg) address,
                options(nostack, preserves_flags, readonly)
            );
        }
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}

/// Floats that a kernel prefetches while it multiplies others.
#[derive(Clone, Copy, Debug)]
pub struct Prefetch<'a> {
    numbers: &'a [f32],
    /// Distance of what neighbouring taps prefetch.
    step: usize,
}

impl<'a> Prefetch<'a> {
    /// Further on in the same weights, of which every tap reads `step`.
    #[inline(always)]
    pub fn in_order(weights: &'a [f32], step: usize) -> Prefetch<'a> {
        Prefetch { numbers: &weights[DISTANCE.min(weights.len())..], step }
    }

    /// Part `index` of `count` of the weights that are read next, spread over `taps`.
    pub fn part(next: &'a [f32], (index, count): (usize, usize), taps: usize) -> Prefetch<'a> {
        let len = next.len().div_ceil(count.max(1));
        let numbers = &next[(index * len).min(next.len())..];
        Prefetch { numbers, step: len.div_ceil(taps.max(1)) }
    }

    /// Prefetches what belongs to a tap, `lane` floats behind its first.
    #[inline(always)]
    pub fn tap(self, tap: usize, lane: usize) {
        prefetch(self.numbers, tap * self.step + lane);
    }
}
