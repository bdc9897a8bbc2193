//! Differences that have lost digits: a denominator that is known as the difference of larger numbers is summed anew where
//! it is small beside them.

use crate::simd::Simd;

/// How much larger numbers may be than their difference: six of 24 bits are lost.
const MOST: f32 = 64.0;

/// Whether a difference is too small beside the magnitudes of what was subtracted.
pub fn is_doubtful(difference: f32, magnitudes: f32) -> bool {
    magnitudes > MOST * difference.abs()
}

/// The same of every lane: 1 where it is, else 0.
#[inline(always)]
pub fn doubt<S: Simd>(simd: S, difference: S::Vector, magnitudes: S::Vector) -> S::Vector {
    let allowed = simd.multiply(simd.splat(MOST), simd.absolute(difference));
    simd.where_greater(magnitudes, allowed, [simd.splat(1.0), simd.splat(0.0)])
}
