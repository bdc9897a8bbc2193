//! Relevance divided by the denominators of a signed split, which come from the layer's output and `|W| |x|`.

use onnxplain_kernels::Output;
use onnxplain_kernels::cancellation;
use onnxplain_kernels::microkernel::MOST_SUMS;
use onnxplain_kernels::nchwc::epilogue::{Bias, BiasLanes};
use onnxplain_kernels::nchwc::{Epilogue, LANES};
use onnxplain_kernels::simd::{F32x16, Simd, SimdLoop, SumPair, dispatch, filled_up};

use super::Division;
use crate::explain::step::Split;
use crate::rule::Stabilizer;

/// Relevance `R`, which is what the output holds, over `z = plain · y + magnitude · σ (sums + |b|)`; the sums are
/// `|W| |x|`, and the bias `b` is part of the output `y`.
///
/// The totals are the relevance that the stabilizer absorbs, that of outputs without a sign included, which is
/// dropped, and the relevance that the bias absorbs.
pub(in crate::explain) struct SplitQuotient<'a> {
    pub split: Split,
    pub stabilizer: Stabilizer,
    /// The layer's output.
    pub y: &'a [f32],
    /// The layer's bias.
    pub bias: Bias<'a>,
    /// Whether the bias takes part; otherwise it is subtracted from `y`.
    pub with_bias: bool,
    /// Where `σ` is 1 for every output: what `z` is summed from where its two summands cancel. Otherwise `σ` is the
    /// sign of the output, and they have the same sign.
    pub contributions: Option<Contributions<'a>>,
}

/// The contributions of one sign to the outputs of a pointwise convolution.
#[derive(Clone, Copy)]
pub(in crate::explain) struct Contributions<'a> {
    /// Whether those below zero count, and not those above.
    pub are_negative: bool,
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
                let counts = (contribution < 0.0) == self.are_negative;
                sum += if counts { contribution } else { 0.0 };
            }
        }
        sum as f32
    }
}

impl Epilogue for SplitQuotient<'_> {
    fn apply(
        &self,
        block: usize,
        at: usize,
        sums: &[f32],
        output: Output<'_>,
        totals: &mut SumPair,
    ) {
        let output = output.held_or_zeros();
        for start in (0..sums.len()).step_by(MOST_SUMS) {
            let range = start..sums.len().min(start + MOST_SUMS);
            let (at, sums, output) = (at + start, &sums[range.clone()], &mut output[range]);
            let (whole, rest) = sums.as_chunks();
            let (outputs, last_output) = output.as_chunks_mut();
            let y = &self.y[at..at + sums.len()];
            let bias = self.bias.lanes(block, at);
            self.divide(
                block,
                at,
                Operands { y: y.as_chunks().0, bias, sums: whole },
                outputs,
                totals,
            );
            if !rest.is_empty() {
                // Rows of any length, whose bias is a map.
                let place = at + whole.len() * LANES;
                let bias = match self.bias {
                    Bias::Map(map) => BiasLanes::Same(filled_up(&map[place..place + rest.len()])),
                    _ => self.bias.lanes(block, place),
                };
                let (y, sums) = (&[filled_up(&y[whole.len() * LANES..])], &[filled_up(rest)]);
                let output = &mut [filled_up(last_output)];
                self.divide(block, place, Operands { y, bias, sums }, output, totals);
                last_output.copy_from_slice(&output[0][..rest.len()]);
            }
        }
    }
}

impl SplitQuotient<'_> {
    /// Divides at most [`MOST_SUMS`] numbers.
    fn divide(
        &self,
        block: usize,
        at: usize,
        operands: Operands,
        output: &mut [F32x16],
        totals: &mut SumPair,
    ) {
        let Some(contributions) = &self.contributions else {
            return dispatch(DivideByOutputSign { rule: self, operands, output, totals });
        };
        let mut room = [[0.0; LANES]; MOST_SUMS / LANES];
        let z = &mut room[..output.len()];
        let mut doubts = [0.0; LANES];
        dispatch(Denominators { rule: self, operands, z: &mut *z, doubts: &mut doubts });
        if doubts.iter().any(|&doubt| doubt > 0.0) {
            self.sum_again(contributions, (block, at), operands, z);
        }
        dispatch(DivideBy { rule: self, operands, z, output, totals });
    }

    /// Sums the contributions one by one where the summands of a denominator cancelled.
    #[cold]
    fn sum_again(
        &self,
        contributions: &Contributions,
        (block, at): (usize, usize),
        operands: Operands,
        z: &mut [F32x16],
    ) {
        let first = at / LANES % contributions.pixels;
        for (pixel, (z, magnitudes)) in z.iter_mut().zip(operands.sums).enumerate() {
            let biases = operands.bias.at(pixel);
            for (lane, z) in z.iter_mut().enumerate() {
                let (magnitude, bias) = (magnitudes[lane], biases[lane]);
                if magnitude > 0.0 && cancellation::is_doubtful(*z, magnitude + bias.abs()) {
                    let part = if self.with_bias { bias } else { 0.0 };
                    let Split { plain, magnitude } = self.split;
                    let sum = contributions.sum(block * LANES + lane, first + pixel);
                    *z = sum + (plain * part + magnitude * part.abs());
                }
            }
        }
    }
}

