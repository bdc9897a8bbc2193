//! The innermost loop of direct convolutions and matrix products: a block of filters at a few neighbouring
//! pixels, summed in vector registers. In a product, filters are columns and pixels are rows.
//!
//! Each tap loads one vector of weights (neighbouring filters) and multiplies it with one
//! pixel after the other, so that every sum stays in a register for the whole of its
//! taps. In a trial of its own it reached 95 to 116 GFLOP/s on one core, as onnxruntime does there;
//! against tract's kernels, which pack every window first (im2col), it brought an explanation of a
//! ResNet-18 from 309 to 173 ms of processor time.

#![allow(unsafe_code)]
// Iterators over the sums would keep the compiler from leaving them in registers.
#![allow(clippy::needless_range_loop)]

/// A block for every number below a constant that is at most fourteen, written out: of a loop over
/// sums the compiler leaves them in registers or not, as it likes.
macro_rules! each {
    ($index:ident < $count:ident, $body:block) => {
        each!($index $count $body 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    ($index:ident $count:ident $body:block $($number:literal)*) => {
        $(if $number < $count {
            let $index = $number;
            $body
        })*
    };
}
pub(crate) use each;

mod ahead;
mod by_sign;
mod transposition;

use std::arch::x86_64::*;

pub use self::ahead::{Ahead, fetch};
pub use self::by_sign::BySign;
pub use self::transposition::{BLOCK, Sums};

/// Taps whose products are added up before they are added to the total: a single running sum over
/// thousands of taps would round so much that ReLUs turn over.
const RUN: usize = 256;

/// The most numbers that one call of a microkernel writes.
pub const MOST_OUTPUTS: usize = 14 * 32;

/// Filters of a block.
const LANES: usize = 16;

/// A set of vector instructions that this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instructions(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Avx512,
    Avx2,
}

/// What a microkernel reads: `taps` weights of a block of filters, and the pixels they meet.
#[derive(Clone, Copy)]
pub struct Operands<'a> {
    /// `[taps, filters of the block]`.
    pub weights: &'a [f32],
    /// The input from the first pixel on.
    pub input: &'a [f32],
    /// For each tap, where its first pixel lies in `input`.
    pub offsets: &'a [u32],
    /// What is brought near meanwhile, instead of weights further on.
    pub ahead: Option<Ahead<'a>>,
}

