//! AVX2 with FMA: two registers of eight floats.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use super::{F32x16, LANES, SQUARE, Simd, SimdLoop};

/// Floats of a register.
const HALF: usize = LANES / 2;

/// AVX2 and FMA. Only `Avx2::detect` makes the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// The value, if this processor has AVX2 and FMA.
    pub(super) fn detect() -> Option<Avx2> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Avx2(()))
    }
}

#[target_feature(enable = "avx2,fma")]
fn with_avx2<L: SimdLoop>(simd: Avx2, work: L) -> L::Output {
    work.run(simd)
}

// SAFETY of all intrinsics below: `self` proves that the processor has the instructions, and every load and store
// touches exactly as many floats as the array that it is given.

/// Operations that are an instruction of AVX2 or FMA on both registers.
macro_rules! both {
    ($($name:ident($($operand:ident),*) = $intrinsic:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, $($operand: [__m256; 2]),*) -> [__m256; 2] {
            // SAFETY: see above.
            unsafe { [$intrinsic($($operand[0]),*), $intrinsic($($operand[1]),*)] }
        }
    )*};
}

impl Simd for Avx2 {
    type Vector = [__m256; 2];
    type Mask = [__m256; 2];
    type Doubles = [__m256d; 2];

    #[inline]
    fn run<L: SimdLoop>(self, work: L) -> L::Output {
        // SAFETY: see above.
        unsafe { with_avx2(self, work) }
    }

    #[inline(always)]
    fn splat(self, number: f32) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_set1_ps(number); 2] }
    }

    #[inline(always)]
    fn load(self, numbers: &F32x16) -> [__m256; 2] {
        let from = numbers.as_ptr();
        // SAFETY: see above.
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(HALF))] }
    }

    #[inline(always)]
    fn write(self, [low, high]: [__m256; 2], slots: &mut [MaybeUninit<f32>; LANES]) {
        let to = slots.as_mut_ptr().cast::<f32>();
        // SAFETY: see above.
        unsafe {
            _mm256_storeu_ps(to, low);
            _mm256_storeu_ps(to.add(HALF), high);
        }
    }

    both! {
        add(a, b) = _mm256_add_ps;
        subtract(a, b) = _mm256_sub_ps;
        multiply(a, b) = _mm256_mul_ps;
        divide(a, b) = _mm256_div_ps;
        larger(a, b) = _mm256_max_ps;
        smaller(a, b) = _mm256_min_ps;
        multiply_add(a, b, c) = _mm256_fmadd_ps;
    }

    #[inline(always)]
    fn subtract_product(self, c: [__m256; 2], a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_fnmadd_ps(a[0], b[0], c[0]), _mm256_fnmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    fn absolute(self, [low, high]: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            [_mm256_andnot_ps(sign, low), _mm256_andnot_ps(sign, high)]
        }
    }

    #[inline(always)]
    fn greater(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe {
            [_mm256_cmp_ps::<_CMP_GT_OQ>(a[0], b[0]), _mm256_cmp_ps::<_CMP_GT_OQ>(a[1], b[1])]
        }
    }

    #[inline(always)]
    fn equal(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe {
            [_mm256_cmp_ps::<_CMP_EQ_OQ>(a[0], b[0]), _mm256_cmp_ps::<_CMP_EQ_OQ>(a[1], b[1])]
        }
    }

    #[inline(always)]
    fn select(self, mask: [__m256; 2], [then, other]: [[__m256; 2]; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe {
            [
                _mm256_blendv_ps(other[0], then[0], mask[0]),
                _mm256_blendv_ps(other[1], then[1], mask[1]),
            ]
        }
    }

    #[inline(always)]
    fn splat_doubles(self, number: f64) -> [__m256d; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_set1_pd(number); 2] }
    }

    #[inline(always)]
    fn load_doubles(self, numbers: &[f32; HALF]) -> [__m256d; 2] {
        let from = numbers.as_ptr();
        // SAFETY: see above.
        unsafe {
            [_mm256_cvtps_pd(_mm_loadu_ps(from)), _mm256_cvtps_pd(_mm_loadu_ps(from.add(HALF / 2)))]
        }
    }

    #[inline(always)]
    fn store_doubles(self, [low, high]: [__m256d; 2], numbers: &mut [f32; HALF]) {
        let to = numbers.as_mut_ptr();
        // SAFETY: see above.
        unsafe {
            _mm_storeu_ps(to, _mm256_cvtpd_ps(low));
            _mm_storeu_ps(to.add(HALF / 2), _mm256_cvtpd_ps(high));
        }
    }

    #[inline(always)]
    fn add_doubles(self, a: [__m256d; 2], b: [__m256d; 2]) -> [__m256d; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_add_pd(a[0], b[0]), _mm256_add_pd(a[1], b[1])] }
    }

    #[inline(always)]
    fn subtract_doubles(self, a: [__m256d; 2], b: [__m256d; 2]) -> [__m256d; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_sub_pd(a[0], b[0]), _mm256_sub_pd(a[1], b[1])] }
    }

    #[inline(always)]
    fn multiply_doubles(self, a: [__m256d; 2], b: [__m256d; 2]) -> [__m256d; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_mul_pd(a[0], b[0]), _mm256_mul_pd(a[1], b[1])] }
    }

    #[inline(always)]
    fn transpose(
        self,
        (from, stride): (&[f32], usize),
        bias: Option<&[f32; SQUARE]>,
        to: &mut [f32],
        places: [Option<usize>; SQUARE],
    ) {
        let load = |row: usize| &from[row * stride..][..SQUARE];
        let rows = [load(0), load(1), load(2), load(3), load(4), load(5), load(6), load(7)];
        // SAFETY: see above; every row holds as many floats as a register.
        let mut rows = unsafe {
            [
                _mm256_loadu_ps(rows[0].as_ptr()),
                _mm256_loadu_ps(rows[1].as_ptr()),
                _mm256_loadu_ps(rows[2].as_ptr()),
                _mm256_loadu_ps(rows[3].as_ptr()),
                _mm256_loadu_ps(rows[4].as_ptr()),
                _mm256_loadu_ps(rows[5].as_ptr()),
                _mm256_loadu_ps(rows[6].as_ptr()),
                _mm256_loadu_ps(rows[7].as_ptr()),
            ]
        };
        if let Some(bias) = bias {
            // SAFETY: see above.
            unsafe {
                let bias = _mm256_loadu_ps(bias.as_ptr());
                rows = [
                    _mm256_add_ps(rows[0], bias),
                    _mm256_add_ps(rows[1], bias),
                    _mm256_add_ps(rows[2], bias),
                    _mm256_add_ps(rows[3], bias),
                    _mm256_add_ps(rows[4], bias),
                    _mm256_add_ps(rows[5], bias),
                    _mm256_add_ps(rows[6], bias),
                    _mm256_add_ps(rows[7], bias),
                ];
            }
        }
        // SAFETY: see above.
        let columns = unsafe { transposed(rows) };
        for (column, place) in columns.into_iter().zip(places) {
            if let Some(place) = place {
                let place = &mut to[place..][..SQUARE];
                // SAFETY: `place` has room for as many floats as a register.
                unsafe { _mm256_storeu_ps(place.as_mut_ptr(), column) };
            }
        }
    }
}

