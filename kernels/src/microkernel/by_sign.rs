//! The innermost loop of a transposed product whose weights depend on the sign of the value that they meet.
//!
//! A rule that favours positive contributions takes `w⁺` where an input is positive and `w⁻` where it is negative. Two
//! products, of `x⁺` with one and of `x⁻` with the other, would compute both for every value and drop one. Here every
//! lane selects its weight: a select and a multiply-add take 1.3 cycles, two multiply-adds take two. Both weights are
//! packed, because deriving them from one takes two instructions per tap, where there are about fourteen in all.

use super::{Operands, RUN};
use crate::simd::{Isa, LANES, Simd, SimdLoop, first, first_mut, with_tile};

/// Values at the outputs of a product, and what those below zero select.
#[derive(Clone, Copy)]
pub(crate) struct BySign<'a> {
    /// `[pixels, 16]`.
    pub values: &'a [f32],
    /// What values below zero select instead of the weights of the operands.
    pub weights_below: &'a [f32],
}

/// Neighbouring pixels that [`run_by_sign`] computes together: beside a sum each needs a register for its signs.
pub(crate) fn pixels_by_sign(isa: Isa) -> usize {
    isa.pixels() / 2
}

/// Writes `[pixels, 16]` sums: each filter at each pixel with the weights that the sign of its value selects. Weights
/// are `[taps, 16]`; pixels are sixteen floats apart.
pub(crate) fn run_by_sign(isa: Isa, operands: Operands, by_sign: BySign, sums: &mut [f32]) {
    with_tile!(isa, simd, PIXELS, BLOCKS, {
        const HALF: usize = PIXELS / 2;
        simd.run(Tile::<HALF>(operands, by_sign, sums))
    });
}

struct Tile<'a, const PIXELS: usize>(Operands<'a>, BySign<'a>, &'a mut [f32]);

impl<const PIXELS: usize> SimdLoop for Tile<'_, PIXELS> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Tile(operands, by_sign, output) = self;
        let output = &mut output[..PIXELS * LANES];
        let values = &by_sign.values[..PIXELS * LANES];
        let zero = simd.splat(0.0);
        let mut is_negative = [simd.greater(zero, zero); PIXELS];
        unroll!(pixel < PIXELS, {
            is_negative[pixel] = simd.greater(zero, simd.load(first(&values[pixel * LANES..])));
        });
        let taps = operands.offsets.len();
        for start in (0..taps.max(1)).step_by(RUN) {
            let mut sums = [zero; PIXELS];
            let offsets = &operands.offsets[start..taps.min(start + RUN)];
            for tap in 0..offsets.len() {
                let offset = offsets[tap] as usize;
                let pixels = &operands.input[offset..][..(PIXELS - 1) * LANES + 1];
                let place = (start + tap) * LANES;
                let above = simd.load(first(&operands.weights[place..]));
                let below = simd.load(first(&by_sign.weights_below[place..]));
                unroll!(pixel < PIXELS, {
                    let weights = simd.select(is_negative[pixel], [below, above]);
                    let value = simd.splat(pixels[pixel * LANES]);
                    sums[pixel] = simd.multiply_add(weights, value, sums[pixel]);
                });
            }
            unroll!(pixel < PIXELS, {
                let place = first_mut(&mut output[pixel * LANES..]);
                if start > 0 {
                    sums[pixel] = simd.add(simd.load(place), sums[pixel]);
                }
                simd.store(sums[pixel], place);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_selects_its_weights() {
        const TAPS: usize = 300;
        for isa in Isa::all() {
            let pixels = pixels_by_sign(isa);
            let weights: Vec<f32> = (0..TAPS * LANES).map(|n| (n % 7) as f32 - 3.0).collect();
            let below: Vec<f32> = (0..TAPS * LANES).map(|n| (n % 9) as f32 - 5.0).collect();
            let input: Vec<f32> = (0..1000).map(|n| (n % 11) as f32 - 4.0).collect();
            let values: Vec<f32> = (0..pixels * LANES).map(|n| (n % 5) as f32 - 2.5).collect();
            let offsets: Vec<u32> = (0..TAPS as u32).map(|tap| tap % 13).collect();
            let operands =
                Operands { weights: &weights, input: &input, offsets: &offsets, prefetch: None };
            let by_sign = BySign { values: &values, weights_below: &below };
            let mut sums = [f32::NAN; 7 * LANES];
            run_by_sign(isa, operands, by_sign, &mut sums);
            for (place, &sum) in sums[..pixels * LANES].iter().enumerate() {
                let (pixel, lane) = (place / LANES, place % LANES);
                let chosen = if values[place] < 0.0 { &below } else { &weights };
                let product = |tap: usize| {
                    chosen[tap * LANES + lane] * input[offsets[tap] as usize + pixel * LANES]
                };
                let expected: f32 = (0..TAPS).map(product).sum();
                assert_eq!(sum, expected, "{isa:?} {place}");
            }
        }
    }
}
