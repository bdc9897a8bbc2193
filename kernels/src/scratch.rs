//! Aligned memory for floats, and scratch buffers that a thread uses again and again.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::convert::Infallible;
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::thread::LocalKey;

use crate::output::Output;

/// Bytes of a cache line. Buffers begin at one, so that no vector lies across two of them.
const LINE: usize = 64;

/// Floats that begin at a cache line.
pub struct AlignedBuf {
    /// Memory of `len` floats; dangling if there are none.
    start: NonNull<f32>,
    len: usize,
}

// SAFETY: the buffer owns its floats alone, as a `Vec<f32>` does.
unsafe impl Send for AlignedBuf {}
// SAFETY: a shared buffer can only be read.
unsafe impl Sync for AlignedBuf {}

impl AlignedBuf {
    /// `len` floats that `work` writes, and what it returns.
    ///
    /// Debug builds fill the memory with NaN first, so that tests see what a kernel does with a float that it reads
    /// although it should only write it.
    ///
    /// Aborts like a `Vec` when there is no memory. Panics if `work` does not write every float, which is a bug of a
    /// kernel.
    pub fn written<T>(len: usize, work: impl FnOnce(Output<'_>) -> T) -> (AlignedBuf, T) {
        let ok = |output: Output<'_>| Ok::<T, Infallible>(work(output));
        match AlignedBuf::try_written(len, ok) {
            Some(Ok(written)) => written,
            None => handle_alloc_error(layout(len).unwrap_or(Layout::new::<f32>())),
        }
    }

    /// Like [`AlignedBuf::written`], for work that can fail; `None` when there is no memory.
    pub fn try_written<T, E>(
        len: usize,
        work: impl FnOnce(Output<'_>) -> Result<T, E>,
    ) -> Option<Result<(AlignedBuf, T), E>> {
        let buffer = AlignedBuf::allocated(len)?;
        // SAFETY: the memory has room for `len` floats, and nobody else knows it. It need not hold floats for this type.
        let slots: &mut [MaybeUninit<f32>] =
            unsafe { std::slice::from_raw_parts_mut(buffer.start.as_ptr().cast(), len) };
        if cfg!(debug_assertions) {
            slots.fill(MaybeUninit::new(f32::NAN));
        }
        let count = Cell::new(0);
        let result = work(Output::fresh(slots, &count));
        // The buffer is only read when it is returned. So its floats are, because every one of them was counted.
        Some(result.map(|result| {
            let count = count.get();
            assert!(count == len, "a kernel wrote {count} of {len} floats");
            (buffer, result)
        }))
    }

    /// A copy of floats.
    pub fn copied(from: &[f32]) -> AlignedBuf {
        AlignedBuf::written(from.len(), |output| output.copy(from).len()).0
    }

    /// Memory for `len` floats, which are still to be written; `None` when there is none.
    fn allocated(len: usize) -> Option<AlignedBuf> {
        if len == 0 {
            return Some(AlignedBuf::default());
        }
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc(layout(len)?) };
        Some(AlignedBuf { start: NonNull::new(memory.cast::<f32>())?, len })
    }
}

/// The layout of `len` floats; `None` where they are more than the address space can hold.
fn layout(len: usize) -> Option<Layout> {
    Layout::from_size_align(len.checked_mul(size_of::<f32>())?, LINE).ok()
}

impl Default for AlignedBuf {
    fn default() -> AlignedBuf {
        AlignedBuf { start: NonNull::dangling(), len: 0 }
    }
}

impl Drop for AlignedBuf {
    fn drop(&mut self) {
        if let (Some(layout), 1..) = (layout(self.len), self.len) {
            // SAFETY: the memory was allocated with this layout.
            unsafe { dealloc(self.start.as_ptr().cast(), layout) };
        }
    }
}

impl Deref for AlignedBuf {
    type Target = [f32];

    #[inline]
    fn deref(&self) -> &[f32] {
        // SAFETY: there are `len` floats, or none and the pointer is dangling.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for AlignedBuf {
    #[inline]
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as for `deref`, and the buffer is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Clone for AlignedBuf {
    fn clone(&self) -> AlignedBuf {
        AlignedBuf::copied(self)
    }
}

impl fmt::Debug for AlignedBuf {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

/// The buffer that a thread keeps between uses.
pub(crate) type ScratchPool = LocalKey<Cell<AlignedBuf>>;

/// A scratch buffer of `len` floats with the contents of its last use; returned to the thread's pool on drop.
pub(crate) fn take(pool: &'static ScratchPool, len: usize) -> Scratch {
    // Taken, not borrowed: a thread that waits for others may start other work meanwhile, which needs the buffer too.
    let mut buffer = pool.take();
    if buffer.len() < len {
        // What it held is not worth a copy. A thread fills each of its buffers a few times at most.
        let unused = if cfg!(debug_assertions) { f32::NAN } else { 0.0 };
        buffer = AlignedBuf::written(len, |output| output.fill(unused).len()).0;
    }
    Scratch { pool, buffer, len }
}

/// A scratch buffer.
pub(crate) struct Scratch {
    pool: &'static ScratchPool,
    buffer: AlignedBuf,
    len: usize,
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer[..self.len]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[..self.len]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.pool.set(std::mem::take(&mut self.buffer));
    }
}

/// Floats that exist already, or were written to a scratch buffer.
pub(crate) enum MaybeOwned<'a> {
    Borrowed(&'a [f32]),
    Owned(Scratch),
}

impl Deref for MaybeOwned<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            MaybeOwned::Borrowed(numbers) => numbers,
            MaybeOwned::Owned(numbers) => numbers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static POOL: Cell<AlignedBuf> = Cell::default();
    }

    #[test]
    fn scratch_buffers_are_aligned_and_used_again() {
        let filled = |len| {
            let mut numbers = take(&POOL, len);
            assert_eq!((numbers.len(), numbers.as_ptr().align_offset(LINE)), (len, 0));
            numbers.fill(7.0);
            // A second user on the same thread gets a buffer of its own.
            take(&POOL, 3).fill(1.0);
            assert!(numbers.iter().all(|number| *number == 7.0));
            numbers.as_ptr()
        };
        filled(100);
        let again = filled(200);
        assert_eq!(filled(200), again);
    }

    #[test]
    fn buffers_are_copied_and_may_be_empty() {
        assert!(AlignedBuf::copied(&[]).is_empty());
        let mut buffer = AlignedBuf::copied(&[2.0; 37]);
        let copy = buffer.clone();
        buffer.fill(3.0);
        assert_eq!((&copy[..], &buffer[..]), (&[2.0; 37][..], &[3.0; 37][..]));
    }
}
