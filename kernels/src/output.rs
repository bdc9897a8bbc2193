//! The memory that a kernel writes.
//!
//! A kernel that takes an [`Output`] writes all of it. The memory may be fresh: it holds no floats yet, so that reading
//! it would be undefined behaviour. Filling it with zeros first would page-fault all of it on the calling thread while
//! the workers wait, which took 4 % of the processor time of one picture of a ResNet-50, and 11 % of a MobileNetV2's.
//!
//! So an output can only be written, and what is written of fresh memory is counted. A part of an output is used up by
//! writing it, so nothing is counted twice: fresh memory holds floats everywhere exactly when as many were counted as
//! it has room for. [`AlignedBuf::written`](crate::AlignedBuf::written) checks that, and makes it a buffer of floats.
//!
//! Kernels whose writes are scattered (transposes, matrix products) fill the chunk that a thread computes with zeros
//! first. A chunk is in the caches of that thread then, and the kernel spends many times as long on it. Scratch memory
//! is not an output: it is filled once, when a thread gets it.

#![allow(unsafe_code)]

use std::cell::Cell;
use std::mem::{MaybeUninit, take};

use crate::simd::{LANES, Simd};
use crate::threads::{map_chunk_pairs, map_heavy_chunks};

/// Floats that a kernel has to write: fresh memory, or floats that it replaces.
pub struct Output<'a> {
    slots: &'a mut [MaybeUninit<f32>],
    /// Counts what is written of fresh memory; `None` if the memory holds floats.
    count: Option<&'a Cell<usize>>,
}

impl<'a> From<&'a mut [f32]> for Output<'a> {
    /// Floats that a kernel replaces.
    fn from(floats: &'a mut [f32]) -> Output<'a> {
        let slots = std::ptr::from_mut(floats) as *mut [MaybeUninit<f32>];
        // SAFETY: the same memory, borrowed alone for as long; nothing but floats is ever written to it.
        Output { slots: unsafe { &mut *slots }, count: None }
    }
}

/// Slots as the floats that were written to them.
///
/// # Safety
/// A float was written to each of them.
#[inline(always)]
unsafe fn floats(slots: &mut [MaybeUninit<f32>]) -> &mut [f32] {
    let floats = std::ptr::from_mut(slots) as *mut [f32];
    // SAFETY: the same memory, borrowed alone for as long, which holds floats, as the caller promises.
    unsafe { &mut *floats }
}

