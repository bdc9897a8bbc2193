//! Differences that have lost digits: a denominator that is known as the difference of larger numbers is summed anew where
//! it is small beside them.

use crate::simd::Lanes;

/// How much larger numbers may be than their difference: six of 24 bits are lost.
const MOST: f32 = 64.0;

/// Whether a difference is too small beside the magnitudes of what was subtracted.
pub fn is_doubtful(difference: f32, magnitudes: f32) -> bool {
    magnitudes > MOST * difference.abs()
}

/// The same of every lane: 1 where it is, else 0.
#[inline(always)]
pub fn doubt<L: Lanes>(lanes: L, difference: L::Vector, magnitudes: L::Vector) -> L::Vector {
    let allowed = lanes.multiply(lanes.splat(MOST), lanes.absolute(difference));
    lanes.where_greater(magnitudes, allowed, [lanes.splat(1.0), lanes.splat(0.0)])
}
