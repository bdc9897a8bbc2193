//! The innermost loop of a transposed product whose weights depend on the sign of the value that they meet.
//!
//! A rule that favours positive contributions takes `w⁺` where an input is positive and `w⁻` where it is
//! negative. Two products, of `x⁺` with one and of `x⁻` with the other, would compute both for every
//! value and drop one. Here every lane chooses its weight: a choice and a multiply-add take 1.3 cycles,
//! two multiply-adds take two. Both weights are packed, because to make them of one takes two instructions a
//! tap, beside fourteen or so.

use std::arch::x86_64::*;

use super::{Instructions, LANES, Operands, RUN, Set};

/// Values at the outputs of a product, and what those below zero choose.
#[derive(Clone, Copy)]
pub struct BySign<'a> {
    /// `[pixels, 16]`.
    pub values: &'a [f32],
    /// What values below zero take in the place of the weights of the operands.
    pub weights_below: &'a [f32],
}

impl Instructions {
    /// Neighbouring pixels that [`Instructions::run_by_sign`] computes together.
    pub fn pixels_by_sign(self) -> usize {
        match self.0 {
            Set::Avx512 => 7,
            Set::Avx2 => 6,
        }
    }

    /// Writes `[pixels, 16]` sums to `output`: each filter at each pixel with the weights that the sign
    /// of its value chooses. Weights are `[taps, 16]`; pixels lie sixteen numbers from each other.
    pub fn run_by_sign(self, operands: Operands, by_sign: BySign, output: &mut [f32]) {
        match self.0 {
            // SAFETY: only `detect` makes this value, after the processor was found to have AVX-512F.
            Set::Avx512 => unsafe { avx512(operands, by_sign, output) },
            // SAFETY: only `detect` makes this value, after the processor was found to have AVX2 and FMA.
            Set::Avx2 => unsafe { avx2(operands, by_sign, output) },
        }
    }
}

/// Which lanes of a vector are below zero.
#[target_feature(enable = "avx512f")]
fn negative_avx512(values: __m512) -> __mmask16 {
    _mm512_cmp_ps_mask::<_CMP_LT_OQ>(values, _mm512_setzero_ps())
}

/// The second choice where the lanes are negative.
#[target_feature(enable = "avx512f")]
fn choose_avx512(negative: __mmask16, first: __m512, second: __m512) -> __m512 {
    _mm512_mask_blend_ps(negative, first, second)
}

/// Which lanes of a vector have the sign: in a number of their own sign.
#[target_feature(enable = "avx2,fma")]
fn negative_avx2(values: __m256) -> __m256 {
    values
}

/// The second choice where the lanes are negative.
#[target_feature(enable = "avx2,fma")]
fn choose_avx2(negative: __m256, first: __m256, second: __m256) -> __m256 {
    _mm256_blendv_ps(first, second, negative)
}

macro_rules! microkernel {
    (
        $name:ident, $features:literal, $lanes:literal lanes, $pixels:literal pixels,
        $zero:ident, $load:ident, $splat:ident, $multiply_add:ident, $add:ident, $store:ident,
        $negative:ident, $choose:ident
    ) => {
        #[target_feature(enable = $features)]
        fn $name(operands: Operands, by_sign: BySign, output: &mut [f32]) {
            const PIXELS: usize = $pixels;
            let output = &mut output[..PIXELS * LANES];
            let values = &by_sign.values[..PIXELS * LANES];
            let taps = operands.offsets.len();
            for half in (0..LANES).step_by($lanes) {
                let mut is_negative = [$negative($zero()); PIXELS];
                each!(pixel < PIXELS, {
                    let values = &values[pixel * LANES + half..][..$lanes];
                    // SAFETY: `values` holds as many numbers as the vector.
                    let values = unsafe { $load(values.as_ptr()) };
                    is_negative[pixel] = $negative(values);
                });
                for first in (0..taps.max(1)).step_by(RUN) {
                    let mut sums = [$zero(); PIXELS];
                    let offsets = &operands.offsets[first..taps.min(first + RUN)];
                    for tap in 0..offsets.len() {
                        let offset = offsets[tap] as usize;
                        let pixels = &operands.input[offset..][..(PIXELS - 1) * LANES + 1];
                        let lanes = (first + tap) * LANES + half;
                        let weights = &operands.weights[lanes..][..$lanes];
                        let weights_below = &by_sign.weights_below[lanes..][..$lanes];
                        // SAFETY: both hold as many numbers as the vector.
                        let (weights, weights_below) =
                            unsafe { ($load(weights.as_ptr()), $load(weights_below.as_ptr())) };
                        each!(pixel < PIXELS, {
                            let weights = $choose(is_negative[pixel], weights, weights_below);
                            let value = $splat(pixels[pixel * LANES]);
                            sums[pixel] = $multiply_add(weights, value, sums[pixel]);
                        });
                    }
                    each!(pixel < PIXELS, {
                        let place = &mut output[pixel * LANES + half..][..$lanes];
                        // SAFETY: `place` has room for the vector.
                        unsafe {
                            if first > 0 {
                                sums[pixel] = $add($load(place.as_ptr()), sums[pixel]);
                            }
                            $store(place.as_mut_ptr(), sums[pixel]);
                        }
                    });
                }
            }
        }
    };
}

microkernel!(
    avx512, "avx512f", 16 lanes, 7 pixels,
    _mm512_setzero_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_add_ps, _mm512_storeu_ps,
    negative_avx512, choose_avx512
);

microkernel!(
    avx2, "avx2,fma", 8 lanes, 6 pixels,
    _mm256_setzero_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_add_ps, _mm256_storeu_ps,
    negative_avx2, choose_avx2
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_chooses_its_weights() {
        const TAPS: usize = 300;
        for set in Instructions::all() {
            let pixels = set.pixels_by_sign();
            let weights: Vec<f32> = (0..TAPS * LANES).map(|n| (n % 7) as f32 - 3.0).collect();
            let below: Vec<f32> = (0..TAPS * LANES).map(|n| (n % 9) as f32 - 5.0).collect();
            let input: Vec<f32> = (0..1000).map(|n| (n % 11) as f32 - 4.0).collect();
            let values: Vec<f32> = (0..pixels * LANES).map(|n| (n % 5) as f32 - 2.5).collect();
            let offsets: Vec<u32> = (0..TAPS as u32).map(|tap| tap % 13).collect();
            let operands =
                Operands { weights: &weights, input: &input, offsets: &offsets, ahead: None };
            let by_sign = BySign { values: &values, weights_below: &below };
            let mut output = [f32::NAN; 7 * LANES];
            set.run_by_sign(operands, by_sign, &mut output);
            for (place, &sum) in output[..pixels * LANES].iter().enumerate() {
                let (pixel, lane) = (place / LANES, place % LANES);
                let chosen = if values[place] < 0.0 { &below } else { &weights };
                let product = |tap: usize| {
                    chosen[tap * LANES + lane] * input[offsets[tap] as usize + pixel * LANES]
                };
                let expected: f32 = (0..TAPS).map(product).sum();
                assert_eq!(sum, expected, "{set:?} {place}");
            }
        }
    }
}
