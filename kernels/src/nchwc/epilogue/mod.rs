//! Epilogues: what happens to the sums of a kernel while they are in the first cache.

mod share;
#[doc(hidden)]
pub mod testing;

pub use self::share::Share;
use super::{Epilogue, Image, LANES, SumPair};
use crate::output::{Output, Vectors};
use crate::simd::{F32x16, Simd, SimdLoop, dispatch};

/// What is added to sums, in blocks of channels.
#[derive(Clone, Copy, Debug, Default)]
pub enum Bias<'a> {
    /// Nothing.
    #[default]
    None,
    /// One float per channel.
    Channels(&'a [f32]),
    /// One float per sum.
    Map(&'a [f32]),
}

impl<'a> Bias<'a> {
    /// Floats that broadcast to an image in blocks: as many as it has, or one per channel.
    pub fn of(numbers: Option<&'a [f32]>, image: Image) -> Bias<'a> {
        match numbers {
            None => Bias::None,
            Some(numbers) if numbers.len() == image.len() => Bias::Map(numbers),
            Some(numbers) => Bias::Channels(numbers),
        }
    }

    /// The bias of neighbouring pixels of a block, whose first float is at `at` in the image.
    #[inline(always)]
    pub fn lanes(self, block: usize, at: usize) -> BiasLanes<'a> {
        match self {
            Bias::None => BiasLanes::Same([0.0; LANES]),
            Bias::Channels(numbers) => {
                let lanes = numbers[block * LANES..].first_chunk();
                BiasLanes::Same(lanes.copied().unwrap_or_default())
            }
            Bias::Map(numbers) => BiasLanes::Each(numbers[at..].as_chunks().0),
        }
    }
}

/// The bias of neighbouring pixels.
#[derive(Clone, Copy)]
pub enum BiasLanes<'a> {
    /// The same for each of them.
    Same(F32x16),
    /// One for each of them.
    Each(&'a [F32x16]),
}

impl BiasLanes<'_> {
    /// The bias of one of the pixels.
    #[inline(always)]
    pub fn at(&self, pixel: usize) -> &F32x16 {
        match self {
            BiasLanes::Same(lanes) => lanes,
            BiasLanes::Each(lanes) => &lanes[pixel],
        }
    }
}

/// An elementwise function that is applied in place.
pub trait Elementwise: Send + Sync {
    /// Lower and upper bound, if the function only clips, as ReLU and ReLU6 do.
    fn clip_bounds(&self) -> Option<(f32, f32)>;

    /// Applies the function to floats of a block of channels; not called for one that only clips.
    fn apply(&self, block: usize, numbers: &mut [f32]);
}

/// `function(sums + bias)`: a forward pass.
#[derive(Default)]
pub struct Forward<'a> {
    /// What is added.
    pub bias: Bias<'a>,
    /// What is applied then.
    pub function: Option<&'a dyn Elementwise>,
}

impl Epilogue for Forward<'_> {
    fn apply(&self, block: usize, at: usize, sums: &[f32], output: Output<'_>, _: &mut SumPair) {
        let clip = self.function.and_then(Elementwise::clip_bounds);
        let (low, high) = clip.unwrap_or((f32::NEG_INFINITY, f32::INFINITY));
        let bias = self.bias.lanes(block, at);
        let (output, _) = output.vectors();
        let output = dispatch(ClippedSum { bias, low, high, sums, output });
        if let (Some(function), None) = (self.function, clip) {
            function.apply(block, output);
        }
    }
}

/// `min(max(sums + bias, low), high)`.
struct ClippedSum<'a> {
    bias: BiasLanes<'a>,
    low: f32,
    high: f32,
    sums: &'a [f32],
    output: Vectors<'a>,
}

impl<'a> SimdLoop for ClippedSum<'a> {
    type Output = &'a mut [f32];

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> &'a mut [f32] {
        let (low, high) = (simd.splat(self.low), simd.splat(self.high));
        let mut output = self.output;
        for (pixel, sums) in self.sums.as_chunks().0.iter().enumerate() {
            let sum = simd.add(simd.load(sums), simd.load(self.bias.at(pixel)));
            // In this order of operands, NaN stays NaN.
            output.push(simd, simd.smaller(high, simd.larger(low, sum)));
        }
        output.finish()
    }
}

/// Pairs of output and sums, pixel by pixel.
#[inline(always)]
pub fn pixels<'a>(
    output: &'a mut [f32],
    sums: &'a [f32],
) -> impl Iterator<Item = (&'a mut F32x16, &'a F32x16)> {
    output.as_chunks_mut().0.iter_mut().zip(sums.as_chunks().0)
}

#[cfg(test)]
mod tests {
    use super::testing::{finished, map};
    use super::*;
    use crate::AlignedBuf;
    use crate::simd::Isa;

    #[test]
    fn a_forward_pass_clips_what_is_a_number() {
        let bias = map([1.0; 4]);
        struct Relu6;
        impl Elementwise for Relu6 {
            fn clip_bounds(&self) -> Option<(f32, f32)> {
                Some((0.0, 6.0))
            }

            fn apply(&self, _: usize, _: &mut [f32]) {}
        }
        let forward = Forward { bias: Bias::Map(&bias), function: Some(&Relu6) };
        let (output, _) = finished(&forward, [-3.0, 2.0, 9.0, f32::NAN], [f32::NAN; 4]);
        assert_eq!(output[..3], [0.0, 3.0, 6.0]);
        assert!(output[3].is_nan());
    }

    #[test]
    fn nan_stays_in_its_lane_with_every_instruction_set() {
        let bounds = [(0.0, f32::INFINITY), (0.0, 6.0), (f32::NEG_INFINITY, 0.0)];
        for (isa, (low, high)) in Isa::all().into_iter().flat_map(|isa| bounds.map(|b| (isa, b))) {
            for place in 0..2 * LANES {
                // In turn of the sums and of the bias, whose sum is clipped.
                for of_bias in [false, true] {
                    let (mut sums, mut bias) = ([-1.0; 2 * LANES], [-0.5; 2 * LANES]);
                    let spoilt = if of_bias { &mut bias } else { &mut sums };
                    spoilt[place] = f32::NAN;
                    let (output, ()) = AlignedBuf::written(2 * LANES, |output| {
                        let bias = BiasLanes::Each(bias.as_chunks().0);
                        let output = output.vectors().0;
                        isa.run(ClippedSum { bias, low, high, sums: &sums, output });
                    });
                    for (at, number) in output.iter().enumerate() {
                        let expected = if low == 0.0 { 0.0 } else { -1.5 };
                        match at == place {
                            true => assert!(number.is_nan(), "{isa:?} {at}"),
                            false => assert_eq!(*number, expected, "{isa:?} {at}"),
                        }
                    }
                }
            }
        }
    }
}
