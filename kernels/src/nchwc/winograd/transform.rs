//! The transforms of minimal filtering: from a tile of the input and from a filter to values at points,
//! and from their products back to a tile of the output.
//!
//! A filter and a tile are polynomials; at each of `S = M + 2` points their product costs one multiplication, and `M`
//! outputs follow from them (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016). Divisions are
//! part of the filters' transform, which is computed in `f64`.

// Rows and columns of tiles change places, which iterators cannot say.
#![allow(clippy::needless_range_loop)]

use super::super::LANES;
use crate::simd::{Simd, first, first_mut};

/// The transforms along one axis; along two they are applied one after the other.
pub(super) trait Filtering<const M: usize, const S: usize>: Send + Sync {
    /// A tile of the input at the points.
    fn input<V: Simd>(simd: V, tile: [V::Vector; S]) -> [V::Vector; S];

    /// A filter at the points.
    fn filter<V: Simd>(simd: V, taps: [V::Doubles; 3]) -> [V::Doubles; S];

    /// Outputs from products at the points.
    fn output<V: Simd>(simd: V, products: [V::Vector; S]) -> [V::Vector; M];
}

/// Two outputs from the points 0, 1, -1 and infinity.
pub(super) struct Two;

impl Filtering<2, 4> for Two {
    #[inline(always)]
    fn input<V: Simd>(simd: V, [a, b, c, d]: [V::Vector; 4]) -> [V::Vector; 4] {
        [simd.subtract(a, c), simd.add(b, c), simd.subtract(c, b), simd.subtract(d, b)]
    }

    #[inline(always)]
    fn filter<V: Simd>(simd: V, [a, b, c]: [V::Doubles; 3]) -> [V::Doubles; 4] {
        let half = simd.splat_doubles(0.5);
        let plus = simd.add_doubles(simd.add_doubles(a, b), c);
        let minus = simd.add_doubles(simd.subtract_doubles(a, b), c);
        [a, simd.multiply_doubles(plus, half), simd.multiply_doubles(minus, half), c]
    }

    #[inline(always)]
    fn output<V: Simd>(simd: V, [zero, one, minus, infinity]: [V::Vector; 4]) -> [V::Vector; 2] {
        let (even, odd) = (simd.add(one, minus), simd.subtract(one, minus));
        [simd.add(zero, even), simd.add(odd, infinity)]
    }
}

/// Four outputs from the points 0, ±[`NEAR`], ±[`FAR`] and infinity.
pub(super) struct Four;

/// The points that are nearer to 0.
const NEAR: f64 = 11.0 / 16.0;

/// The points that are farther from 0.
const FAR: f64 = 3.0 / 2.0;

impl Filtering<4, 6> for Four {
    #[inline(always)]
    fn input<V: Simd>(simd: V, [a, b, c, d, e, f]: [V::Vector; 6]) -> [V::Vector; 6] {
        const NEAR_SQUARE: f64 = NEAR * NEAR;
        const FAR_SQUARE: f64 = FAR * FAR;
        let sum = simd.splat((NEAR_SQUARE + FAR_SQUARE) as f32);
        let product = simd.splat((NEAR_SQUARE * FAR_SQUARE) as f32);
        let [near, minus_near] = pair(simd, [b, c, d, e], NEAR, FAR_SQUARE);
        let [far, minus_far] = pair(simd, [b, c, d, e], FAR, NEAR_SQUARE);
        let zero = simd.multiply_add(product, a, simd.subtract_product(e, sum, c));
        let infinity = simd.multiply_add(product, b, simd.subtract_product(f, sum, d));
        [zero, near, minus_near, far, minus_far, infinity]
    }

    #[inline(always)]
    fn filter<V: Simd>(simd: V, [a, b, c]: [V::Doubles; 3]) -> [V::Doubles; 6] {
        const NEAR_SQUARE: f64 = NEAR * NEAR;
        const FAR_SQUARE: f64 = FAR * FAR;
        const DIFFERENCE: f64 = FAR_SQUARE - NEAR_SQUARE;
        // Reciprocals: a division takes as long as ten products.
        const ZERO: f64 = 1.0 / (NEAR_SQUARE * FAR_SQUARE);
        const NEARS: f64 = -0.5 / (NEAR_SQUARE * DIFFERENCE);
        const FARS: f64 = 0.5 / (FAR_SQUARE * DIFFERENCE);
        let [near, minus_near] = points_of(simd, [a, b, c], NEAR, NEARS);
        let [far, minus_far] = points_of(simd, [a, b, c], FAR, FARS);
        [simd.multiply_doubles(a, simd.splat_doubles(ZERO)), near, minus_near, far, minus_far, c]
    }

