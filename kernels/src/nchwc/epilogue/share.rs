//! The product of sums with factors, written or accumulated.

use crate::nchwc::{Epilogue, SumPair};
use crate::output::{Output, Vectors};
use crate::simd::{Simd, SimdLoop, dispatch};

/// `coefficient · factors ⊙ sums`, written to fresh memory, or added to the floats that the output holds. The totals are
/// the sums of the results and of their absolute values.
pub struct Share<'a> {
    /// Factor of all sums.
    pub coefficient: f32,
    /// An image in blocks that the sums are multiplied with; `None`: 1.
    pub factors: Option<&'a [f32]>,
}

impl Epilogue for Share<'_> {
    fn apply(&self, _: usize, at: usize, sums: &[f32], output: Output<'_>, totals: &mut SumPair) {
        let factors = self.factors.map(|factors| &factors[at..at + sums.len()]);
        let products = Products { coefficient: self.coefficient, factors, sums };
        match output.held() {
            Ok(output) => dispatch(Add { products, output, totals }),
            Err(fresh) => dispatch(Write { products, output: fresh.vectors().0, totals }),
        }
    }
}

/// `coefficient · factors ⊙ sums` of neighbouring pixels.
struct Products<'a> {
    coefficient: f32,
    factors: Option<&'a [f32]>,
    sums: &'a [f32],
}

impl Products<'_> {
    /// The product at one of the pixels.
    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, coefficient: S::Vector, pixel: usize) -> S::Vector {
        let mut product = simd.load(&self.sums.as_chunks().0[pixel]);
        if let Some(factors) = self.factors {
            product = simd.multiply(product, simd.load(&factors.as_chunks().0[pixel]));
        }
        simd.multiply(coefficient, product)
    }
}

/// Adds products to what the output holds.
struct Add<'a> {
    products: Products<'a>,
    output: &'a mut [f32],
    totals: &'a mut SumPair,
}

impl SimdLoop for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let coefficient = simd.splat(self.products.coefficient);
        let mut totals = [simd.splat(0.0); 2];
        for (pixel, output) in self.output.as_chunks_mut().0.iter_mut().enumerate() {
            let product = self.products.at(simd, coefficient, pixel);
            let result = simd.add(simd.load(output), product);
            simd.store(result, output);
            totals[0] = simd.add(totals[0], result);
            totals[1] = simd.add(totals[1], simd.absolute(result));
        }
        self.totals.add_vectors(simd, totals);
    }
}

/// Writes products.
struct Write<'a> {
    products: Products<'a>,
    output: Vectors<'a>,
    totals: &'a mut SumPair,
}

impl SimdLoop for Write<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Write { products, mut output, .. } = self;
        let coefficient = simd.splat(products.coefficient);
        let mut totals = [simd.splat(0.0); 2];
        for pixel in 0..output.len() {
            let result = products.at(simd, coefficient, pixel);
            output.push(simd, result);
            totals[0] = simd.add(totals[0], result);
            totals[1] = simd.add(totals[1], simd.absolute(result));
        }
        output.finish();
        self.totals.add_vectors(simd, totals);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finished, finished_fresh, map};
    use super::*;

    #[test]
    fn a_share_is_written_or_added() {
        let factors = map([1.0, -1.0, 2.0, 0.0]);
        let share = Share { coefficient: 2.0, factors: Some(&factors) };
        let sums = [3.0, 4.0, -1.0, 5.0];
        let before = [10.0, 0.0, 10.0, 10.0];
        assert_eq!(finished(&share, sums, before), ([16.0, -8.0, 6.0, 10.0], [24.0, 40.0]));
        assert_eq!(finished_fresh(&share, sums), ([6.0, -8.0, -4.0, 0.0], [-6.0, 18.0]));
    }
}
