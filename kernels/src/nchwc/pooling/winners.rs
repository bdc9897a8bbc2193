//! The largest of every window, and which of its pixels that is.

use super::super::taps::Grid;
use super::{Reading, for_each_row};
use crate::geometry::WindowAxis;
use crate::simd::{Lanes, LanesLoop, Sixteen, with_lanes};

/// The largest of every window; not a number where one of them is none.
pub fn maxima(window: &[WindowAxis; 2], input: &[f32], output: &mut [f32]) {
    for_each_row(&Grid::gathering(window), input, output, |reading, output| {
        with_lanes(Maxima { reading, output });
    });
}

/// The winner of every window, the first of equals: the number of its tap.
pub fn winners(window: &[WindowAxis; 2], input: &[f32], winners: &mut [f32]) {
    let width = window[1].kernel;
    for_each_row(&Grid::gathering(window), input, winners, |reading, winners| {
        with_lanes(Winners { reading, width, winners });
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
    let grid = Grid::scattering(window);
    for_each_row(&grid, relevance, result, |reading, result| {
        let winners = &winners[reading.block * grid.read_len()..][..grid.read_len()];
        with_lanes(ToWinners { reading, kernel, winners, result });
    });
}

struct Maxima<'a> {
    reading: Reading<'a>,
    output: &'a mut [Sixteen],
}

impl LanesLoop for Maxima<'_> {
    #[inline(always)]
    fn run(self, lanes: impl Lanes) {
        let Reading { grid, row, plane, .. } = self.reading;
        let row = grid.rows[row];
        for (to, &column) in self.output.iter_mut().zip(&grid.columns) {
            let mut largest = lanes.splat(f32::NEG_INFINITY);
            for y in 0..row.count {
                for x in 0..column.count {
                    let number = lanes.load(&plane[grid.place(row, column, [y, x])]);
                    let larger = lanes.where_greater(number, largest, [number, largest]);
                    // What is not a number wins, and stays.
                    largest = lanes.where_equal(number, number, [larger, number]);
                }
            }
            lanes.store(largest, to);
        }
    }
}

struct Winners<'a> {
    reading: Reading<'a>,
    /// Taps in a row of the window.
    width: usize,
    winners: &'a mut [Sixteen],
}

impl LanesLoop for Winners<'_> {
    #[inline(always)]
    fn run(self, lanes: impl Lanes) {
        let Reading { grid, row, plane, .. } = self.reading;
        let row = grid.rows[row];
        for (to, &column) in self.winners.iter_mut().zip(&grid.columns) {
            let tap = |y: usize, x: usize| {
                (row.first + y * row.step) * self.width + column.first + x * column.step
            };
            // The first one wins whatever it is.
            let first = grid.first_place(row, column);
            let mut largest = first.map_or(lanes.splat(0.0), |first| lanes.load(&plane[first]));
            let mut winner = lanes.splat(tap(0, 0) as f32);
            for y in 0..row.count {
                for x in 0..column.count {
                    let number = lanes.load(&plane[grid.place(row, column, [y, x])]);
                    let tap = lanes.splat(tap(y, x) as f32);
                    winner = lanes.where_greater(number, largest, [tap, winner]);
                    largest = lanes.where_greater(number, largest, [number, largest]);
                }
            }
            lanes.store(winner, to);
        }
    }
}

struct ToWinners<'a> {
    reading: Reading<'a>,
    /// Taps along both axes.
    kernel: [usize; 2],
    /// Those of the whole plane that is read.
    winners: &'a [Sixteen],
    result: &'a mut [Sixteen],
}

impl LanesLoop for ToWinners<'_> {
    #[inline(always)]
    fn run(self, lanes: impl Lanes) {
        let Reading { grid, row, plane, .. } = self.reading;
        let ([height, width], row) = (self.kernel, grid.rows[row]);
        let zero = lanes.splat(0.0);
        for (to, &column) in self.result.iter_mut().zip(&grid.columns) {
            let mut sum = zero;
            for y in 0..row.count {
                for x in 0..column.count {
                    // Taps are numbered from the end here.
                    let above = height - 1 - (row.first + y * row.step);
                    let tap = above * width + width - 1 - (column.first + x * column.step);
                    let place = grid.place(row, column, [y, x]);
                    let (winner, relevance) =
                        (lanes.load(&self.winners[place]), lanes.load(&plane[place]));
                    let tap = lanes.splat(tap as f32);
                    sum = lanes.add(sum, lanes.where_equal(tap, winner, [relevance, zero]));
                }
            }
            lanes.store(sum, to);
        }
    }
}
