//! Elementwise loops, which the compiler vectorizes for the instruction set of this processor.
//!
//! The program as a whole is compiled for the oldest x86-64, whose vectors hold four floats. These loops use eight or
//! sixteen where the processor has them; the results are the same. They count indices instead of using iterator adaptors,
//! which some builds compile as calls.

use crate::output::Output;
use crate::simd::{F32x16, LANES, Simd, SimdLoop, SumPair, dispatch, filled_up};

/// The larger number; NaN if one of them is. `f32::max` would drop NaN, which must not vanish from a forward pass.
#[inline(always)]
pub fn larger(a: f32, b: f32) -> f32 {
    let number = if a > b { a } else { b };
    if a.is_nan() { a } else { number }
}

/// The smaller number; NaN if one of them is.
#[inline(always)]
pub fn smaller(a: f32, b: f32) -> f32 {
    let number = if a < b { a } else { b };
    if a.is_nan() { a } else { number }
}

/// Calls `function` for every float.
pub fn each(data: &mut [f32], function: impl Fn(&mut f32)) {
    struct Each<'a, F>(&'a mut [f32], F);
    impl<F: Fn(&mut f32)> SimdLoop for Each<'_, F> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            let Each(data, function) = self;
            for number in data {
                function(number);
            }
        }
    }
    dispatch(Each(data, function));
}

/// Replaces every float `x` by `min(max(x, low), high)`. NaN stays NaN, and a bound of NaN makes all NaN.
pub fn clip(data: &mut [f32], low: f32, high: f32) {
    clip_lanes(data, &[low; LANES], &[high; LANES]);
}

/// Like [`clip`], with bounds for each of the sixteen lanes.
///
/// Written with vectors: of the plain loop compilers make stores under a mask, which are slow on some processors.
pub fn clip_lanes(data: &mut [f32], low: &F32x16, high: &F32x16) {
    let (whole, rest) = data.as_chunks_mut();
    dispatch(Clip { data: whole, low, high });
    if !rest.is_empty() {
        let mut last = filled_up(rest);
        dispatch(Clip { data: std::slice::from_mut(&mut last), low, high });
        rest.copy_from_slice(&last[..rest.len()]);
    }
}

struct Clip<'a> {
    data: &'a mut [F32x16],
    low: &'a F32x16,
    high: &'a F32x16,
}

impl SimdLoop for Clip<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (low, high) = (simd.load(self.low), simd.load(self.high));
        let (zero, nan) = (simd.splat(0.0), simd.splat(f32::NAN));
        let of_high = simd.where_equal(high, high, [zero, nan]);
        let are_numbers = simd.equal(simd.where_equal(low, low, [of_high, nan]), zero);
        for numbers in self.data {
            let number = simd.load(numbers);
            // In this order of operands, NaN stays NaN.
            let clipped = simd.smaller(high, simd.larger(low, number));
            simd.store(simd.select(are_numbers, [clipped, nan]), numbers);
        }
    }
}

/// Writes `function` of the float at the same place in `from`, which is as long. Writes all of `output`.
pub fn map(output: Output<'_>, from: &[f32], function: impl Fn(f32) -> f32) {
    struct Map<'a, F>(Output<'a>, &'a [f32], F);
    impl<F: Fn(f32) -> f32> SimdLoop for Map<'_, F> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            let Map(output, from, function) = self;
            let from = &from[..output.len()];
            output.write_with(|at| function(from[at]));
        }
    }
    dispatch(Map(output, from, function));
}

/// Calls `function` for every float and the one at its place in `others`.
pub fn each_with(data: &mut [f32], others: &[f32], function: impl Fn(&mut f32, f32)) {
    struct EachWith<'a, F>(&'a mut [f32], &'a [f32], F);
    impl<F: Fn(&mut f32, f32)> SimdLoop for EachWith<'_, F> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            let EachWith(data, others, function) = self;
            let len = data.len().min(others.len());
            let (data, others) = (&mut data[..len], &others[..len]);
            for at in 0..len {
                function(&mut data[at], others[at]);
            }
        }
    }
    dispatch(EachWith(data, others, function));
}

