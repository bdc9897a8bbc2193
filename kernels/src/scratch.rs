//! Aligned memory for floats, and scratch buffers that a thread uses again and again.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::thread::LocalKey;

/// Bytes of a cache line. Buffers begin at one, so that no vector lies across two of them.
const LINE: usize = 64;

/// Floats that begin at a cache line.
pub struct AlignedBuf {
    /// Memory of `len` initialised floats; dangling if there are none.
    start: NonNull<f32>,
    len: usize,
}

// SAFETY: the buffer owns its floats alone, as a `Vec<f32>` does.
unsafe impl Send for AlignedBuf {}
// SAFETY: a shared buffer can only be read.
unsafe impl Sync for AlignedBuf {}

impl AlignedBuf {
    /// `len` floats with unspecified contents: whatever the memory held.
    ///
    /// Zero-filling would page-fault the whole buffer on the calling thread while the workers wait, which took 4 % of the
    /// processor time of one picture of a ResNet-50, and 11 % of a MobileNetV2's where its activations are concerned.
    ///
    /// Aborts like a `Vec` when there is no memory.
    pub fn unspecified(len: usize) -> AlignedBuf {
        AlignedBuf::try_unspecified(len)
            .unwrap_or_else(|| handle_alloc_error(layout(len).unwrap_or(Layout::new::<f32>())))
    }

    /// Like [`AlignedBuf::unspecified`]; `None` when there is no memory.
    pub fn try_unspecified(len: usize) -> Option<AlignedBuf> {
        if len == 0 {
            return Some(AlignedBuf::default());
        }
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc(layout(len)?) };
        let start = NonNull::new(memory.cast::<f32>())?;
        // SAFETY: the memory has room for `len` floats, and nobody else knows it.
        unsafe { freeze(start, len) };
        Some(AlignedBuf { start, len })
    }
}

/// The layout of `len` floats; `None` where they are more than the address space can hold.
fn layout(len: usize) -> Option<Layout> {
    Layout::from_size_align(len.checked_mul(size_of::<f32>())?, LINE).ok()
}

/// Gives uninitialised memory arbitrary, but fixed contents.
///
/// To the compiler, fresh memory does not have any contents, and reading it is undefined behaviour. The assembly below
/// may write to the memory as far as the compiler knows, so it has to assume that every byte was given some value; and
/// since it leaves the memory alone, that is the value that is there. (That holds because the allocator hands out memory
/// whose contents only change when the program writes.) Debug builds write NaN, so that tests find out what is read
/// before it is written.
///
/// # Safety
/// `start` points to memory for `len` floats, which nobody else uses.
unsafe fn freeze(start: NonNull<f32>, len: usize) {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    if !cfg!(any(debug_assertions, miri)) {
        // SAFETY: no instruction is executed.
        unsafe {
            std::arch::asm!(
                "/* {0} */",
                in(reg) start.as_ptr(),
                options(nostack, preserves_flags)
            );
        }
        return;
    }
    for at in 0..len {
        // SAFETY: `at` is within the memory, as the caller promises.
        unsafe { start.add(at).write(f32::NAN) };
    }
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
        // SAFETY: there are `len` initialised floats, or none and the pointer is dangling.
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
        let mut copy = AlignedBuf::unspecified(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl fmt::Debug for AlignedBuf {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

/// The buffer that a thread keeps between uses.
pub(crate) type ScratchPool = LocalKey<Cell<AlignedBuf>>;

/// A scratch buffer of `len` floats with unspecified contents; returned to the thread's pool on drop.
pub(crate) fn take(pool: &'static ScratchPool, len: usize) -> Scratch {
    // Taken, not borrowed: a thread that waits for others may start other work meanwhile, which needs the buffer too.
    let mut buffer = pool.take();
    if buffer.len() < len {
        // What it held is not worth a copy.
        buffer = AlignedBuf::unspecified(len);
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
        assert!(AlignedBuf::unspecified(0).is_empty());
        let mut buffer = AlignedBuf::unspecified(37);
        assert!(!cfg!(debug_assertions) || buffer.iter().all(|number| number.is_nan()));
        buffer.fill(2.0);
        let copy = buffer.clone();
        buffer.fill(3.0);
        assert_eq!((&copy[..], &buffer[..]), (&[2.0; 37][..], &[3.0; 37][..]));
    }
}