    #[inline(always)]
    fn output<V: Simd>(
        simd: V,
        [zero, near, minus_near, far, minus_far, infinity]: [V::Vector; 6],
    ) -> [V::Vector; 4] {
        let (near_even, near_odd) = (simd.add(near, minus_near), simd.subtract(near, minus_near));
        let (far_even, far_odd) = (simd.add(far, minus_far), simd.subtract(far, minus_far));
        let third = simd.splat((FAR * FAR * FAR) as f32);
        let third = simd.multiply_add(third, far_odd, infinity);
        let near_third = simd.splat((NEAR * NEAR * NEAR) as f32);
        [
            simd.add(zero, simd.add(near_even, far_even)),
            weighted(simd, [NEAR, FAR], near_odd, far_odd),
            weighted(simd, [NEAR * NEAR, FAR * FAR], near_even, far_even),
            simd.multiply_add(near_third, near_odd, third),
        ]
    }
}

// No closures: some builds compile them as functions without the instructions of their caller.

/// The four middle elements of a tile at a point and at its negative.
#[inline(always)]
fn pair<V: Simd>(
    simd: V,
    [b, c, d, e]: [V::Vector; 4],
    point: f64,
    other_square: f64,
) -> [V::Vector; 2] {
    let (point, other_square) = (simd.splat(point as f32), simd.splat(other_square as f32));
    let even = simd.subtract_product(e, other_square, c);
    let odd = simd.subtract_product(d, other_square, b);
    [simd.multiply_add(point, odd, even), simd.subtract_product(even, point, odd)]
}

/// `weights[0] · near + weights[1] · far`: the far points' powers are the larger ones.
#[inline(always)]
fn weighted<V: Simd>(simd: V, weights: [f64; 2], near: V::Vector, far: V::Vector) -> V::Vector {
    let far = simd.multiply(simd.splat(weights[1] as f32), far);
    simd.multiply_add(simd.splat(weights[0] as f32), near, far)
}

/// A filter at a point and at its negative, times a factor.
#[inline(always)]
fn points_of<V: Simd>(
    simd: V,
    [a, b, c]: [V::Doubles; 3],
    point: f64,
    factor: f64,
) -> [V::Doubles; 2] {
    let factor = simd.splat_doubles(factor);
    let even = simd.add_doubles(a, simd.multiply_doubles(c, simd.splat_doubles(point * point)));
    let odd = simd.multiply_doubles(b, simd.splat_doubles(point));
    let (plus, minus) = (simd.add_doubles(even, odd), simd.subtract_doubles(even, odd));
    [simd.multiply_doubles(plus, factor), simd.multiply_doubles(minus, factor)]
}

/// Evaluates sixteen channels of a tile, whose rows are `row_len` floats apart, at the points, which are `point_len`
/// floats apart.
#[inline(always)]
pub(super) fn input<V: Simd, F: Filtering<M, S>, const M: usize, const S: usize>(
    simd: V,
    tile: &[f32],
    row_len: usize,
    points: &mut [f32],
    point_len: usize,
) {
    let mut rows = [[simd.splat(0.0); S]; S];
    for x in 0..S {
        let mut column = [simd.splat(0.0); S];
        for y in 0..S {
            column[y] = simd.load(first(&tile[y * row_len + x * LANES..]));
        }
        let column = F::input(simd, column);
        for y in 0..S {
            rows[y][x] = column[y];
        }
    }
    for y in 0..S {
        let row = F::input(simd, rows[y]);
        for x in 0..S {
            simd.store(row[x], first_mut(&mut points[(y * S + x) * point_len..]));
        }
    }
}

/// Sixteen channels of a tile of the output from the products at its points; its rows are `row_len` floats apart, and
/// only the first `columns` are written.
#[inline(always)]
pub(super) fn output<V: Simd, F: Filtering<M, S>, const M: usize, const S: usize>(
    simd: V,
    products: &[f32],
    tile: &mut [f32],
    row_len: usize,
    columns: usize,
) {
    let products = products[..S * S * LANES].as_chunks::<LANES>().0;
    let mut rows = [[simd.splat(0.0); S]; M];
    for x in 0..S {
        let mut column = [simd.splat(0.0); S];
        for y in 0..S {
            column[y] = simd.load(&products[y * S + x]);
        }
        let column = F::output(simd, column);
        for y in 0..M {
            rows[y][x] = column[y];
        }
    }
    for y in 0..M {
        let row = F::output(simd, rows[y]);
        for x in 0..M {
            if x < columns {
                simd.store(row[x], first_mut(&mut tile[y * row_len + x * LANES..]));
            }
        }
    }
}
