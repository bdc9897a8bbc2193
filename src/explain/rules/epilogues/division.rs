//! Divisions by stabilized denominators, sixteen at a time.

use onnxplain_kernels::simd::{F32x16, Simd, SimdLoop, SumPair, dispatch, filled_up};

use crate::parallel::map_chunks;
use crate::rule::{Stabilizer, StabilizerKind};

impl Stabilizer {
    /// Replaces every numerator by `numerator / stabilized(denominator)`, 0 where the numerator is 0. There are as many
    /// denominators, or those of a run serve for all.
    ///
    /// Returns for every run of `run` elements `Σ quotient · (stabilized(z) − z)`, the relevance that
    /// the stabilizer absorbs, and `Σ quotient`.
    pub(crate) fn divide(
        &self,
        numerators: &mut [f32],
        denominators: &[f32],
        run: usize,
    ) -> Vec<[f64; 2]> {
        let stabilizer = match self.kind {
            StabilizerKind::Relative => {
                Stabilizer::additive(self.epsilon * root_mean_square(denominators))
            }
            _ => *self,
        };
        map_chunks(numerators, run, |index, numerators| {
            let start = if denominators.len() == run { 0 } else { index * run };
            let denominators = &denominators[start..][..numerators.len()];
            let ((r, last_r), (z, last_z)) = (numerators.as_chunks_mut(), denominators.as_chunks());
            let mut totals = SumPair::default();
            dispatch(Divide { stabilizer, r, z, totals: &mut totals });
            if !last_r.is_empty() {
                let (r, z) = (&mut [filled_up(last_r)], &[filled_up(last_z)]);
                dispatch(Divide { stabilizer, r, z, totals: &mut totals });
                last_r.copy_from_slice(&r[0][..last_r.len()]);
            }
            totals.sums()
        })
    }
}

/// Replaces numerators by their quotients; the totals are what the stabilizer absorbs, and the quotients.
struct Divide<'a> {
    stabilizer: Stabilizer,
    r: &'a mut [F32x16],
    z: &'a [F32x16],
    totals: &'a mut SumPair,
}

impl SimdLoop for Divide<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let division = Division::new(simd, self.stabilizer);
        for index in 0..self.r.len() {
            let (r, z) = (&mut self.r[index], &self.z[index]);
            let [quotient, absorbed] = division.quotient(simd.load(r), simd.load(z));
            simd.store(quotient, r);
            self.totals.add_vectors(simd, [absorbed, quotient]);
        }
    }
}

/// Divisions by sixteen stabilized denominators at a time. A relative ε cannot be had from a few of
/// them: it counts as it is.
pub(crate) struct Division<L: Simd> {
    simd: L,
    zero: L::Vector,
    /// `-ε` and `ε`.
    epsilons: [L::Vector; 2],
    clips: bool,
}

impl<L: Simd> Division<L> {
    #[inline(always)]
    pub fn new(simd: L, stabilizer: Stabilizer) -> Division<L> {
        let epsilon = stabilizer.epsilon.abs();
        Division {
            simd,
            zero: simd.splat(0.0),
            epsilons: [simd.splat(-epsilon), simd.splat(epsilon)],
            clips: stabilizer.kind == StabilizerKind::Clip,
        }
    }

    /// `r / stabilized(z)`, 0 where `r` is 0, and what the stabilizer absorbs, `quotient · (stabilized(z) − z)`.
    #[inline(always)]
    pub fn quotient(&self, r: L::Vector, z: L::Vector) -> [L::Vector; 2] {
        let Division { simd, zero, .. } = *self;
        let epsilon = simd.where_greater(zero, z, self.epsilons);
        let stable = match self.clips {
            true => simd.where_greater(self.epsilons[1], simd.absolute(z), [epsilon, z]),
            false => simd.add(z, epsilon),
        };
        let quotient = simd.where_equal(r, zero, [zero, simd.divide(r, stable)]);
        // A relative ε is 0 too where the whole layer is silent: the relevance ends there.
        let quotient = simd.where_equal(stable, zero, [zero, quotient]);
        let absorbed = simd.multiply(quotient, simd.subtract(stable, z));
        [quotient, simd.where_equal(stable, zero, [r, absorbed])]
    }
}

