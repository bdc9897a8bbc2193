//! The registers of AVX-512 and AVX2.

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

/// Operations that are an instruction of AVX-512F.
macro_rules! instructions {
    ($($name:ident($($operand:ident),*) = $instruction:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, $($operand: __m512),*) -> __m512 {
            // SAFETY: see above.
            unsafe { $instruction($($operand),*) }
        }
    )*};
}

/// Operations that are an instruction of AVX2 or FMA, on both halves.
macro_rules! halves {
    ($($name:ident($($operand:ident),*) = $instruction:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, $($operand: [__m256; 2]),*) -> [__m256; 2] {
            // SAFETY: see above.
            unsafe { [$instruction($($operand[0]),*), $instruction($($operand[1]),*)] }
        }
    )*};
}

/// Choices by a comparison, with AVX-512F.
macro_rules! choices {
    ($($name:ident = $comparison:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, a: __m512, b: __m512, [then, other]: [__m512; 2]) -> __m512 {
            // SAFETY: see above.
            unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<$comparison>(a, b), other, then) }
        }
    )*};
}

/// Choices by a comparison, with AVX2, on both halves.
macro_rules! choices_of_halves {
    ($($name:ident = $comparison:ident;)*) => {$(
        #[inline(always)]
        fn $name(
            self,
            a: [__m256; 2],
            b: [__m256; 2],
            [then, other]: [[__m256; 2]; 2],
        ) -> [__m256; 2] {
            // SAFETY: see above.
            unsafe {
                let low = _mm256_cmp_ps::<$comparison>(a[0], b[0]);
                let high = _mm256_cmp_ps::<$comparison>(a[1], b[1]);
                [
                    _mm256_blendv_ps(other[0], then[0], low),
                    _mm256_blendv_ps(other[1], then[1], high),
                ]
            }
        }
    )*};
}

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

    instructions! {
        add(a, b) = _mm512_add_ps;
        subtract(a, b) = _mm512_sub_ps;
        multiply(a, b) = _mm512_mul_ps;
        divide(a, b) = _mm512_div_ps;
        multiply_add(a, b, c) = _mm512_fmadd_ps;
        absolute(a) = _mm512_abs_ps;
    }

    choices! {
        where_greater = _CMP_GT_OQ;
        where_equal = _CMP_EQ_OQ;
    }

    #[inline(always)]
    fn add_up(self, vector: __m512, sums: &mut [f64; LANES]) {
        let sums = sums.as_mut_ptr();
        // SAFETY: see above.
        unsafe {
            let high = _mm512_shuffle_f32x4::<0b1110>(vector, vector);
            let low = _mm512_cvtps_pd(_mm512_castps512_ps256(vector));
            let high = _mm512_cvtps_pd(_mm512_castps512_ps256(high));
            _mm512_storeu_pd(sums, _mm512_add_pd(_mm512_loadu_pd(sums), low));
            let sums = sums.add(HALF);
            _mm512_storeu_pd(sums, _mm512_add_pd(_mm512_loadu_pd(sums), high));
        }
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

    halves! {
        add(a, b) = _mm256_add_ps;
        subtract(a, b) = _mm256_sub_ps;
        multiply(a, b) = _mm256_mul_ps;
        divide(a, b) = _mm256_div_ps;
        multiply_add(a, b, c) = _mm256_fmadd_ps;
    }

    #[inline(always)]
    fn absolute(self, a: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { a.map(|half| _mm256_andnot_ps(_mm256_set1_ps(-0.0), half)) }
    }

    choices_of_halves! {
        where_greater = _CMP_GT_OQ;
        where_equal = _CMP_EQ_OQ;
    }
}