/// Rows become columns: first within pairs, then within fours, then within eights.
#[target_feature(enable = "avx2")]
#[inline]
fn transposed([a, b, c, d, e, f, g, h]: [__m256; SQUARE]) -> [__m256; SQUARE] {
    let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
    let (ef, gh) = (_mm256_unpacklo_ps(e, f), _mm256_unpacklo_ps(g, h));
    let (ab_high, cd_high) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
    let (ef_high, gh_high) = (_mm256_unpackhi_ps(e, f), _mm256_unpackhi_ps(g, h));
    // Low and high pairs of two registers.
    const LOW: i32 = 0b01_00_01_00;
    const HIGH: i32 = 0b11_10_11_10;
    let (a, e) = (_mm256_shuffle_ps::<LOW>(ab, cd), _mm256_shuffle_ps::<LOW>(ef, gh));
    let (b, f) = (_mm256_shuffle_ps::<HIGH>(ab, cd), _mm256_shuffle_ps::<HIGH>(ef, gh));
    let (c, g) =
        (_mm256_shuffle_ps::<LOW>(ab_high, cd_high), _mm256_shuffle_ps::<LOW>(ef_high, gh_high));
    let (d, h) =
        (_mm256_shuffle_ps::<HIGH>(ab_high, cd_high), _mm256_shuffle_ps::<HIGH>(ef_high, gh_high));
    // Low and high halves of two registers.
    const LOWER: i32 = 0x20;
    const UPPER: i32 = 0x31;
    [
        _mm256_permute2f128_ps::<LOWER>(a, e),
        _mm256_permute2f128_ps::<LOWER>(b, f),
        _mm256_permute2f128_ps::<LOWER>(c, g),
        _mm256_permute2f128_ps::<LOWER>(d, h),
        _mm256_permute2f128_ps::<UPPER>(a, e),
        _mm256_permute2f128_ps::<UPPER>(b, f),
        _mm256_permute2f128_ps::<UPPER>(c, g),
        _mm256_permute2f128_ps::<UPPER>(d, h),
    ]
}