impl Instructions {
    /// The best set of this processor; `None` where it has neither AVX-512 nor AVX2.
    pub fn detect() -> Option<Instructions> {
        if is_x86_feature_detected!("avx512f") {
            Some(Instructions(Set::Avx512))
        } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            Some(Instructions(Set::Avx2))
        } else {
            None
        }
    }

    /// Every set that this processor has.
    pub fn all() -> Vec<Instructions> {
        let best = Instructions::detect();
        let has_avx2 = best.is_some() && is_x86_feature_detected!("fma");
        best.into_iter().chain(has_avx2.then_some(Instructions(Set::Avx2))).collect()
    }

    /// Filters in a vector.
    pub fn lanes(self) -> usize {
        match self.0 {
            Set::Avx512 => 16,
            Set::Avx2 => 8,
        }
    }

    /// Neighbouring pixels that are computed together.
    pub fn pixels(self) -> usize {
        match self.0 {
            Set::Avx512 => 14,
            Set::Avx2 => 6,
        }
    }

    /// Half of [`Instructions::pixels`], for planes of which a whole run would be mostly waste.
    pub fn half_the_pixels(self) -> usize {
        self.pixels() / 2
    }

    /// Blocks of sixteen filters that [`Instructions::run_blocks`] computes together at most.
    pub fn most_blocks(self) -> usize {
        2 * self.lanes() / LANES
    }

    /// Whether pixels of a row may lie this far from each other in [`Instructions::run`].
    pub fn knows_stride(stride: usize) -> bool {
        matches!(stride, 1 | 2 | 4)
    }

    /// Whether windows may go this many pixels at a time in [`Instructions::run_blocks`].
    pub fn knows_stride_of_blocks(stride: usize) -> bool {
        matches!(stride, 1 | 2)
    }

    /// Writes `[pixels, vectors · lanes]` sums to `output`: for each pixel the block's filters side by
    /// side. `vectors` is 1 or 2; pixels lie `stride` numbers from each other.
    pub fn run(self, vectors: usize, stride: usize, operands: Operands, output: &mut [f32]) {
        match (vectors, stride) {
            (1, 1) => self.run_with::<1, 1, false>(operands, output),
            (1, 2) => self.run_with::<1, 2, false>(operands, output),
            (1, _) => self.run_with::<1, 4, false>(operands, output),
            (_, 1) => self.run_with::<2, 1, false>(operands, output),
            (_, 2) => self.run_with::<2, 2, false>(operands, output),
            (_, _) => self.run_with::<2, 4, false>(operands, output),
        }
    }

    /// Writes `[blocks, pixels, 16]` sums to `output`: for each block of sixteen filters and each pixel
    /// the filters side by side. Weights are `[taps, blocks · 16]`, `blocks` at least 1 and at most
    /// [`Instructions::most_blocks`]; pixels, all or half of them, lie `stride` numbers from each other: 16 or 32,
    /// or 1 or 2 on planes of single channels.
    pub fn run_blocks(
        self,
        blocks: usize,
        (pixels, stride): (usize, usize),
        operands: Operands,
        output: &mut [f32],
    ) {
        let run = (pixels != self.pixels(), stride);
        // With vectors of eight numbers, two of them are one block.
        match (blocks * LANES / self.lanes(), self.lanes() == LANES) {
            (1, _) => self.run_strided::<1, false>(run, operands, output),
            (_, false) => self.run_strided::<2, false>(run, operands, output),
            (_, true) => self.run_strided::<2, true>(run, operands, output),
        }
    }

    fn run_strided<const VECTORS: usize, const BY_VECTOR: bool>(
        self,
        (is_half, stride): (bool, usize),
        operands: Operands,
        output: &mut [f32],
    ) {
        match (stride, is_half) {
            (1, false) => self.run_with::<VECTORS, 1, BY_VECTOR>(operands, output),
            (1, true) => self.run_half::<VECTORS, 1, BY_VECTOR>(operands, output),
            (2, false) => self.run_with::<VECTORS, 2, BY_VECTOR>(operands, output),
            (2, true) => self.run_half::<VECTORS, 2, BY_VECTOR>(operands, output),
            (16, false) => self.run_with::<VECTORS, 16, BY_VECTOR>(operands, output),
            (16, true) => self.run_half::<VECTORS, 16, BY_VECTOR>(operands, output),
            (_, false) => self.run_with::<VECTORS, 32, BY_VECTOR>(operands, output),
            (_, true) => self.run_half::<VECTORS, 32, BY_VECTOR>(operands, output),
        }
    }

    fn run_with<const VECTORS: usize, const STRIDE: usize, const BY_VECTOR: bool>(
        self,
        operands: Operands,
        output: &mut [f32],
    ) {
        match self.0 {
            // SAFETY: only `detect` makes this value, after the processor was found to have AVX-512F.
            Set::Avx512 => unsafe { avx512::<VECTORS, STRIDE, BY_VECTOR, 14>(operands, output) },
            // SAFETY: only `detect` makes this value, after the processor was found to have AVX2 and FMA.
            Set::Avx2 => unsafe { avx2::<VECTORS, STRIDE, BY_VECTOR, 6>(operands, output) },
        }
    }

    fn run_half<const VECTORS: usize, const STRIDE: usize, const BY_VECTOR: bool>(
        self,
        operands: Operands,
        output: &mut [f32],
    ) {
        match self.0 {
            // SAFETY: only `detect` makes this value, after the processor was found to have AVX-512F.
            Set::Avx512 => unsafe { avx512::<VECTORS, STRIDE, BY_VECTOR, 7>(operands, output) },
            // SAFETY: only `detect` makes this value, after the processor was found to have AVX2 and FMA.
            Set::Avx2 => unsafe { avx2::<VECTORS, STRIDE, BY_VECTOR, 3>(operands, output) },
        }
    }
}

/// A loop that is compiled for every set of vector instructions.
pub trait Loop {
    type Output;

    /// Runs it. Implementations are marked `inline(always)`, or the marks of their callers are lost on them.
    fn run(self) -> Self::Output;
}

/// Runs a loop, compiled for this processor's vectors.
pub fn vectorized<L: Loop>(work: L) -> L::Output {
    match Instructions::detect() {
        // SAFETY: only `detect` makes this value, after the processor was found to have AVX-512F.
        Some(Instructions(Set::Avx512)) => unsafe { with_avx512(work) },
        // SAFETY: only `detect` makes this value, after the processor was found to have AVX2 and FMA.
        Some(Instructions(Set::Avx2)) => unsafe { with_avx2(work) },
        None => work.run(),
    }
}

#[target_feature(enable = "avx512f")]
fn with_avx512<L: Loop>(work: L) -> L::Output {
    work.run()
}

#[target_feature(enable = "avx2,fma")]
fn with_avx2<L: Loop>(work: L) -> L::Output {
    work.run()
}

