//! Relevance divided by the sums: the first half of a rule.

use super::division::Division;
use crate::blocked::Finish;
use crate::blocked::finish::{Bias, LanesOf, pixels};
use crate::lanes::{Lanes, LanesLoop, Totals, with_lanes};
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

impl Finish for Quotient<'_> {
    fn finish(
        &self,
        block: usize,
        at: usize,
        sums: &[f32],
        output: &mut [f32],
        totals: &mut Totals,
    ) {
        let bias = self.bias.lanes(block, at);
        let before = self.before.map(|before| &before[at..at + sums.len()]);
        with_lanes(Divide { stabilizer: self.stabilizer, bias, before, sums, output, totals });
    }
}

struct Divide<'a> {
    stabilizer: Stabilizer,
    bias: LanesOf<'a>,
    before: Option<&'a [f32]>,
    sums: &'a [f32],
    output: &'a mut [f32],
    totals: &'a mut Totals,
}

impl LanesLoop for Divide<'_> {
    #[inline(always)]
    fn run(self, lanes: impl Lanes) {
        let division = Division::new(lanes, self.stabilizer);
        let before = self.before.map(|before| before.as_chunks().0);
        let mut absorbed = [lanes.splat(0.0); 2];
        for (pixel, (output, sums)) in pixels(self.output, self.sums).enumerate() {
            let bias = lanes.load(self.bias.at(pixel));
            let mut z = lanes.add(lanes.load(sums), bias);
            if let Some(before) = before {
                z = lanes.add(z, lanes.load(&before[pixel]));
            }
            let [quotient, by_stabilizer] = division.quotient(lanes.load(output), z);
            lanes.store(quotient, output);
            absorbed[0] = lanes.add(absorbed[0], by_stabilizer);
            absorbed[1] = lanes.add(absorbed[1], lanes.multiply(quotient, bias));
        }
        self.totals.add_vectors(lanes, absorbed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{finished, map};
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
