//! Relevance divided by the sums: the first half of a rule.

use super::{Bias, LanesOf, pixels};
use crate::blocked::lanes::{Lanes, LanesLoop, with_lanes};
use crate::blocked::{Finish, Totals};
use crate::rule::{Stabilizer, StabilizerKind};

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

/// [`Stabilizer::divide`], sixteen numbers at a time. A relative ε cannot be had from a few
/// denominators: it counts as it is.
struct Division<L: Lanes> {
    lanes: L,
    zero: L::Vector,
    /// `-ε` and `ε`.
    epsilons: [L::Vector; 2],
    clips: bool,
}

impl<L: Lanes> Division<L> {
    #[inline(always)]
    fn new(lanes: L, stabilizer: Stabilizer) -> Division<L> {
        let epsilon = stabilizer.epsilon.abs();
        Division {
            lanes,
            zero: lanes.splat(0.0),
            epsilons: [lanes.splat(-epsilon), lanes.splat(epsilon)],
            clips: stabilizer.kind == StabilizerKind::Clip,
        }
    }

    /// `r / stabilized(z)`, and what the stabilizer absorbs.
    #[inline(always)]
    fn quotient(&self, r: L::Vector, z: L::Vector) -> [L::Vector; 2] {
        let Division { lanes, zero, .. } = *self;
        let epsilon = lanes.where_greater(zero, z, self.epsilons);
        let stable = match self.clips {
            true => lanes.where_greater(self.epsilons[1], lanes.absolute(z), [epsilon, z]),
            false => lanes.add(z, epsilon),
        };
        let quotient = lanes.where_equal(r, zero, [zero, lanes.divide(r, stable)]);
        let quotient = lanes.where_equal(stable, zero, [zero, quotient]);
        let absorbed = lanes.multiply(quotient, lanes.subtract(stable, z));
        [quotient, lanes.where_equal(stable, zero, [r, absorbed])]
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
            let signed = |magnitude| {
                lanes.where_greater(zero, y, [lanes.subtract(zero, magnitude), magnitude])
            };
            let unbiased = lanes.subtract(y, lanes.subtract(bias, part));
            let part_magnitude = lanes.absolute(part);
            let magnitude = lanes.absolute(lanes.add(lanes.load(sums), part_magnitude));
            // `share · a + favour · b`, each rounded.
            let weighted =
                |a, b| lanes.add(lanes.multiply(share, a), lanes.multiply(favour, signed(b)));
            let taken_up = lanes.where_equal(y, zero, [zero, r]);
            let [quotient, by_stabilizer] =
                division.quotient(taken_up, weighted(unbiased, magnitude));
            lanes.store(quotient, output);
            let dropped = lanes.subtract(r, taken_up);
            absorbed[0] = lanes.add(absorbed[0], lanes.add(by_stabilizer, dropped));
            let by_bias = lanes.multiply(quotient, weighted(part, part_magnitude));
            absorbed[1] = lanes.add(absorbed[1], by_bias);
        }
        self.totals.add_vectors(lanes, absorbed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{finished, map};
    use super::*;
    use crate::blocked::LANES;
    use crate::blocked::lanes::{Sixteen, with_all_lanes};

    /// Zeros, numbers around ε, infinities, and what is not a number.
    const SPECIAL: [f32; 11] =
        [0.0, -0.0, 0.25, -0.25, 0.5, -0.5, 3.0, -1e30, f32::INFINITY, -f32::INFINITY, f32::NAN];

    #[derive(Clone, Copy)]
    struct Quotients {
        stabilizer: Stabilizer,
        r: Sixteen,
        z: Sixteen,
        expected: [Sixteen; 2],
    }

    impl LanesLoop for Quotients {
        fn run(self, lanes: impl Lanes) {
            let Quotients { stabilizer, r, z, expected } = self;
            let found = Division::new(lanes, stabilizer)
                .quotient(lanes.load(&r), lanes.load(&z))
                .map(|vector| {
                    let mut numbers = [0.0; LANES];
                    lanes.store(vector, &mut numbers);
                    numbers
                });
            for ((found, expected), what) in found.iter().zip(expected).zip(["quotient", "lost"]) {
                for lane in 0..LANES {
                    let is_same = found[lane] == expected[lane]
                        || found[lane].is_nan() && expected[lane].is_nan();
                    assert!(
                        is_same,
                        "{what} of {} and {}, {stabilizer}: {} is not {}",
                        r[lane], z[lane], found[lane], expected[lane]
                    );
                }
            }
        }
    }

    #[test]
    fn divides_as_the_stabilizer_does() {
        let kinds = [StabilizerKind::Additive, StabilizerKind::Clip];
        for (kind, epsilon) in kinds.into_iter().flat_map(|kind| [(kind, 0.5), (kind, 0.0)]) {
            let stabilizer = Stabilizer { kind, epsilon };
            for &number in &SPECIAL {
                let r: Sixteen = std::array::from_fn(|lane| SPECIAL[lane % SPECIAL.len()]);
                let (z, mut quotients) = ([number; LANES], r);
                // One run a number, so that the sums are those of one number.
                let sums = stabilizer.divide(&mut quotients, &z, 1);
                let absorbed = std::array::from_fn(|lane| sums[lane][0] as f32);
                let expected = [quotients, absorbed];
                with_all_lanes(Quotients { stabilizer, r, z, expected });
            }
        }
    }

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