/// What denominators are made of, pixel by pixel.
#[derive(Clone, Copy)]
struct Operands<'a> {
    y: &'a [F32x16],
    bias: BiasLanes<'a>,
    sums: &'a [F32x16],
}

/// The summands of sixteen denominators, and what of them is the bias's: `[y, |W||x| + |b|]` and `[b, |b|]`.
#[inline(always)]
fn summands<L: Simd>(
    simd: L,
    with_bias: bool,
    operands: &Operands,
    pixel: usize,
) -> [[L::Vector; 2]; 2] {
    let bias = simd.load(operands.bias.at(pixel));
    let part = if with_bias { bias } else { simd.splat(0.0) };
    let unbiased = simd.subtract(simd.load(&operands.y[pixel]), simd.subtract(bias, part));
    let part_magnitude = simd.absolute(part);
    let magnitude = simd.absolute(simd.add(simd.load(&operands.sums[pixel]), part_magnitude));
    [[unbiased, magnitude], [part, part_magnitude]]
}

/// The weighted sum of two numbers.
#[inline(always)]
fn weighted<L: Simd>(simd: L, weights: [L::Vector; 2], [a, b]: [L::Vector; 2]) -> L::Vector {
    simd.add(simd.multiply(weights[0], a), simd.multiply(weights[1], b))
}

/// Divides by denominators in which `σ` is the sign of the output.
struct DivideByOutputSign<'a> {
    rule: &'a SplitQuotient<'a>,
    operands: Operands<'a>,
    output: &'a mut [F32x16],
    totals: &'a mut SumPair,
}

impl SimdLoop for DivideByOutputSign<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let SplitQuotient { stabilizer, split, with_bias, .. } = *self.rule;
        let division = Division::new(simd, stabilizer);
        let (plain, magnitude) = (simd.splat(split.plain), simd.splat(split.magnitude));
        let zero = simd.splat(0.0);
        let mut absorbed = [zero; 2];
        for (pixel, output) in self.output.iter_mut().enumerate() {
            let (y, r) = (simd.load(&self.operands.y[pixel]), simd.load(output));
            let [z, bias] = summands(simd, with_bias, &self.operands, pixel);
            let signed = [simd.subtract(zero, magnitude), magnitude];
            let weights = [plain, simd.where_greater(zero, y, signed)];
            let taken_up = simd.where_equal(y, zero, [zero, r]);
            let [quotient, by_stabilizer] = division.quotient(taken_up, weighted(simd, weights, z));
            simd.store(quotient, output);
            let dropped = simd.subtract(r, taken_up);
            absorbed[0] = simd.add(absorbed[0], simd.add(by_stabilizer, dropped));
            let by_bias = simd.multiply(quotient, weighted(simd, weights, bias));
            absorbed[1] = simd.add(absorbed[1], by_bias);
        }
        self.totals.add_vectors(simd, absorbed);
    }
}

/// Computes denominators in which `σ` is 1.
struct Denominators<'a> {
    rule: &'a SplitQuotient<'a>,
    operands: Operands<'a>,
    z: &'a mut [F32x16],
    /// Above zero where a denominator is doubtful.
    doubts: &'a mut F32x16,
}

impl SimdLoop for Denominators<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let SplitQuotient { split, with_bias, .. } = *self.rule;
        let weights = [simd.splat(split.plain), simd.splat(split.magnitude)];
        let zero = simd.splat(0.0);
        let mut doubts = zero;
        for (pixel, z) in self.z.iter_mut().enumerate() {
            let [summands, _] = summands(simd, with_bias, &self.operands, pixel);
            let denominator = weighted(simd, weights, summands);
            simd.store(denominator, z);
            let sum = simd.load(&self.operands.sums[pixel]);
            let bias = simd.absolute(simd.load(self.operands.bias.at(pixel)));
            let doubt = cancellation::doubt(simd, denominator, simd.add(sum, bias));
            doubts = simd.add(doubts, simd.where_greater(sum, zero, [doubt, zero]));
        }
        simd.store(doubts, self.doubts);
    }
}

/// Divides by denominators that were computed before.
struct DivideBy<'a> {
    rule: &'a SplitQuotient<'a>,
    operands: Operands<'a>,
    z: &'a [F32x16],
    output: &'a mut [F32x16],
    totals: &'a mut SumPair,
}