/// Calls `function` for every float and the one of its lane; there are sixteen lanes.
pub fn each_with_lanes(data: &mut [f32], lanes: &[f32], function: impl Fn(&mut f32, f32)) {
    struct EachWithLanes<'a, F>(&'a mut [f32], [f32; LANES], F);
    impl<F: Fn(&mut f32, f32)> SimdLoop for EachWithLanes<'_, F> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            let EachWithLanes(data, lanes, function) = self;
            let repeated: [f32; BLOCK] = std::array::from_fn(|at| lanes[at % LANES]);
            let (blocks, rest) = data.as_chunks_mut::<BLOCK>();
            let mut last = [0.0; BLOCK];
            last[..rest.len()].copy_from_slice(rest);
            for block in blocks.iter_mut().chain([&mut last]) {
                for at in 0..BLOCK {
                    function(&mut block[at], repeated[at]);
                }
            }
            rest.copy_from_slice(&last[..rest.len()]);
        }
    }
    if let Ok(lanes) = lanes.try_into() {
        dispatch(EachWithLanes(data, lanes, function));
    }
}

/// The sum of all floats, and of their absolute values.
pub fn sums(data: &[f32]) -> [f64; 2] {
    struct AddUp<'a>(&'a [F32x16], &'a mut SumPair);
    impl SimdLoop for AddUp<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            for numbers in self.0 {
                let numbers = simd.load(numbers);
                self.1.add_vectors(simd, [numbers, simd.absolute(numbers)]);
            }
        }
    }
    let (chunks, rest) = data.as_chunks();
    let mut totals = SumPair::default();
    dispatch(AddUp(chunks, &mut totals));
    if !rest.is_empty() {
        dispatch(AddUp(&[filled_up(rest)], &mut totals));
    }
    totals.sums()
}

/// For each of the sixteen lanes of an image in blocks, the sum over its pixels; of the products with `factors` where there
/// are some, of as many pixels.
pub fn lane_sums(pixels: &[F32x16], factors: Option<&[F32x16]>) -> [f64; LANES] {
    struct AddUp<'a>(&'a [F32x16], Option<&'a [F32x16]>);
    impl SimdLoop for AddUp<'_> {
        type Output = [f64; LANES];

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> [f64; LANES] {
            let AddUp(pixels, factors) = self;
            let mut sums = [0.0; LANES];
            match factors {
                None => {
                    for pixel in pixels {
                        simd.add_up(simd.load(pixel), &mut sums);
                    }
                }
                Some(factors) => {
                    for (pixel, factor) in pixels.iter().zip(factors) {
                        let product = simd.multiply(simd.load(pixel), simd.load(factor));
                        simd.add_up(product, &mut sums);
                    }
                }
            }
            sums
        }
    }
    dispatch(AddUp(pixels, factors))
}

/// The total of pairs of sums, added up in their order.
pub fn total(parts: &[[f64; 2]]) -> [f64; 2] {
    parts.iter().fold([0.0; 2], |total, part| [total[0] + part[0], total[1] + part[1]])
}

/// Replaces every float by `function` of it and of those at its place in `others`, which are as long as `data`.
pub fn combine<const N: usize>(
    data: &mut [f32],
    others: [&[f32]; N],
    function: &impl Fn(f32, [f32; N]) -> f32,
) {
    struct Combine<'a, const N: usize, F>(&'a mut [f32], [&'a [f32]; N], &'a F);
    impl<const N: usize, F: Fn(f32, [f32; N]) -> f32> SimdLoop for Combine<'_, N, F> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            let Combine(data, others, function) = self;
            for (index, numbers) in data.chunks_mut(BLOCK).enumerate() {
                let start = index * BLOCK;
                let mut blocks = [[0.0; BLOCK]; N];
                for (block, other) in blocks.iter_mut().zip(&others) {
                    block[..numbers.len()].copy_from_slice(&other[start..][..numbers.len()]);
                }
                let mut block = [0.0; BLOCK];
                block[..numbers.len()].copy_from_slice(numbers);
                for at in 0..BLOCK {
                    let mut values = [0.0; N];
                    for other in 0..N {
                        values[other] = blocks[other][at];
                    }
                    block[at] = function(block[at], values);
                }
                numbers.copy_from_slice(&block[..numbers.len()]);
            }
        }
    }
    dispatch(Combine(data, others, function));
}

