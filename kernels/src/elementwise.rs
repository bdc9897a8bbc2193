//! Elementwise loops, which the compiler vectorizes for the instruction set of this processor.
//!
//! The program as a whole is compiled for the oldest x86-64, whose vectors hold four floats. These loops use eight or
//! sixteen where the processor has them; the results are the same. They count indices instead of using iterator adaptors,
//! which some builds compile as calls.

use crate::output::Output;
use crate::simd::{F32x16, LANES, Simd, SimdLoop, SumPair, dispatch, filled_up};

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