impl<'a> Output<'a> {
    /// Fresh memory: `count` counts what is written of it.
    pub(crate) fn fresh(slots: &'a mut [MaybeUninit<f32>], count: &'a Cell<usize>) -> Output<'a> {
        Output { slots, count: Some(count) }
    }

    /// How many floats there are to write.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The floats that the memory holds before it is written.
    ///
    /// # Errors
    /// The output itself, if the memory is fresh.
    #[inline(always)]
    pub fn held(self) -> Result<&'a mut [f32], Output<'a>> {
        match self.count {
            // SAFETY: the output was made from floats.
            None => Ok(unsafe { floats(self.slots) }),
            Some(_) => Err(self),
        }
    }

    /// The floats that the memory holds before it is written; zeros if it is fresh.
    #[inline(always)]
    pub fn held_or_zeros(self) -> &'a mut [f32] {
        self.held().unwrap_or_else(|fresh| fresh.fill(0.0))
    }

    /// Takes the first `len` floats off, to be written on their own.
    ///
    /// Panics if there are fewer, as slices do.
    #[inline(always)]
    pub fn front(&mut self, len: usize) -> Output<'a> {
        let (front, rest) = take(&mut self.slots).split_at_mut(len);
        self.slots = rest;
        Output { slots: front, count: self.count }
    }

    /// Parts of `len` floats; the last one may have fewer.
    pub fn chunks(self, len: usize) -> impl Iterator<Item = Output<'a>> {
        let count = self.count;
        self.slots.chunks_mut(len.max(1)).map(move |slots| Output { slots, count })
    }

    /// Writes the same float everywhere.
    #[inline(always)]
    pub fn fill(self, float: f32) -> &'a mut [f32] {
        self.slots.fill(MaybeUninit::new(float));
        self.written()
    }

    /// Copies as many floats.
    ///
    /// Panics if there are more or fewer, as slices do.
    #[inline(always)]
    pub fn copy(self, from: &[f32]) -> &'a mut [f32] {
        let from = std::ptr::from_ref(from) as *const [MaybeUninit<f32>];
        // SAFETY: the same memory, borrowed as long; initialised memory may be read as memory that need not be.
        self.slots.copy_from_slice(unsafe { &*from });
        self.written()
    }

    /// Writes what `float` returns for every index.
    #[inline(always)]
    pub fn write_with(self, float: impl Fn(usize) -> f32) -> &'a mut [f32] {
        for at in 0..self.slots.len() {
            self.slots[at].write(float(at));
        }
        self.written()
    }

    /// Writes floats one after the other, as many as there are or fit; returns those written.
    pub fn write(self, from: impl IntoIterator<Item = f32>) -> &'a mut [f32] {
        let mut count = 0;
        for (slot, float) in self.slots.iter_mut().zip(from) {
            slot.write(float);
            count += 1;
        }
        Output { slots: &mut self.slots[..count], count: self.count }.written()
    }

    /// All whole vectors, to be written one after the other, and the floats that are left.
    #[inline(always)]
    pub fn vectors(self) -> (Vectors<'a>, Output<'a>) {
        let (slots, rest) = self.slots.as_chunks_mut();
        (Vectors { slots, next: 0, count: self.count }, Output { slots: rest, count: self.count })
    }

    /// What is left to write, all of which was written.
    #[inline(always)]
    fn written(self) -> &'a mut [f32] {
        if let Some(count) = self.count {
            count.set(count.get() + self.slots.len());
        }
        // SAFETY: private, and called where all slots were written.
        unsafe { floats(self.slots) }
    }

    /// Calls `work(index, chunk)` for every chunk of `len` floats (the last may be shorter), on the threads of the
    /// surrounding [`Threads::run`](crate::threads::Threads::run); the results come in the order of the chunks. `work`
    /// costs each float `steps` times as much as a plain loop.
    pub fn map_chunks<T: Send>(
        self,
        len: usize,
        steps: usize,
        work: impl Fn(usize, Output<'_>) -> T + Send + Sync,
    ) -> Vec<T> {
        let (Part { slots, is_fresh }, total) = self.into_part();
        total.added(map_heavy_chunks(slots, len, steps, |index, slots| {
            Part { slots, is_fresh }.counted(|chunk| work(index, chunk))
        }))
    }

    /// Like [`Output::map_chunks`], for chunks of an output and of as many floats.
    pub fn map_chunks_with<T: Send>(
        self,
        floats: &mut [f32],
        len: usize,
        work: impl Fn(usize, Output<'_>, &mut [f32]) -> T + Send + Sync,
    ) -> Vec<T> {
        let (Part { slots, is_fresh }, total) = self.into_part();
        total.added(map_chunk_pairs(slots, floats, len, |index, slots, floats| {
            Part { slots, is_fresh }.counted(|chunk| work(index, chunk, floats))
        }))
    }

    /// Like [`Output::map_chunks`], for work without a result.
    pub fn for_each_chunk(
        self,
        len: usize,
        steps: usize,
        work: impl Fn(usize, Output<'_>) + Send + Sync,
    ) {
        self.map_chunks(len, steps, work);
    }

    /// The output as a part that other threads may write, and where what they write has to be counted.
    pub(crate) fn into_part(self) -> (Part<'a>, Total<'a>) {
        (Part { slots: self.slots, is_fresh: self.count.is_some() }, Total(self.count))
    }
}

/// Vectors that are written one after the other.
pub struct Vectors<'a> {
    slots: &'a mut [[MaybeUninit<f32>; LANES]],
    /// Index of the next one.
    next: usize,
    count: Option<&'a Cell<usize>>,
}

impl<'a> Vectors<'a> {
    /// How many vectors there are in all.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Writes the next vector.
    ///
    /// Panics if there is none left, as slices do.
    #[inline(always)]
    pub fn push<S: Simd>(&mut self, simd: S, vector: S::Vector) {
        simd.write(vector, &mut self.slots[self.next]);
        self.next += 1;
    }

    /// The floats of all vectors that were written.
    #[inline(always)]
    pub fn finish(self) -> &'a mut [f32] {
        let slots = self.slots[..self.next].as_flattened_mut();
        Output { slots, count: self.count }.written()
    }
}

/// An output on its way to another thread.
pub(crate) struct Part<'a> {
    slots: &'a mut [MaybeUninit<f32>],
    is_fresh: bool,
}

