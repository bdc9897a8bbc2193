//! Arithmetic on sixteen floats at once, in the registers of this processor.
//!
//! Compilers turn loops over sixteen floats into vector instructions, but not reliably: where many sums
//! have to stay in registers they do not, and elsewhere it depends on what else is in the loop. The loops that
//! a network spends its time in are therefore written once over the trait [`Simd`], and compiled for every
//! [instruction set](Isa).

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod isa;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod sums;

use std::mem::MaybeUninit;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub(crate) use isa::with_tile;
pub use isa::{Isa, IsaError, VARIABLE};
#[cfg(target_arch = "aarch64")]
pub use neon::Neon;
pub use portable::Portable;
pub use sums::SumPair;

/// Floats of a vector: the channels of a block, and the width of the widest registers.
pub const LANES: usize = 16;

/// Sixteen floats in memory: the channels of a pixel, a weight of each filter of a block.
pub type F32x16 = [f32; LANES];

/// Rows and columns of the squares that [`Simd::transpose`] turns.
pub const SQUARE: usize = 8;

/// An instruction set that this processor has: the value is the proof, only [`Isa`] makes it.
pub trait Simd: Copy + Send + Sync {
    /// Sixteen floats in registers.
    type Vector: Copy;

    /// A truth value per lane.
    type Mask: Copy;

    /// Eight doubles in registers.
    type Doubles: Copy;

    /// Runs a loop with these instructions.
    fn run<L: SimdLoop>(self, work: L) -> L::Output;

    /// The same float in all lanes.
    fn splat(self, number: f32) -> Self::Vector;

    /// Reads sixteen floats; they need not be aligned.
    fn load(self, numbers: &F32x16) -> Self::Vector;

    /// Writes sixteen floats; they need not be aligned.
    #[inline(always)]
    fn store(self, vector: Self::Vector, numbers: &mut F32x16) {
        let slots = std::ptr::from_mut(numbers).cast::<[MaybeUninit<f32>; LANES]>();
        // SAFETY: the same memory, borrowed alone; nothing but floats is written to it.
        self.write(vector, unsafe { &mut *slots });
    }

    /// Like [`Simd::store`], to memory that need not hold floats yet.
    fn write(self, vector: Self::Vector, slots: &mut [MaybeUninit<f32>; LANES]);

    /// `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a − b`.
    fn subtract(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a · b`.
    fn multiply(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a / b`.
    fn divide(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `a · b + c`, rounded once where the processor can do that in one instruction.
    fn multiply_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// `c − a · b`, rounded like [`Simd::multiply_add`].
    fn subtract_product(self, c: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `|a|`.
    fn absolute(self, a: Self::Vector) -> Self::Vector;

    /// Per lane: whether `a > b`; comparisons with NaN are false.
    fn greater(self, a: Self::Vector, b: Self::Vector) -> Self::Mask;

    /// Per lane: whether `a = b`; comparisons with NaN are false.
    fn equal(self, a: Self::Vector, b: Self::Vector) -> Self::Mask;

    /// Per lane: `choices[0]` where the mask is true, otherwise `choices[1]`.
    fn select(self, mask: Self::Mask, choices: [Self::Vector; 2]) -> Self::Vector;

    /// Per lane: `choices[0]` where `a > b`, otherwise `choices[1]`. Comparisons with NaN are false.
    #[inline(always)]
    fn where_greater(
        self,
        a: Self::Vector,
        b: Self::Vector,
        choices: [Self::Vector; 2],
    ) -> Self::Vector {
        self.select(self.greater(a, b), choices)
    }

    /// Per lane: `choices[0]` where `a = b`, otherwise `choices[1]`. Comparisons with NaN are false.
    #[inline(always)]
    fn where_equal(
        self,
        a: Self::Vector,
        b: Self::Vector,
        choices: [Self::Vector; 2],
    ) -> Self::Vector {
        self.select(self.equal(a, b), choices)
    }

    /// Per lane: `a` where `a > b`, otherwise `b`; so `b` where one of them is NaN, as x86's instruction has it. With what
    /// is clipped as `b`, NaN stays NaN.
    #[inline(always)]
    fn larger(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        self.where_greater(a, b, [a, b])
    }

    /// Per lane: `a` where `a < b`, otherwise `b`; so `b` where one of them is NaN.
    #[inline(always)]
    fn smaller(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        self.where_greater(b, a, [a, b])
    }

    /// Adds every lane to its sum in double precision.
    #[inline(always)]
    fn add_up(self, vector: Self::Vector, sums: &mut [f64; LANES]) {
        let mut numbers = [0.0; LANES];
        self.store(vector, &mut numbers);
        for lane in 0..LANES {
            sums[lane] += f64::from(numbers[lane]);
        }
    }

    /// The same double in all eight lanes.
    fn splat_doubles(self, number: f64) -> Self::Doubles;

    /// Reads eight floats and widens them.
    fn load_doubles(self, numbers: &[f32; LANES / 2]) -> Self::Doubles;

    /// Rounds eight doubles to floats and writes them.
    fn store_doubles(self, doubles: Self::Doubles, numbers: &mut [f32; LANES / 2]);

    /// `a + b` in double precision.
    fn add_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;

    /// `a − b` in double precision.
    fn subtract_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;

    /// `a · b` in double precision.
    fn multiply_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;

    /// Transposes a square of [`SQUARE`] rows of `from`, which are `stride` floats apart: column `c`, plus `bias[c]`
    /// if there is a bias, is written to `to` from `places[c]` on, if it has a place.
    #[inline(always)]
    fn transpose(
        self,
        (from, stride): (&[f32], usize),
        bias: Option<&[f32; SQUARE]>,
        to: &mut [f32],
        places: [Option<usize>; SQUARE],
    ) {
        for column in 0..SQUARE {
            let Some(place) = places[column] else { continue };
            let to = &mut to[place..][..SQUARE];
            for row in 0..SQUARE {
                let number = from[row * stride + column];
                to[row] = bias.map_or(number, |bias| number + bias[column]);
            }
        }
    }
}

/// A loop that is compiled for every instruction set.
pub trait SimdLoop {
    /// What the loop returns.
    type Output;

    /// Runs the loop.
    ///
    /// Implementations are marked `inline(always)`: compiled as functions of their own they would not have the
    /// instructions of their caller. For the same reason closures do no arithmetic with vectors, and loops that matter
    /// do without iterator adaptors and `map` on arrays, which some builds compile as calls.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Runs a loop with the best instruction set of this processor, or with the one that [`VARIABLE`] names.
#[inline]
pub fn dispatch<L: SimdLoop>(work: L) -> L::Output {
    Isa::detect().run(work)
}

/// Runs a loop with every instruction set of this processor, one after the other.
pub fn dispatch_to_all<L: SimdLoop + Copy>(work: L) {
    for isa in Isa::all() {
        isa.run(work);
    }
}

/// The first sixteen of some floats.
#[inline(always)]
pub fn first(numbers: &[f32]) -> &F32x16 {
    &numbers[..LANES].as_chunks().0[0]
}

/// The first sixteen of some floats, to be written.
#[inline(always)]
pub fn first_mut(numbers: &mut [f32]) -> &mut F32x16 {
    &mut numbers[..LANES].as_chunks_mut().0[0]
}

/// Fewer than sixteen floats, followed by zeros.
#[inline]
pub fn filled_up(numbers: &[f32]) -> F32x16 {
    let mut sixteen = [0.0; LANES];
    sixteen[..numbers.len()].copy_from_slice(numbers);
    sixteen
}

#[cfg(test)]
mod tests;
