//! Relevance divided by the contributions of one sign, where inputs have both: `z⁺ = W⁺x⁺ + W⁻x⁻`.
//!
//! The sum of all contributions is known, it is the layer's output, and with the sum of their magnitudes
//! `z± = (W x ± |W||x|) / 2`: one product in place of two. Where contributions of the other sign outweigh
//! by far this would cancel, so there they are summed one by one.

use super::Quotient;
use crate::blocked::finish::{Bias, LanesOf};
use crate::blocked::{Finish, LANES};
use crate::cancellation;
use crate::lanes::{Lanes, LanesLoop, Totals, with_lanes};
use crate::microkernel::MOST_OUTPUTS;
use crate::rule::Sign;

/// Relevance `R`, which is what the output holds, over the contributions of one sign; the sums are `|W| |x|`.
pub(crate) struct ContributionQuotient<'a> {
    pub contributions: Contributions<'a>,
    /// The layer's output.
    pub y: &'a [f32],
    /// The layer's bias, which is part of `y`.
    pub bias: Bias<'a>,
    /// What divides.
    pub quotient: Quotient<'a>,
}

/// The contributions of one sign of the inputs to the outputs of a pointwise convolution.
pub(crate) struct Contributions<'a> {
    pub sign: Sign,
    /// `[O, I]`.
    pub weights: &'a [f32],
    /// An image in blocks.
    pub inputs: &'a [f32],
    /// Channels of the inputs.
    pub channels: usize,
    /// Pixels of the images.
    pub pixels: usize,
}

impl Contributions<'_> {
    /// The sum for one filter at one pixel.
    fn sum(&self, filter: usize, pixel: usize) -> f32 {
        let weights = self.weights[filter * self.channels..][..self.channels].chunks(LANES);
        let blocks = self.inputs.chunks_exact(self.pixels * LANES);
        let mut sum = 0.0;
        for (weights, block) in weights.zip(blocks) {
            for (weight, input) in weights.iter().zip(&block[pixel * LANES..]) {
                let contribution = f64::from(*weight) * f64::from(*input);
                sum += match self.sign {
                    Sign::Positive => contribution.max(0.0),
                    Sign::Negative => contribution.min(0.0),
                };
            }
        }
        sum as f32
    }
}

impl Finish for ContributionQuotient<'_> {
    fn finish(
        &self,
        block: usize,
        at: usize,
        sums: &[f32],
        output: &mut [f32],
        totals: &mut Totals,
    ) {
        let mut room = [0.0; MOST_OUTPUTS];
        let mut doubts = [0.0; LANES];
        for start in (0..sums.len()).step_by(MOST_OUTPUTS) {
            let range = start..sums.len().min(start + MOST_OUTPUTS);
            let z = &mut room[..range.len()];
            let at = at + start;
            with_lanes(Half {
                sign: self.contributions.sign,
                y: &self.y[at..at + z.len()],
                bias: self.bias.lanes(block, at),
                magnitudes: &sums[range.clone()],
                z,
                doubts: &mut doubts,
            });
            if doubts.iter().any(|&doubt| doubt > 0.0) {
                self.settle(block, at, &sums[range.clone()], z);
            }
            self.quotient.finish(block, at, z, &mut output[range], totals);
        }
    }
}

impl ContributionQuotient<'_> {
    /// Sums one by one what cancelled.
    #[cold]
    fn settle(&self, block: usize, at: usize, magnitudes: &[f32], z: &mut [f32]) {
        let bias = self.bias.lanes(block, at);
        let first = at / LANES % self.contributions.pixels;
        for (place, (z, magnitude)) in z.iter_mut().zip(magnitudes).enumerate() {
            let (pixel, lane) = (place / LANES, place % LANES);
            if is_doubtful(*z, *magnitude, bias.at(pixel)[lane]) {
                *z = self.contributions.sum(block * LANES + lane, first + pixel);
            }
        }
    }
}

/// Whether a sum of one sign is so small that it was the difference of larger ones.
fn is_doubtful(z: f32, magnitude: f32, bias: f32) -> bool {
    magnitude > 0.0 && cancellation::is_doubtful(z, magnitude + bias.abs())
}

/// `(y − bias ± magnitudes) / 2`.
struct Half<'a> {
    sign: Sign,
    y: &'a [f32],
    bias: LanesOf<'a>,
    magnitudes: &'a [f32],
    z: &'a mut [f32],
    /// Above zero where a sum is doubtful.
    doubts: &'a mut [f32; LANES],
}

impl LanesLoop for Half<'_> {
    #[inline(always)]
    fn run(self, lanes: impl Lanes) {
        let half = lanes.splat(0.5);
        let zero = lanes.splat(0.0);
        let signed_half = lanes.splat(if self.sign == Sign::Positive { 0.5 } else { -0.5 });
        let (y, magnitudes) = (self.y.as_chunks().0, self.magnitudes.as_chunks().0);
        let mut doubts = zero;
        for (pixel, z) in self.z.as_chunks_mut().0.iter_mut().enumerate() {
            let bias = lanes.load(self.bias.at(pixel));
            let magnitude = lanes.load(&magnitudes[pixel]);
            let all = lanes.multiply(half, lanes.subtract(lanes.load(&y[pixel]), bias));
            let sum = lanes.multiply_add(signed_half, magnitude, all);
            lanes.store(sum, z);
            let large = lanes.add(magnitude, lanes.absolute(bias));
            let doubt = cancellation::doubt(lanes, sum, large);
            doubts = lanes.add(doubts, lanes.where_greater(magnitude, zero, [doubt, zero]));
        }
        lanes.store(doubts, self.doubts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::epilogues::tests::{finished, map};
    use crate::rule::Stabilizer;

    /// Four filters of two channels, in the second block of an image of two pixels.
    fn quotients(sign: Sign, y: [f32; 4], magnitudes: [f32; 4]) -> [f32; 4] {
        let mut weights = vec![0.0; 2 * LANES * 2];
        weights[2 * LANES..][..8].copy_from_slice(&[1.0, 1.0, 1.0, -1.0, 2.0, -1e-4, -1.0, -1.0]);
        let mut inputs = vec![0.0; 2 * LANES];
        inputs[LANES..][..2].copy_from_slice(&[3.0, 1.0]);
        let y = map(y);
        let quotient = ContributionQuotient {
            contributions: Contributions {
                sign,
                weights: &weights,
                inputs: &inputs,
                channels: 2,
                pixels: 2,
            },
            y: &y,
            bias: Bias::None,
            quotient: Quotient {
                stabilizer: Stabilizer::additive(0.0),
                bias: Bias::None,
                before: None,
            },
        };
        finished(&quotient, magnitudes, [8.0; 4]).0
    }

    #[test]
    fn contributions_of_one_sign_divide() {
        let (y, magnitudes) = ([4.0, 2.0, 5.9999, -4.0], [4.0, 4.0, 6.0001, 4.0]);
        let positive = quotients(Sign::Positive, y, magnitudes);
        assert_eq!(positive, [2.0, 8.0 / 3.0, 8.0 / 6.0, 0.0]);
        let negative = quotients(Sign::Negative, y, magnitudes);
        // 1e-4 is summed, and not the difference of 5.9999 and 6.0001.
        assert_eq!(negative, [0.0, -8.0, 8.0 / -1e-4, -2.0]);
    }
}
