//! The product of sums with factors, written or accumulated.

use super::pixels;
use crate::nchwc::{Epilogue, SumPair};
use crate::simd::{Simd, SimdLoop, dispatch};

/// `coefficient · factors ⊙ sums`, written or accumulated. The totals are the sums of the results and of their absolute
/// values.
pub struct Share<'a> {
    /// Factor of all sums.
    pub coefficient: f32,
    /// An image in blocks that the sums are multiplied with; `None`: 1.
    pub factors: Option<&'a [f32]>,
    /// Whether to add to what the output holds.
    pub adds: bool,
}

impl Epilogue for Share<'_> {
    fn apply(&self, _: usize, at: usize, sums: &[f32], output: &mut [f32], totals: &mut SumPair) {
        let factors = self.factors.map(|factors| &factors[at..at + sums.len()]);
        dispatch(Multiply { rule: self, factors, sums, output, totals });
    }
}

struct Multiply<'a> {
    rule: &'a Share<'a>,
    factors: Option<&'a [f32]>,
    sums: &'a [f32],
    output: &'a mut [f32],
    totals: &'a mut SumPair,
}

impl SimdLoop for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let coefficient = simd.splat(self.rule.coefficient);
        let factors = self.factors.map(|factors| factors.as_chunks().0);
        let mut totals = [simd.splat(0.0); 2];
        for (pixel, (output, sums)) in pixels(self.output, self.sums).enumerate() {
            let mut result = simd.load(sums);
            if let Some(factors) = factors {
                result = simd.multiply(result, simd.load(&factors[pixel]));
            }
            result = simd.multiply(coefficient, result);
            if self.rule.adds {
                result = simd.add(simd.load(output), result);
            }
            simd.store(result, output);
            totals[0] = simd.add(totals[0], result);
            totals[1] = simd.add(totals[1], simd.absolute(result));
        }
        self.totals.add_vectors(simd, totals);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finished, map};
    use super::*;

    #[test]
    fn a_share_is_written_or_added() {
        let factors = map([1.0, -1.0, 2.0, 0.0]);
        let mut share = Share { coefficient: 2.0, factors: Some(&factors), adds: false };
        let (sums, before) = ([3.0, 4.0, -1.0, 5.0], [10.0, f32::NAN, 10.0, 10.0]);
        assert_eq!(finished(&share, sums, before), ([6.0, -8.0, -4.0, 0.0], [-6.0, 18.0]));
        share.adds = true;
        let before = [10.0, 0.0, 10.0, 10.0];
        assert_eq!(finished(&share, sums, before), ([16.0, -8.0, 6.0, 10.0], [24.0, 40.0]));
    }
}