macro_rules! microkernel {
    (
        $name:ident, $features:literal, $lanes:literal lanes,
        $zero:ident, $load:ident, $splat:ident, $multiply_add:ident, $add:ident, $store:ident
    ) => {
        #[target_feature(enable = $features)]
        fn $name<
            const VECTORS: usize,
            const STRIDE: usize,
            const BY_VECTOR: bool,
            const PIXELS: usize,
        >(
            operands: Operands,
            output: &mut [f32],
        ) {
            let output = &mut output[..PIXELS * VECTORS * $lanes];
            if operands.offsets.is_empty() {
                output.fill(0.0);
            }
            let taps = operands.offsets.len();
            let in_order = || Ahead::in_order(operands.weights, VECTORS * $lanes);
            let ahead = operands.ahead.unwrap_or_else(in_order);
            for first in (0..taps).step_by(RUN) {
                let mut sums = [[$zero(); VECTORS]; PIXELS];
                let offsets = &operands.offsets[first..taps.min(first + RUN)];
                let weights = &operands.weights[first * VECTORS * $lanes..];
                for tap in 0..offsets.len() {
                    let offset = offsets[tap] as usize;
                    let pixels = &operands.input[offset..][..(PIXELS - 1) * STRIDE + 1];
                    let filters = &weights[tap * VECTORS * $lanes..][..VECTORS * $lanes];
                    each!(vector < VECTORS, {
                        ahead.fetch(first + tap, vector * $lanes);
                    });
                    // In most layers the same pixels, in the next block of channels.
                    if let Some(&next) = offsets.get(tap + LANES)
                        && tap % LANES < PIXELS
                    {
                        fetch(operands.input, next as usize + tap % LANES * STRIDE);
                    }
                    let mut vectors = [$zero(); VECTORS];
                    each!(vector < VECTORS, {
                        let lanes = &filters[vector * $lanes..][..$lanes];
                        // SAFETY: `lanes` holds as many numbers as the vector.
                        vectors[vector] = unsafe { $load(lanes.as_ptr()) };
                    });
                    each!(pixel < PIXELS, {
                        let value = $splat(pixels[pixel * STRIDE]);
                        each!(vector < VECTORS, {
                            sums[pixel][vector] =
                                $multiply_add(vectors[vector], value, sums[pixel][vector]);
                        });
                    });
                }
                each!(pixel < PIXELS, {
                    each!(vector < VECTORS, {
                        let number = if BY_VECTOR {
                            vector * PIXELS + pixel
                        } else {
                            pixel * VECTORS + vector
                        };
                        // SAFETY: `number` is below PIXELS · VECTORS, and `output` has room for as
                        // many vectors.
                        unsafe {
                            let place = output.as_mut_ptr().add(number * $lanes);
                            // Most pointwise convolutions have one run only.
                            if first > 0 {
                                sums[pixel][vector] = $add($load(place), sums[pixel][vector]);
                            }
                            $store(place, sums[pixel][vector]);
                        }
                    });
                });
            }
        }
    };
}

microkernel!(
    avx512, "avx512f", 16 lanes,
    _mm512_setzero_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_add_ps, _mm512_storeu_ps
);

microkernel!(
    avx2, "avx2,fma", 8 lanes,
    _mm256_setzero_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_add_ps, _mm256_storeu_ps
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_adds_up_all_taps() {
        const TAPS: usize = 600;
        for set in Instructions::all() {
            for (vectors, stride) in [(1, 1), (1, 2), (2, 1), (2, 2), (2, 4)] {
                let (lanes, pixels) = (vectors * set.lanes(), set.pixels());
                let weights: Vec<f32> = (0..TAPS * lanes).map(|n| (n % 7) as f32 - 3.0).collect();
                let input: Vec<f32> = (0..1000).map(|n| (n % 11) as f32 - 4.0).collect();
                let offsets: Vec<u32> = (0..TAPS as u32).map(|tap| tap % 13).collect();
                let mut output = [0.0; MOST_OUTPUTS];
                let operands =
                    Operands { weights: &weights, input: &input, offsets: &offsets, ahead: None };
                set.run(vectors, stride, operands, &mut output);
                for pixel in 0..pixels {
                    for lane in 0..lanes {
                        let product = |tap: usize| {
                            weights[tap * lanes + lane]
                                * input[offsets[tap] as usize + pixel * stride]
                        };
                        let expected: f32 = (0..TAPS).map(product).sum();
                        assert_eq!(
                            output[pixel * lanes + lane],
                            expected,
                            "{set:?} {vectors} {stride}"
                        );
                    }
                }
            }
        }
    }
}
