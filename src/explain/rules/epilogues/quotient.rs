//! Relevance divided by the sums: the first half of a rule.

use onnxplain_kernels::Output;
use onnxplain_kernels::nchwc::Epilogue;
use onnxplain_kernels::nchwc::epilogue::{Bias, BiasLanes, pixels};
use onnxplain_kernels::simd::{Simd, SimdLoop, SumPair, dispatch};

use super::division::Division;
use crate::rule::Stabilizer;

/// Relevance `R`, which is what the output holds, over `z = sums + bias + before`: `R / stabilized(z)`.
///
/// The totals are the relevance that the stabilizer absorbs, and that the bias absorbs.
pub(crate) struct Quotient<'a> {
    pub stabilizer: Stabilizer,
    pub bias: Bias<'a>,
    /// What other terms contribute to the denominators.
    pub before: Option<&'a [f32]>,
}

impl Epilogue for Quotient<'_> {
    fn apply(
        &self,
        block: usize,
        at: usize,
        sums: &[f32],
        output: Output<'_>,
        totals: &mut SumPair,
    ) {
        let output = output.held_or_zeros();
        let bias = self.bias.lanes(block, at);
        let before = self.before.map(|before| &before[at..at + sums.len()]);
        dispatch(Divide { stabilizer: self.stabilizer, bias, before, sums, output, totals });
    }
}

struct Divide<'a> {
    stabilizer: Stabilizer,
    bias: BiasLanes<'a>,
    before: Option<&'a [f32]>,
    sums: &'a [f32],
    output: &'a mut [f32],
    totals: &'a mut SumPair,
}

impl SimdLoop for Divide<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let division = Division::new(simd, self.stabilizer);
        let before = self.before.map(|before| before.as_chunks().0);
        let mut absorbed = [simd.splat(0.0); 2];
        for (pixel, (output, sums)) in pixels(self.output, self.sums).enumerate() {
            let bias = simd.load(self.bias.at(pixel));
            let mut z = simd.add(simd.load(sums), bias);
            if let Some(before) = before {
                z = simd.add(z, simd.load(&before[pixel]));
            }
            let [quotient, by_stabilizer] = division.quotient(simd.load(output), z);
            simd.store(quotient, output);
            absorbed[0] = simd.add(absorbed[0], by_stabilizer);
            absorbed[1] = simd.add(absorbed[1], simd.multiply(quotient, bias));
        }
        self.totals.add_vectors(simd, absorbed);
    }
}

#[cfg(test)]
mod tests {
    use onnxplain_kernels::nchwc::epilogue::testing::{finished, map};

    use super::*;

    #[test]
    fn a_bias_absorbs_its_part_of_a_quotient() {
        let (bias, before) = (map([1.0, 0.0, -1.0, 0.0]), map([0.0, 1.0, 0.0, 0.0]));
        let quotient = Quotient {
            stabilizer: Stabilizer::additive(0.0),
            bias: Bias::Map(&bias),
            before: Some(&before),
        };
        let (quotients, absorbed) =
            finished(&quotient, [1.0, 3.0, -1.0, 0.0], [4.0, 8.0, 2.0, 7.0]);
        assert_eq!(quotients, [2.0, 2.0, -1.0, 0.0]);
        // What meets a denominator of 0 is lost at the stabilizer.
        assert_eq!(absorbed, [7.0, 2.0 + 1.0]);
    }
}
