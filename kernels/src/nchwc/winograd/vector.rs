//! Vectors of either instruction set, for loops that are written once and compiled for each of them.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use crate::microkernel::Instructions;

/// Proof that the processor has a set of vector instructions, and those of them that are needed here.
pub(super) trait Simd: Copy {
    type Vector: Copy;
    /// Numbers of a vector.
    const LANES: usize;

    fn splat(self, number: f32) -> Self::Vector;
    fn load(self, numbers: &[f32]) -> Self::Vector;
    fn store(self, vector: Self::Vector, numbers: &mut [f32]);
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a · b + c`, rounded once.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `c - a · b`, rounded once.
    fn sub_mul(self, c: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Half as many numbers as in a vector, in double precision.
    type Doubles: Copy;
    fn splat_double(self, number: f64) -> Self::Doubles;
    fn load_doubles(self, numbers: &[f32]) -> Self::Doubles;
    /// Rounds them.
    fn store_doubles(self, doubles: Self::Doubles, numbers: &mut [f32]);
    fn add_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    fn sub_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    fn mul_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
}

/// A loop over vectors.
pub(super) trait Loop {
    /// Runs it. Implementations and what they call are marked `inline(always)`, or they would be
    /// compiled without the instructions of their caller.
    fn run<S: Simd>(self, simd: S);
}

/// Runs a loop with the vectors of an instruction set.
pub(super) fn vectorized(instructions: Instructions, work: impl Loop) {
    if instructions.lanes() == Avx512::LANES {
        // SAFETY: the processor was found to have this set, and only AVX-512F has vectors of sixteen numbers.
        unsafe { with_avx512(work) }
    } else {
        // SAFETY: the processor was found to have this set, and the other one is AVX2 with FMA.
        unsafe { with_avx2(work) }
    }
}

#[target_feature(enable = "avx512f")]
fn with_avx512(work: impl Loop) {
    work.run(Avx512(()));
}

#[target_feature(enable = "avx2,fma")]
fn with_avx2(work: impl Loop) {
    work.run(Avx2(()));
}

macro_rules! simd {
    (
        $name:ident, $doc:literal, $vector:ident, $lanes:literal lanes,
        $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $mul_add:ident, $sub_mul:ident,
        $doubles:ident, $splat_double:ident, $load_half:ident, $widen:ident, $narrow:ident, $store_half:ident,
        $add_doubles:ident, $sub_doubles:ident, $mul_doubles:ident
    ) => {
        #[doc = $doc]
        #[derive(Clone, Copy)]
        struct $name(());

        impl Simd for $name {
            type Vector = $vector;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(self, number: f32) -> $vector {
                // SAFETY: the value proves that the processor has the instruction.
                unsafe { $splat(number) }
            }

            #[inline(always)]
            fn load(self, numbers: &[f32]) -> $vector {
                let numbers = &numbers[..$lanes];
                // SAFETY: the value proves that the processor has the instruction, and there are
                // as many numbers as in the vector.
                unsafe { $load(numbers.as_ptr()) }
            }

            #[inline(always)]
            fn store(self, vector: $vector, numbers: &mut [f32]) {
                let numbers = &mut numbers[..$lanes];
                // SAFETY: the value proves that the processor has the instruction, and there is
                // room for as many numbers as in the vector.
                unsafe { $store(numbers.as_mut_ptr(), vector) }
            }

            #[inline(always)]
            fn add(self, a: $vector, b: $vector) -> $vector {
                // SAFETY: the value proves that the processor has the instruction.
                unsafe { $add(a, b) }
            }

            #[inline(always)]
            fn sub(self, a: $vector, b: $vector) -> $vector {
                // SAFETY: the value proves that the processor has the instruction.
                unsafe { $sub(a, b) }
            }

            #[inline(always)]
            fn mul(self, a: $vector, b: $vector) -> $vector {
                // SAFETY: the value proves that the processor has the instruction.
                unsafe { $mul(a, b) }
            }

            #[inline(always)]
            fn mul_add(self, a: $vector, b: $vector, c: $vector) -> $vector {
                // SAFETY: the value proves that the processor has the instruction.
                unsafe { $mul_add(a, b, c) }
            }

            #[inline(always)]
            fn sub_mul(self, c: $vector, a: $vector, b: $vector) -> $vector {
                // SAFETY: the value proves that the processor has the instruction.
                unsafe { $sub_mul(a, b, c) }
            }

            type Doubles = $doubles;

            #[inline(always)]
            fn splat_double(self, number: f64) -> $doubles {
                // SAFETY: the value proves that the processor has the instruction.
                unsafe { $splat_double(number) }
            }

            #[inline(always)]
            fn load_doubles(self, numbers: &[f32]) -> $doubles {
                let numbers = &numbers[..$lanes / 2];
                // SAFETY: the value proves that the processor has the instructions, and there are
                // as many numbers as in half a vector.
                unsafe { $widen($load_half(numbers.as_ptr())) }
            }

            #[inline(always)]
            fn store_doubles(self, doubles: $doubles, numbers: &mut [f32]) {
                let numbers = &mut numbers[..$lanes / 2];
                // SAFETY: the value proves that the processor has the instructions, and there is
                // room for as many numbers as in half a vector.
                unsafe { $store_half(numbers.as_mut_ptr(), $narrow(doubles)) }
            }

            #[inline(always)]
            fn add_doubles(self, a: $doubles, b: $doubles) -> $doubles {
                // SAFETY: the value proves that the processor has the instruction.
                unsafe { $add_doubles(a, b) }
            }

            #[inline(always)]
            fn sub_doubles(self, a: $doubles, b: $doubles) -> $doubles {
                // SAFETY: the value proves that the processor has the instruction.
                unsafe { $sub_doubles(a, b) }
            }

            #[inline(always)]
            fn mul_doubles(self, a: $doubles, b: $doubles) -> $doubles {
                // SAFETY: the value proves that the processor has the instruction.
                unsafe { $mul_doubles(a, b) }
            }
        }
    };
}

simd!(
    Avx512, "AVX-512F.", __m512, 16 lanes,
    _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps,
    _mm512_add_ps, _mm512_sub_ps, _mm512_mul_ps, _mm512_fmadd_ps, _mm512_fnmadd_ps,
    __m512d, _mm512_set1_pd, _mm256_loadu_ps, _mm512_cvtps_pd, _mm512_cvtpd_ps, _mm256_storeu_ps,
    _mm512_add_pd, _mm512_sub_pd, _mm512_mul_pd
);

simd!(
    Avx2, "AVX2 with FMA.", __m256, 8 lanes,
    _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps,
    _mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps, _mm256_fmadd_ps, _mm256_fnmadd_ps,
    __m256d, _mm256_set1_pd, _mm_loadu_ps, _mm256_cvtps_pd, _mm256_cvtpd_ps, _mm_storeu_ps,
    _mm256_add_pd, _mm256_sub_pd, _mm256_mul_pd
);
