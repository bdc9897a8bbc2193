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

/// The gamma rule on both signs: with the sums `|W| |x|` and `σ` the sign of the output `y`, relevance `R`,
/// which is what the output holds, over `z = share · y + favour · σ (sums + |b|)`.
///
/// The totals are the relevance that the stabilizer absorbs, that of outputs of 0 included, which is
/// dropped, and the relevance that the bias absorbs.
pub(crate) struct GammaQuotient<'a> {
    pub stabilizer: Stabilizer,
    pub share: f32,
    pub favour: f32,
    /// The layer's output.
    pub y: &'a [f32],
    /// The layer's bias.
    pub bias: Bias<'a>,
    /// Whether the bias takes part: otherwise it is taken from `y`.
    pub with_bias: bool,
}

impl Finish for GammaQuotient<'_> {
    fn finish(
        &self,
        block: usize,
        at: usize,
        sums: &[f32],
        output: &mut [f32],
        totals: &mut Totals,
    ) {
        let y = &self.y[at..at + sums.len()];
        let bias = self.bias.lanes(block, at);
        with_lanes(GammaDivide { rule: self, y, bias, sums, output, totals });
    }
}

struct GammaDivide<'a> {
    rule: &'a GammaQuotient<'a>,
    y: &'a [f32],
    bias: LanesOf<'a>,
    sums: &'a [f32],
    output: &'a mut [f32],
    totals: &'a mut Totals,
}

impl LanesLoop for GammaDivide<'_> {
    #[inline(always)]
    fn run(self, lanes: impl Lanes) {
        let GammaQuotient { stabilizer, share, favour, with_bias, .. } = *self.rule;
        let division = Division::new(lanes, stabilizer);
        let (share, favour, zero) = (lanes.splat(share), lanes.splat(favour), lanes.splat(0.0));
        let mut absorbed = [zero; 2];
        let outputs = pixels(self.output, self.sums).zip(self.y.as_chunks().0);
        for (pixel, ((output, sums), y)) in outputs.enumerate() {
            let (y, r) = (lanes.load(y), lanes.load(output));
            let bias = lanes.load(self.bias.at(pixel));
            let part = if with_bias { bias } else { zero };
            let unbiased = lanes.subtract(y, lanes.subtract(bias, part));
            let part_magnitude = lanes.absolute(part);
            let magnitude = lanes.absolute(lanes.add(lanes.load(sums), part_magnitude));
            // With the sign of the output.
            let favour = lanes.where_greater(zero, y, [lanes.subtract(zero, favour), favour]);
            let weights = [share, favour];
            let taken_up = lanes.where_equal(y, zero, [zero, r]);
            let [quotient, by_stabilizer] =
                division.quotient(taken_up, weighted(lanes, weights, [unbiased, magnitude]));
            lanes.store(quotient, output);
            let dropped = lanes.subtract(r, taken_up);
            absorbed[0] = lanes.add(absorbed[0], lanes.add(by_stabilizer, dropped));
            let by_bias =
                lanes.multiply(quotient, weighted(lanes, weights, [part, part_magnitude]));
            absorbed[1] = lanes.add(absorbed[1], by_bias);
        }
        self.totals.add_vectors(lanes, absorbed);
    }
}

/// The weighted sum of two numbers.
#[inline(always)]
fn weighted<L: Lanes>(lanes: L, weights: [L::Vector; 2], [a, b]: [L::Vector; 2]) -> L::Vector {
    lanes.add(lanes.multiply(weights[0], a), lanes.multiply(weights[1], b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::epilogues::tests::{finished, map};

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