impl<'a> Part<'a> {
    /// Parts of `len` floats; the last one may have fewer.
    pub fn chunks(self, len: usize) -> impl Iterator<Item = Part<'a>> {
        let is_fresh = self.is_fresh;
        self.slots.chunks_mut(len.max(1)).map(move |slots| Part { slots, is_fresh })
    }

    /// Calls `work` with the part as an output; returns what it returns, and how many floats it wrote.
    pub fn counted<T>(self, work: impl FnOnce(Output<'_>) -> T) -> (T, usize) {
        let count = Cell::new(0);
        let result = work(Output { slots: self.slots, count: self.is_fresh.then_some(&count) });
        (result, count.get())
    }
}

/// Where the parts of an output are counted.
pub(crate) struct Total<'a>(Option<&'a Cell<usize>>);

impl Total<'_> {
    /// Adds what was counted of each part; returns the results.
    pub fn added<T>(self, parts: Vec<(T, usize)>) -> Vec<T> {
        if let Some(total) = self.0 {
            total.set(total.get() + parts.iter().map(|(_, count)| count).sum::<usize>());
        }
        parts.into_iter().map(|(result, _)| result).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AlignedBuf;
    use crate::simd::{Isa, SimdLoop};
    use crate::threads::Threads;

    /// Writes every vector its index.
    struct Indices<'a>(Vectors<'a>);

    impl SimdLoop for Indices<'_> {
        type Output = usize;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> usize {
            let Indices(mut vectors) = self;
            for index in 0..vectors.len() {
                vectors.push(simd, simd.splat(index as f32));
            }
            vectors.finish().len()
        }
    }

    #[test]
    fn a_buffer_is_what_was_written_to_its_parts() {
        let (buffer, len) = AlignedBuf::written(50, |mut output| {
            output.front(3).copy(&[1.0, 2.0, 3.0]);
            output.front(2).fill(4.0);
            output.front(0).fill(5.0);
            output.front(2).write([6.0, 7.0, 8.0]);
            let (vectors, rest) = output.vectors();
            rest.write_with(|at| 100.0 + at as f32);
            Isa::detect().run(Indices(vectors))
        });
        assert_eq!((len, buffer.len()), (2 * LANES, 50));
        assert_eq!(buffer[..8], [1.0, 2.0, 3.0, 4.0, 4.0, 6.0, 7.0, 0.0]);
        assert_eq!(buffer[38..42], [1.0, 100.0, 101.0, 102.0]);
    }

    #[test]
    fn chunks_are_counted_on_all_threads() {
        let len = 1 << 16;
        let write = || {
            AlignedBuf::written(len, |output| {
                output.map_chunks(1000, 1, |index, chunk| chunk.fill(index as f32).len())
            })
        };
        for threads in [1, 3] {
            let (buffer, lens) = Threads::new(threads).unwrap().run(write);
            assert_eq!(lens.iter().sum::<usize>(), len);
            assert!(buffer.iter().enumerate().all(|(at, float)| *float == (at / 1000) as f32));
        }
    }

    #[test]
    fn floats_that_are_held_can_be_read() {
        let mut floats = [1.0, 2.0, 3.0];
        let mut output = Output::from(&mut floats[..]);
        let first = output.front(1).held_or_zeros();
        first[0] += 10.0;
        // The others do not have to be written.
        assert_eq!(floats, [11.0, 2.0, 3.0]);
        let (zeros, ()) = AlignedBuf::written(3, |output| {
            assert!(output.held_or_zeros().iter().all(|float| *float == 0.0));
        });
        assert_eq!(zeros[..], [0.0; 3]);
    }

    #[test]
    #[should_panic(expected = "wrote 7 of 8 floats")]
    fn what_is_not_written_is_noticed() {
        AlignedBuf::written(8, |mut output| {
            output.front(7).fill(1.0);
        });
    }

    #[test]
    #[should_panic(expected = "wrote 16 of 32 floats")]
    fn vectors_that_are_not_written_are_noticed() {
        struct Half<'a>(Vectors<'a>);
        impl SimdLoop for Half<'_> {
            type Output = ();

            #[inline(always)]
            fn run<S: Simd>(self, simd: S) {
                let Half(mut vectors) = self;
                vectors.push(simd, simd.splat(1.0));
                vectors.finish();
            }
        }
        AlignedBuf::written(2 * LANES, |output| Isa::detect().run(Half(output.vectors().0)));
    }
}
