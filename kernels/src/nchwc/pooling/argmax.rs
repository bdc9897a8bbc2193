//! The largest of every window, and which of its pixels that is.

use super::super::taps::Grid;
use super::{Reading, for_each_row};
use crate::geometry::WindowAxis;
use crate::simd::{F32x16, Simd, SimdLoop, dispatch};

/// The largest of every window; not a number where one of them is none.
pub fn maxima(window: &[WindowAxis; 2], input: &[f32], output: &mut [f32]) {
    for_each_row(&Grid::forward(window), input, output, |reading, output| {
        dispatch(Maxima { reading, output });
    });
}

/// The winner of every window, the first of equals: the number of its tap.
pub fn winners(window: &[WindowAxis; 2], input: &[f32], winners: &mut [f32]) {
    let width = window[1].kernel;
    for_each_row(&Grid::forward(window), input, winners, |reading, winners| {
        dispatch(Winners { reading, width, winners });
    });
}

/// Gives the relevance of every window to its winner.
pub fn to_winners(
    window: &[WindowAxis; 2],
    winners: &[f32],
    relevance: &[f32],
    result: &mut [f32],
) {
    let kernel = window.map(|axis| axis.kernel);
    let winners = winners.as_chunks().0;
    let grid = Grid::transposed(window);
    for_each_row(&grid, relevance, result, |reading, result| {
        let winners = &winners[reading.block * grid.read_len()..][..grid.read_len()];
        dispatch(ToWinners { reading, kernel, winners, result });
    });
}

struct Maxima<'a> {
    reading: Reading<'a>,
    output: &'a mut [F32x16],
}

impl SimdLoop for Maxima<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Reading { grid, row, plane, .. } = self.reading;
        let row = grid.rows[row];
        for (to, &column) in self.output.iter_mut().zip(&grid.columns) {
            let mut largest = simd.splat(f32::NEG_INFINITY);
            for y in 0..row.count {
                for x in 0..column.count {
                    let number = simd.load(&plane[grid.place(row, column, [y, x])]);
                    let larger = simd.where_greater(number, largest, [number, largest]);
                    // What is not a number wins, and stays.
                    largest = simd.where_equal(number, number, [larger, number]);
                }
            }
            simd.store(largest, to);
        }
    }
}

struct Winners<'a> {
    reading: Reading<'a>,
    /// Taps in a row of the window.
    width: usize,
    winners: &'a mut [F32x16],
}

impl SimdLoop for Winners<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Reading { grid, row, plane, .. } = self.reading;
        let row = grid.rows[row];
        for (to, &column) in self.winners.iter_mut().zip(&grid.columns) {
            let tap = |y: usize, x: usize| {
                (row.first + y * row.step) * self.width + column.first + x * column.step
            };
            // The first one wins whatever it is.
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
            simd.store(winner, to);
        }
    }
}

struct ToWinners<'a> {
    reading: Reading<'a>,
    /// Taps along both axes.
    kernel: [usize; 2],
    /// Those of the whole plane that is read.
    winners: &'a [F32x16],
    result: &'a mut [F32x16],
}

impl SimdLoop for ToWinners<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Reading { grid, row, plane, .. } = self.reading;
        let ([height, width], row) = (self.kernel, grid.rows[row]);
        let zero = simd.splat(0.0);
        for (to, &column) in self.result.iter_mut().zip(&grid.columns) {
            let mut sum = zero;
            for y in 0..row.count {
                for x in 0..column.count {
                    // Taps are numbered from the end here.
                    let above = height - 1 - (row.first + y * row.step);
                    let tap = above * width + width - 1 - (column.first + x * column.step);
                    let place = grid.place(row, column, [y, x]);
                    let (winner, relevance) =
                        (simd.load(&self.winners[place]), simd.load(&plane[place]));
                    let tap = simd.splat(tap as f32);
                    sum = simd.add(sum, simd.where_equal(tap, winner, [relevance, zero]));
                }
            }
            simd.store(sum, to);
        }
    }
}
