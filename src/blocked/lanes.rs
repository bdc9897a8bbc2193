//! Arithmetic with sixteen channels at once, in the registers of this processor.
//!
//! The compiler makes vectors of loops over sixteen numbers, but not reliably where many sums are to
//! stay in registers; there, the loop is written over [`Lanes`] instead, for every set of
//! instructions alike.

#![allow(unsafe_code)]

use super::LANES;
use crate::microkernel::Instructions;

/// Sixteen channels of a pixel, or a weight of each of their filters.
pub(super) type Sixteen = [f32; LANES];

/// A set of instructions that this processor has: whoever holds the value may use them.
pub(super) trait Lanes: Copy {
    /// Sixteen numbers in registers.
    type Vector: Copy;

    /// Sixteen times the same number.
    fn splat(self, number: f32) -> Self::Vector;

    fn load(self, numbers: &Sixteen) -> Self::Vector;

    fn store(self, vector: Self::Vector, numbers: &mut Sixteen);

    /// `a · b + c`, rounded once.
    fn multiply_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// The first of `choices` where `a > b`, which no number is that is none; else the second one.
    fn where_greater(
        self,
        a: Self::Vector,
        b: Self::Vector,
        choices: [Self::Vector; 2],
    ) -> Self::Vector;
}

/// A loop over vectors of sixteen numbers.
pub(super) trait LanesLoop {
    /// Runs it. Implementations are marked `inline(always)`, or the marks of their callers are lost on them.
    fn run(self, lanes: impl Lanes);
}

/// Runs a loop with the best instructions of this processor.
pub(super) fn with_lanes(work: impl LanesLoop) {
    match Instructions::detect().map(Instructions::lanes) {
        // SAFETY: vectors of sixteen numbers were found, which are those of AVX-512F.
        #[cfg(target_arch = "x86_64")]
        Some(16) => unsafe { x86::with_avx512(work) },
        // SAFETY: vectors of eight numbers were found, which are those of AVX2 with FMA.
        #[cfg(target_arch = "x86_64")]
        Some(_) => unsafe { x86::with_avx2(work) },
        _ => work.run(Plain),
    }
}

/// No instructions but those that every processor has.
#[derive(Clone, Copy)]
struct Plain;

impl Lanes for Plain {
    type Vector = Sixteen;

    #[inline(always)]
    fn splat(self, number: f32) -> Sixteen {
        [number; LANES]
    }

    #[inline(always)]
    fn load(self, numbers: &Sixteen) -> Sixteen {
        *numbers
    }

    #[inline(always)]
    fn store(self, vector: Sixteen, numbers: &mut Sixteen) {
        *numbers = vector;
    }

    #[inline(always)]
    fn multiply_add(self, a: Sixteen, b: Sixteen, c: Sixteen) -> Sixteen {
        std::array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
    }

    #[inline(always)]
    fn add(self, a: Sixteen, b: Sixteen) -> Sixteen {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    fn where_greater(self, a: Sixteen, b: Sixteen, choices: [Sixteen; 2]) -> Sixteen {
        std::array::from_fn(
            |lane| if a[lane] > b[lane] { choices[0][lane] } else { choices[1][lane] },
        )
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{LANES, Lanes, LanesLoop, Sixteen};

    /// Numbers of half a vector.
    const HALF: usize = LANES / 2;

    /// AVX-512F. Only [`with_avx512`] makes the value.
    #[derive(Clone, Copy)]
    struct Avx512(());

    /// AVX2 and FMA. Only [`with_avx2`] makes the value.
    #[derive(Clone, Copy)]
    struct Avx2(());

    #[target_feature(enable = "avx512f")]
    pub(super) fn with_avx512(work: impl LanesLoop) {
        work.run(Avx512(()));
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn with_avx2(work: impl LanesLoop) {
        work.run(Avx2(()));
    }

    // SAFETY of all that follows: `self` proves that the processor has the instructions, and sixteen
    // numbers are as many as are read or written.

    impl Lanes for Avx512 {
        type Vector = __m512;

        #[inline(always)]
        fn splat(self, number: f32) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_set1_ps(number) }
        }

        #[inline(always)]
        fn load(self, numbers: &Sixteen) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_loadu_ps(numbers.as_ptr()) }
        }

        #[inline(always)]
        fn store(self, vector: __m512, numbers: &mut Sixteen) {
            // SAFETY: see above.
            unsafe { _mm512_storeu_ps(numbers.as_mut_ptr(), vector) }
        }

        #[inline(always)]
        fn multiply_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }

        #[inline(always)]
        fn add(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_add_ps(a, b) }
        }

        #[inline(always)]
        fn where_greater(self, a: __m512, b: __m512, [then, other]: [__m512; 2]) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), other, then) }
        }
    }

    impl Lanes for Avx2 {
        type Vector = [__m256; 2];

        #[inline(always)]
        fn splat(self, number: f32) -> [__m256; 2] {
            // SAFETY: see above.
            unsafe { [_mm256_set1_ps(number); 2] }
        }

        #[inline(always)]
        fn load(self, numbers: &Sixteen) -> [__m256; 2] {
            let numbers = numbers.as_ptr();
            // SAFETY: see above.
            unsafe { [_mm256_loadu_ps(numbers), _mm256_loadu_ps(numbers.add(HALF))] }
        }

        #[inline(always)]
        fn store(self, [low, high]: [__m256; 2], numbers: &mut Sixteen) {
            let numbers = numbers.as_mut_ptr();
            // SAFETY: see above.
            unsafe {
                _mm256_storeu_ps(numbers, low);
                _mm256_storeu_ps(numbers.add(HALF), high);
            }
        }

        #[inline(always)]
        fn multiply_add(self, a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
            // SAFETY: see above.
            unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
        }

        #[inline(always)]
        fn add(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            // SAFETY: see above.
            unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
        }

        #[inline(always)]
        fn where_greater(
            self,
            a: [__m256; 2],
            b: [__m256; 2],
            [then, other]: [[__m256; 2]; 2],
        ) -> [__m256; 2] {
            // SAFETY: see above.
            unsafe {
                let low = _mm256_cmp_ps::<_CMP_GT_OQ>(a[0], b[0]);
                let high = _mm256_cmp_ps::<_CMP_GT_OQ>(a[1], b[1]);
                [
                    _mm256_blendv_ps(other[0], then[0], low),
                    _mm256_blendv_ps(other[1], then[1], high),
                ]
            }
        }
    }
}