fn root_mean_square(values: &[f32]) -> f32 {
    let squares: f64 = values.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
    (squares / values.len().max(1) as f64).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use onnxplain_kernels::simd::{LANES, dispatch_to_all};

    /// Zeros, numbers around ε, infinities, and what is not a number.
    const SPECIAL: [f32; 11] =
        [0.0, -0.0, 0.25, -0.25, 0.5, -0.5, 3.0, -1e30, f32::INFINITY, -f32::INFINITY, f32::NAN];

    #[derive(Clone, Copy)]
    struct Quotients {
        stabilizer: Stabilizer,
        r: F32x16,
        z: F32x16,
        expected: [F32x16; 2],
    }

    impl SimdLoop for Quotients {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            let Quotients { stabilizer, r, z, expected } = self;
            let found = Division::new(simd, stabilizer).quotient(simd.load(&r), simd.load(&z)).map(
                |vector| {
                    let mut numbers = [0.0; LANES];
                    simd.store(vector, &mut numbers);
                    numbers
                },
            );
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

    /// The formulas, one number at a time.
    fn expected(stabilizer: Stabilizer, r: f32, z: f32) -> [f32; 2] {
        let epsilon = if z < 0.0 { -stabilizer.epsilon } else { stabilizer.epsilon };
        let stable = match stabilizer.kind {
            StabilizerKind::Clip if z.abs() < stabilizer.epsilon => epsilon,
            StabilizerKind::Clip => z,
            _ => z + epsilon,
        };
        match (r == 0.0, stable == 0.0) {
            (_, true) => [0.0, r],
            (true, _) => [0.0, 0.0 * (stable - z)],
            _ => [r / stable, r / stable * (stable - z)],
        }
    }

    #[test]
    fn every_set_of_instructions_divides_alike() {
        let kinds = [StabilizerKind::Additive, StabilizerKind::Clip];
        for (kind, epsilon) in kinds.into_iter().flat_map(|kind| [(kind, 0.5), (kind, 0.0)]) {
            let stabilizer = Stabilizer { kind, epsilon };
            for &number in &SPECIAL {
                let r: F32x16 = std::array::from_fn(|lane| SPECIAL[lane % SPECIAL.len()]);
                let pairs = r.map(|r| expected(stabilizer, r, number));
                let expected = [0, 1].map(|part| pairs.map(|pair| pair[part]));
                let z = [number; LANES];
                dispatch_to_all(Quotients { stabilizer, r, z, expected });
            }
        }
    }

    fn quotients(kind: StabilizerKind) -> (Vec<f32>, Vec<[f64; 2]>) {
        let mut quotients = vec![3.0, 3.0, 3.0, 3.0, 0.0];
        let z = [1.0, -1.0, 0.0, -0.25, 2.0];
        let sums = Stabilizer { epsilon: 0.5, kind }.divide(&mut quotients, &z, 3);
        (quotients, sums)
    }

    #[test]
    fn additive_moves_away_from_zero() {
        let (quotients, sums) = quotients(StabilizerKind::Additive);
        assert_eq!(quotients, [2.0, -2.0, 6.0, -4.0, 0.0]);
        assert_eq!(sums, [[2.0 * 0.5 + 2.0 * 0.5 + 6.0 * 0.5, 2.0 - 2.0 + 6.0], [4.0 * 0.5, -4.0]]);
    }

    #[test]
    fn clip_leaves_large_denominators_alone() {
        let (quotients, sums) = quotients(StabilizerKind::Clip);
        assert_eq!(quotients, [3.0, -3.0, 6.0, -6.0, 0.0]);
        assert_eq!(sums, [[6.0 * 0.5, 3.0 - 3.0 + 6.0], [6.0 * 0.25, -6.0]]);
    }

    #[test]
    fn relative_scales_with_the_layer() {
        let (mut quotients, z) = ([1.0, 1.0], [3.0, -4.0]);
        let stabilizer = Stabilizer { epsilon: 0.1, kind: StabilizerKind::Relative };
        stabilizer.divide(&mut quotients, &z, 2);
        let epsilon = 0.1 * (12.5f32).sqrt();
        assert!((quotients[0] - 1.0 / (3.0 + epsilon)).abs() < 1e-6);
        assert!((quotients[1] + 1.0 / (4.0 + epsilon)).abs() < 1e-6);
    }
}
