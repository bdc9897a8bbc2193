//! Max pooling: maxima, the argmax of every window, and the way back.

use super::super::taps::Grid;
use super::{Reading, for_each_row};
use crate::geometry::WindowAxis;
use crate::output::{Output, Vectors};
use crate::simd::{F32x16, Simd, SimdLoop, dispatch};

/// The maximum of every window; NaN if it contains a NaN. Writes all of `output`.
pub fn maxima(window: &[WindowAxis; 2], input: &[f32], output: Output<'_>) {
    for_each_row(&Grid::forward(window), input, output, |reading, output| {
        dispatch(Maxima { reading, output });
    });
}

/// The argmax of every window, as the index of its tap; the first of equal ones. Writes all of `argmax`.
pub fn argmax(window: &[WindowAxis; 2], input: &[f32], argmax: Output<'_>) {
    let width = window[1].kernel;
    for_each_row(&Grid::forward(window), input, argmax, |reading, argmax| {
        dispatch(Argmax { reading, width, argmax });
    });
}

/// Adds the relevance of every window to the pixel at its argmax. Writes all of `result`.
pub fn to_argmax(window: &[WindowAxis; 2], argmax: &[f32], relevance: &[f32], result: Output<'_>) {
    let kernel = window.map(|axis| axis.kernel);
    let argmax = argmax.as_chunks().0;
    let grid = Grid::transposed(window);
    for_each_row(&grid, relevance, result, |reading, result| {
        let argmax = &argmax[reading.block * grid.read_len()..][..grid.read_len()];
        dispatch(ToArgmax { reading, kernel, argmax, result });
    });
}

struct Maxima<'a> {
    reading: Reading<'a>,
    output: Vectors<'a>,
}

impl SimdLoop for Maxima<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Maxima { reading: Reading { grid, row, plane, .. }, mut output } = self;
        let row = grid.rows[row];
        for &column in &grid.columns {
            let mut largest = simd.splat(f32::NEG_INFINITY);
            for y in 0..row.count {
                for x in 0..column.count {
                    let number = simd.load(&plane[grid.place(row, column, [y, x])]);
                    let larger = simd.where_greater(number, largest, [number, largest]);
                    // A NaN replaces the maximum, and stays.
                    largest = simd.where_equal(number, number, [larger, number]);
                }
            }
            output.push(simd, largest);
        }
        output.finish();
    }
}

struct Argmax<'a> {
    reading: Reading<'a>,
    /// Taps in a row of the window.
    width: usize,
    argmax: Vectors<'a>,
}

impl SimdLoop for Argmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Argmax { reading: Reading { grid, row, plane, .. }, width, mut argmax } = self;
        let row = grid.rows[row];
        for &column in &grid.columns {
            let tap = |y: usize, x: usize| {
                (row.first + y * row.step) * width + column.first + x * column.step
            };
            // Starts with the first pixel, even if it is NaN.
            let first = grid.first_place(row, column);
            let mut largest = first.map_or(simd.splat(0.0), |first| simd.load(&plane[first]));
            let mut winner = simd.splat(tap(0, 0) as f32);
            for y in 0..row.count {
                for x in 0..column.count {
                    let number = simd.load(&plane[grid.place(row, column, [y, x])]);
                    let tap = simd.splat(tap(y, x) as f32);
                    winner = simd.where_greater(number, largest, [tap, winner]);
                    largest = simd.where_greater(number, largest, [number, largest]);
                }
            }
            argmax.push(simd, winner);
        }
        argmax.finish();
    }
}

struct ToArgmax<'a> {
    reading: Reading<'a>,
    /// Taps along both axes.
    kernel: [usize; 2],
    /// Those of the whole plane that is read.
    argmax: &'a [F32x16],
    result: Vectors<'a>,
}

impl SimdLoop for ToArgmax<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let ToArgmax { reading, kernel: [height, width], argmax, mut result } = self;
        let Reading { grid, row, plane, .. } = reading;
        let (row, zero) = (grid.rows[row], simd.splat(0.0));
        for &column in &grid.columns {
            let mut sum = zero;
            for y in 0..row.count {
                for x in 0..column.count {
                    // The transposed grid numbers taps from the end.
                    let above = height - 1 - (row.first + y * row.step);
                    let tap = above * width + width - 1 - (column.first + x * column.step);
                    let place = grid.place(row, column, [y, x]);
                    let (winner, relevance) = (simd.load(&argmax[place]), simd.load(&plane[place]));
                    let tap = simd.splat(tap as f32);
                    sum = simd.add(sum, simd.where_equal(tap, winner, [relevance, zero]));
                }
            }
            result.push(simd, sum);
        }
        result.finish();
    }
}