/// Floats of a loop that the compiler vectorizes: too many to be unrolled completely.
const BLOCK: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_neither_larger_nor_smaller_but_stays() {
        assert_eq!((larger(-1.0, 2.0), larger(2.0, -1.0)), (2.0, 2.0));
        assert_eq!((smaller(-1.0, 2.0), smaller(2.0, -1.0)), (-1.0, -1.0));
        for number in [0.0, -1.0, 1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
            assert!(larger(f32::NAN, number).is_nan() && larger(number, f32::NAN).is_nan());
            assert!(smaller(f32::NAN, number).is_nan() && smaller(number, f32::NAN).is_nan());
        }
    }

    #[test]
    fn clips_of_every_instruction_set_hand_nan_on() {
        use crate::simd::Isa;

        let (mut low, high) = ([0.0; LANES], [6.0; LANES]);
        low[3] = f32::NAN;
        for isa in Isa::all() {
            let mut data = [[-1.0; LANES], [9.0; LANES], [f32::NAN; LANES], [2.0; LANES]];
            isa.run(Clip { data: &mut data, low: &low, high: &high });
            for (lane, bound) in low.iter().enumerate() {
                let [below, above, nan, inside] = data.map(|numbers| numbers[lane]);
                assert!(nan.is_nan(), "{isa:?}");
                match bound.is_nan() {
                    true => assert!([below, above, inside].iter().all(|x| x.is_nan()), "{isa:?}"),
                    false => assert_eq!([below, above, inside], [0.0, 6.0, 2.0], "{isa:?}"),
                }
            }
        }
    }

    #[test]
    fn nan_stays_at_its_place_in_clips_of_any_length() {
        let (low, high) = ([0.0; LANES], [f32::INFINITY; LANES]);
        for len in 1..=2 * LANES + 3 {
            for place in 0..len {
                let mut numbers = vec![-1.0; len];
                numbers[place] = f32::NAN;
                let mut of_lanes = numbers.clone();
                clip(&mut numbers, 0.0, 6.0);
                clip_lanes(&mut of_lanes, &low, &high);
                for (at, (number, of_lanes)) in numbers.iter().zip(&of_lanes).enumerate() {
                    match at == place {
                        true => assert!(number.is_nan() && of_lanes.is_nan(), "{at} of {len}"),
                        false => assert_eq!((*number, *of_lanes), (0.0, 0.0), "{at} of {len}"),
                    }
                }
            }
        }
    }

    #[test]
    fn lanes_are_added_up() {
        let numbers = |step: usize| -> Vec<F32x16> {
            let number = |at: usize| ((at * step) % 13) as f32 - 6.0;
            (0..9).map(|pixel| std::array::from_fn(|lane| number(16 * pixel + lane))).collect()
        };
        let (pixels, factors) = (numbers(5), numbers(7));
        for lane in 0..LANES {
            let sum: f32 = pixels.iter().map(|pixel| pixel[lane]).sum();
            assert_eq!(lane_sums(&pixels, None)[lane], f64::from(sum));
            let pairs = pixels.iter().zip(&factors);
            let sum: f32 = pairs.map(|(pixel, factor)| pixel[lane] * factor[lane]).sum();
            assert_eq!(lane_sums(&pixels, Some(&factors))[lane], f64::from(sum));
        }
    }
}
