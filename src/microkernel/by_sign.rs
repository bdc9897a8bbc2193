//! The innermost loop of a transposed product whose weights depend on the sign of the value that they meet.
//!
//! A rule that favours positive contributions takes `w⁺` where an input is positive and `w⁻` where it is
//! negative. Two products, of `x⁺` with one and of `x⁻` with the other, would compute both for every
//! value and drop one. Here every lane chooses its weight: a choice and a multiply-add take 1.3 cycles,
//! two multiply-adds take two.

use std::arch::x86_64::*;

use super::{Instructions, LANES, Operands, RUN, Set};

/// Values at the outputs of a product, and which contributions `w · value` count.
#[derive(Clone, Copy)]
pub(crate) struct BySign<'a> {
    /// `[pixels, 16]`.
    pub values: &'a [f32],
    /// Whether negative contributions are favoured in place of positive ones.
    pub favours_negative: bool,
    /// All contributions count, and those of the favoured sign this much more; `None`: only those count.
    pub favour: Option<f32>,
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
    /// of its value chooses. Weights are `[taps, filters]`, of which the first sixteen are taken; pixels
    /// lie sixteen numbers from each other.
    pub fn run_by_sign(
        self,
        filters: usize,
        operands: Operands,
        by_sign: BySign,
        output: &mut [f32],
    ) {
        match (self.0, by_sign.favour) {
            // SAFETY: only `detect` makes this value, after the processor was found to have AVX-512F.
            (Set::Avx512, None) => unsafe { avx512::<false>(filters, operands, by_sign, output) },
            // SAFETY: as before.
            (Set::Avx512, Some(_)) => unsafe { avx512::<true>(filters, operands, by_sign, output) },
            // SAFETY: only `detect` makes this value, after the processor was found to have AVX2 and FMA.
            (Set::Avx2, None) => unsafe { avx2::<false>(filters, operands, by_sign, output) },
            // SAFETY: as before.
            (Set::Avx2, Some(_)) => unsafe { avx2::<true>(filters, operands, by_sign, output) },
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
fn choose_avx512(negative: __mmask16, [positive_choice, negative_choice]: [__m512; 2]) -> __m512 {
    _mm512_mask_blend_ps(negative, positive_choice, negative_choice)
}

/// Which lanes of a vector have the sign: in a number of their own sign.
#[target_feature(enable = "avx2,fma")]
fn negative_avx2(values: __m256) -> __m256 {
    values
}

/// The second choice where the lanes are negative.
#[target_feature(enable = "avx2,fma")]
fn choose_avx2(negative: __m256, [positive_choice, negative_choice]: [__m256; 2]) -> __m256 {
    _mm256_blendv_ps(positive_choice, negative_choice, negative)
}

macro_rules! microkernel {
    (
        $name:ident, $features:literal, $lanes:literal lanes, $pixels:literal pixels,
        $zero:ident, $load:ident, $splat:ident, $multiply:ident, $multiply_add:ident, $add:ident,
        $min:ident, $max:ident, $store:ident, $negative:ident, $choose:ident
    ) => {
        #[target_feature(enable = $features)]
        fn $name<const FAVOURS: bool>(
            filters: usize,
            operands: Operands,
            by_sign: BySign,
            output: &mut [f32],
        ) {
            const PIXELS: usize = $pixels;
            let output = &mut output[..PIXELS * LANES];
            let values = &by_sign.values[..PIXELS * LANES];
            let favour = $splat(by_sign.favour.unwrap_or_default());
            let sign = $splat(if by_sign.favours_negative { -1.0 } else { 1.0 });
            let taps = operands.offsets.len();
            for half in (0..LANES).step_by($lanes) {
                let mut is_negative = [$negative($zero()); PIXELS];
                each!(pixel < PIXELS, {
                    let values = &values[pixel * LANES + half..][..$lanes];
                    // SAFETY: `values` holds as many numbers as the vector.
                    let values = unsafe { $load(values.as_ptr()) };
                    is_negative[pixel] = $negative($multiply(sign, values));
                });
                for first in (0..taps.max(1)).step_by(RUN) {
                    let mut sums = [$zero(); PIXELS];
                    let offsets = &operands.offsets[first..taps.min(first + RUN)];
                    for tap in 0..offsets.len() {
                        let offset = offsets[tap] as usize;
                        let pixels = &operands.input[offset..][..(PIXELS - 1) * LANES + 1];
                        let lanes = (first + tap) * filters + half;
                        let lanes = &operands.weights[lanes..][..$lanes];
                        // SAFETY: `lanes` holds as many numbers as the vector.
                        let weights = unsafe { $load(lanes.as_ptr()) };
                        let mut choices = [$max(weights, $zero()), $min(weights, $zero())];
                        if FAVOURS {
                            choices[0] = $multiply_add(favour, choices[0], weights);
                            choices[1] = $multiply_add(favour, choices[1], weights);
                        }
                        each!(pixel < PIXELS, {
                            let weights = $choose(is_negative[pixel], choices);
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
    _mm512_setzero_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_mul_ps, _mm512_fmadd_ps, _mm512_add_ps,
    _mm512_min_ps, _mm512_max_ps, _mm512_storeu_ps, negative_avx512, choose_avx512
);

microkernel!(
    avx2, "avx2,fma", 8 lanes, 6 pixels,
    _mm256_setzero_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_mul_ps, _mm256_fmadd_ps, _mm256_add_ps,
    _mm256_min_ps, _mm256_max_ps, _mm256_storeu_ps, negative_avx2, choose_avx2
);

#[cfg(test)]
mod tests {
    use super::*;

    /// A weight as the rule has it, at a value.
    fn weight_at(weight: f32, value: f32, by_sign: BySign) -> f32 {
        let contribution = weight * value;
        let is_favoured =
            if by_sign.favours_negative { contribution < 0.0 } else { contribution > 0.0 };
        match (by_sign.favour, is_favoured) {
            (None, true) => weight,
            (None, false) => 0.0,
            (Some(favour), true) => weight + favour * weight,
            (Some(_), false) => weight,
        }
    }

    #[test]
    fn every_value_chooses_its_weights() {
        const TAPS: usize = 300;
        const FILTERS: usize = 32;
        for set in Instructions::all() {
            let pixels = set.pixels_by_sign();
            let weights: Vec<f32> = (0..TAPS * FILTERS).map(|n| (n % 7) as f32 - 3.0).collect();
            let input: Vec<f32> = (0..1000).map(|n| (n % 11) as f32 - 4.0).collect();
            let values: Vec<f32> = (0..pixels * LANES).map(|n| (n % 5) as f32 - 2.5).collect();
            let offsets: Vec<u32> = (0..TAPS as u32).map(|tap| tap % 13).collect();
            let operands = Operands { weights: &weights[16..], input: &input, offsets: &offsets };
            for (favours_negative, favour) in
                [(false, None), (true, None), (false, Some(0.5)), (true, Some(2.0))]
            {
                let by_sign = BySign { values: &values, favours_negative, favour };
                let mut output = [f32::NAN; 7 * LANES];
                set.run_by_sign(FILTERS, operands, by_sign, &mut output);
                for (place, &sum) in output[..pixels * LANES].iter().enumerate() {
                    let (pixel, lane) = (place / LANES, place % LANES);
                    let product = |tap: usize| {
                        let weight = weights[tap * FILTERS + 16 + lane];
                        weight_at(weight, values[place], by_sign)
                            * input[offsets[tap] as usize + pixel * LANES]
                    };
                    let expected: f32 = (0..TAPS).map(product).sum();
                    assert_eq!(sum, expected, "{set:?} {favours_negative} {favour:?}");
                }
            }
        }
    }
}
