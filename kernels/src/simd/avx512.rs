//! AVX-512F: one register of sixteen floats.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use super::{Avx2, F32x16, LANES, SQUARE, Simd, SimdLoop};

/// Floats of a register of AVX2.
const HALF: usize = LANES / 2;

/// AVX-512F, and AVX2 with FMA beside it. Only `Avx512::detect` makes the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512(Avx2);

impl Avx512 {
    /// The value, if this processor has AVX-512F, and AVX2 with FMA beside it.
    pub(super) fn detect() -> Option<Avx512> {
        let smaller = Avx2::detect()?;
        is_x86_feature_detected!("avx512f").then_some(Avx512(smaller))
    }
}

#[target_feature(enable = "avx512f,avx2,fma")]
fn with_avx512<L: SimdLoop>(simd: Avx512, work: L) -> L::Output {
    work.run(simd)
}

// SAFETY of all intrinsics below: `self` proves that the processor has the instructions, and every load and store
// touches exactly as many floats as the array that it is given.

/// Operations that are one instruction of AVX-512F.
macro_rules! one {
    ($($name:ident($($operand:ident),*) = $intrinsic:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, $($operand: __m512),*) -> __m512 {
            // SAFETY: see above.
            unsafe { $intrinsic($($operand),*) }
        }
    )*};
}

impl Simd for Avx512 {
    type Vector = __m512;
    type Mask = __mmask16;
    type Doubles = __m512d;

    #[inline]
    fn run<L: SimdLoop>(self, work: L) -> L::Output {
        // SAFETY: see above.
        unsafe { with_avx512(self, work) }
    }

    #[inline(always)]
    fn splat(self, number: f32) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_set1_ps(number) }
    }

    #[inline(always)]
    fn load(self, numbers: &F32x16) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_loadu_ps(numbers.as_ptr()) }
    }

    #[inline(always)]
    fn write(self, vector: __m512, slots: &mut [MaybeUninit<f32>; LANES]) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_ps(slots.as_mut_ptr().cast(), vector) }
    }

    one! {
        add(a, b) = _mm512_add_ps;
        subtract(a, b) = _mm512_sub_ps;
        multiply(a, b) = _mm512_mul_ps;
        divide(a, b) = _mm512_div_ps;
        larger(a, b) = _mm512_max_ps;
        smaller(a, b) = _mm512_min_ps;
        multiply_add(a, b, c) = _mm512_fmadd_ps;
        absolute(a) = _mm512_abs_ps;
    }

    #[inline(always)]
    fn subtract_product(self, c: __m512, a: __m512, b: __m512) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn greater(self, a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: see above.
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b) }
    }

    #[inline(always)]
    fn equal(self, a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: see above.
        unsafe { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b) }
    }

    #[inline(always)]
    fn select(self, mask: __mmask16, [then, other]: [__m512; 2]) -> __m512 {
        // SAFETY: see above.
        unsafe { _mm512_mask_blend_ps(mask, other, then) }
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

    #[inline(always)]
    fn splat_doubles(self, number: f64) -> __m512d {
        // SAFETY: see above.
        unsafe { _mm512_set1_pd(number) }
    }

    #[inline(always)]
    fn load_doubles(self, numbers: &[f32; HALF]) -> __m512d {
        // SAFETY: see above.
        unsafe { _mm512_cvtps_pd(_mm256_loadu_ps(numbers.as_ptr())) }
    }

    #[inline(always)]
    fn store_doubles(self, doubles: __m512d, numbers: &mut [f32; HALF]) {
        // SAFETY: see above.
        unsafe { _mm256_storeu_ps(numbers.as_mut_ptr(), _mm512_cvtpd_ps(doubles)) }
    }

    #[inline(always)]
    fn add_doubles(self, a: __m512d, b: __m512d) -> __m512d {
        // SAFETY: see above.
        unsafe { _mm512_add_pd(a, b) }
    }

    #[inline(always)]
    fn subtract_doubles(self, a: __m512d, b: __m512d) -> __m512d {
        // SAFETY: see above.
        unsafe { _mm512_sub_pd(a, b) }
    }

    #[inline(always)]
    fn multiply_doubles(self, a: __m512d, b: __m512d) -> __m512d {
        // SAFETY: see above.
        unsafe { _mm512_mul_pd(a, b) }
    }

    #[inline(always)]
    fn transpose(
        self,
        from: (&[f32], usize),
        bias: Option<&[f32; SQUARE]>,
        to: &mut [f32],
        places: [Option<usize>; SQUARE],
    ) {
        self.0.transpose(from, bias, to, places);
    }
}