impl SimdLoop for DivideBy<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let SplitQuotient { stabilizer, split, with_bias, .. } = *self.rule;
        let division = Division::new(simd, stabilizer);
        let weights = [simd.splat(split.plain), simd.splat(split.magnitude)];
        let mut absorbed = [simd.splat(0.0); 2];
        for (pixel, output) in self.output.iter_mut().enumerate() {
            let [_, bias] = summands(simd, with_bias, &self.operands, pixel);
            let [quotient, by_stabilizer] =
                division.quotient(simd.load(output), simd.load(&self.z[pixel]));
            simd.store(quotient, output);
            absorbed[0] = simd.add(absorbed[0], by_stabilizer);
            let by_bias = simd.multiply(quotient, weighted(simd, weights, bias));
            absorbed[1] = simd.add(absorbed[1], by_bias);
        }
        self.totals.add_vectors(simd, absorbed);
    }
}

#[cfg(test)]
mod tests {
    use onnxplain_kernels::nchwc::epilogue::testing::{finished, map};

    use super::*;

    const PLAIN: Stabilizer = Stabilizer::additive(0.0);

    /// Four filters of two channels, in the second block of an image of two pixels.
    fn quotients(are_negative: bool, y: [f32; 4], magnitudes: [f32; 4]) -> [f32; 4] {
        let mut weights = vec![0.0; 2 * LANES * 2];
        weights[2 * LANES..][..8].copy_from_slice(&[1.0, 1.0, 1.0, -1.0, 2.0, -1e-4, -1.0, -1.0]);
        let mut inputs = vec![0.0; 2 * LANES];
        inputs[LANES..][..2].copy_from_slice(&[3.0, 1.0]);
        let contributions = Contributions {
            are_negative,
            weights: &weights,
            inputs: &inputs,
            channels: 2,
            pixels: 2,
        };
        let y = map(y);
        let quotient = SplitQuotient {
            split: Split { plain: 0.5, magnitude: if are_negative { -0.5 } else { 0.5 } },
            stabilizer: PLAIN,
            y: &y,
            bias: Bias::None,
            with_bias: true,
            contributions: Some(contributions),
        };
        finished(&quotient, magnitudes, [8.0; 4]).0
    }

    #[test]
    fn contributions_of_one_sign_divide() {
        let (y, magnitudes) = ([4.0, 2.0, 5.9999, -4.0], [4.0, 4.0, 6.0001, 4.0]);
        assert_eq!(quotients(false, y, magnitudes), [2.0, 8.0 / 3.0, 8.0 / 6.0, 0.0]);
        // 1e-4 is summed, and not the difference of 5.9999 and 6.0001.
        assert_eq!(quotients(true, y, magnitudes), [0.0, -8.0, 8.0 / -1e-4, -2.0]);
    }

    #[test]
    fn contributions_of_the_outputs_sign_are_favoured() {
        let (y, bias) = (map([3.0, -3.0, 0.0, 2.0]), map([0.0, 0.0, 0.0, 1.0]));
        let with = |with_bias| SplitQuotient {
            split: Split { plain: 1.5, magnitude: 0.5 },
            stabilizer: PLAIN,
            y: &y,
            bias: Bias::Map(&bias),
            with_bias,
            contributions: None,
        };
        let (sums, relevance) = ([5.0, 5.0, 4.0, 1.0], [7.0, 7.0, 7.0, 8.0]);
        // 1.5 y ± 0.5 · 5; an output of 0 drops its relevance; 1.5 · 2 + 0.5 · (1 + 1), of which the bias is 2.
        let (quotients, absorbed) = finished(&with(true), sums, relevance);
        assert_eq!((quotients, absorbed), ([1.0, -1.0, 0.0, 2.0], [7.0, 2.0 * (1.5 + 0.5)]));
        // Without the bias: 1.5 · 1 + 0.5 · 1.
        let (quotients, absorbed) = finished(&with(false), sums, relevance);
        assert_eq!((quotients, absorbed), ([1.0, -1.0, 0.0, 4.0], [7.0, 0.0]));
    }

    #[test]
    fn rows_of_any_length_divide_as_blocks_do() {
        let numbers = |count: usize, step: usize| -> Vec<f32> {
            (0..count).map(|at| ((at * step) % 17) as f32 / 4.0 - 2.0).collect()
        };
        let count = MOST_SUMS + 37;
        let (y, bias) = (numbers(2 * count, 5), numbers(2 * count, 3));
        let quotient = SplitQuotient {
            split: Split { plain: 1.25, magnitude: 0.25 },
            stabilizer: Stabilizer::additive(0.25),
            y: &y,
            bias: Bias::Map(&bias),
            with_bias: true,
            contributions: None,
        };
        let sums: Vec<f32> = numbers(count, 11).iter().map(|sum| sum.abs()).collect();
        let mut output = numbers(count, 7);
        let at = 16;
        let expected: Vec<f32> = (0..count)
            .map(|place| {
                let (y, bias) = (y[at + place], bias[at + place]);
                let z = 1.25 * y + (0.25 * (sums[place] + bias.abs())).copysign(y);
                let relevance = if y == 0.0 { 0.0 } else { output[place] };
                relevance / (z + 0.25f32.copysign(z))
            })
            .collect();
        let output_of = Output::from(&mut output[..]);
        quotient.apply(0, at, &sums, output_of, &mut SumPair::default());
        assert_eq!(output, expected);
    }
}
