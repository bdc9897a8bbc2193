//! Sums of many floats, in double precision.

use super::{LANES, Simd};

/// Two sums over many floats, each kept as sixteen partial sums.
#[derive(Clone, Copy, Debug, Default)]
pub struct SumPair {
    /// The partial sums of both.
    pub lanes: [[f64; LANES]; 2],
}

impl SumPair {
    /// Adds the partial sums of another pair.
    pub fn add(&mut self, other: &SumPair) {
        for (sums, others) in self.lanes.iter_mut().zip(&other.lanes) {
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
        }
    }

    /// Adds a vector to each of the sums.
    #[inline(always)]
    pub fn add_vectors<S: Simd>(&mut self, simd: S, [first, second]: [S::Vector; 2]) {
        let [first_sums, second_sums] = &mut self.lanes;
        simd.add_up(first, first_sums);
        simd.add_up(second, second_sums);
    }

    /// Adds up pairs in their order, so that the result does not depend on which thread computed which.
    pub fn of(parts: impl IntoIterator<Item = SumPair>) -> SumPair {
        let mut total = SumPair::default();
        parts.into_iter().for_each(|part| total.add(&part));
        total
    }

    /// The two sums.
    pub fn sums(&self) -> [f64; 2] {
        self.lanes.map(|lanes| lanes.iter().sum())
    }
}
