//! Cancellation: a difference of much larger numbers has lost digits, and is worth being summed in another way.

use crate::simd::Simd;

/// How much larger the operands may be than their difference: six of 24 bits are lost.
const MOST: f32 = 64.0;

/// Whether a difference is too small compared with the magnitudes of its operands.
pub fn is_doubtful(difference: f32, magnitudes: f32) -> bool {
    magnitudes > MOST * difference.abs()
}

/// Per lane: 1 where [`is_doubtful`], otherwise 0.
#[inline(always)]
pub fn doubt<S: Simd>(simd: S, difference: S::Vector, magnitudes: S::Vector) -> S::Vector {
    let allowed = simd.multiply(simd.splat(MOST), simd.absolute(difference));
    simd.where_greater(magnitudes, allowed, [simd.splat(1.0), simd.splat(0.0)])
}
