//! The weights of minimal filtering, evaluated at all points and packed.

use super::super::LANES;
use super::super::filters::Filters;
use super::LINE;
use super::transform::Filtering;
use crate::microkernel::{Loop, vectorized};
use std::marker::PhantomData;

/// Weights of a few filters at a time: `[points, C, filters]`; channels and filters that fill up a block
/// are 0.
pub(super) fn transformed<F: Filtering<M, S>, const M: usize, const S: usize>(
    filters: &Filters,
    at_once: usize,
) -> Vec<Lines> {
    let channels = filters.channels();
    let pack = |first: usize| {
        let width = at_once.min(filters.count() - first).next_multiple_of(LANES);
        let point_len = channels.next_multiple_of(LANES) * width;
        let mut packed = Lines::new(S * S * point_len);
        let places = packed.as_mut_slice();
        for block in (0..width).step_by(LANES) {
            for channel in 0..channels {
                let taps = taps_of_block(filters, first + block, channel);
                let points = vectorized(Points::<F, M, S> { taps: &taps, filtering: PhantomData });
                let place = channel * width + block;
                for (point, values) in points.as_flattened().iter().enumerate() {
                    places[point * point_len + place..][..LANES].copy_from_slice(values);
                }
            }
        }
        packed
    };
    (0..filters.count()).step_by(at_once).map(pack).collect()
}

/// The nine taps of one channel for sixteen filters.
fn taps_of_block(filters: &Filters, first: usize, channel: usize) -> [[f32; LANES]; 9] {
    let mut taps = [[0.0; LANES]; 9];
    for lane in 0..LANES.min(filters.count() - first) {
        let kernel = filters.kernel(first + lane, channel);
        taps.iter_mut().zip(kernel).for_each(|(weights, weight)| weights[lane] = weight);
    }
    taps.iter_mut().for_each(|weights| filters.part.take(weights));
    taps
}

/// Sixteen filters of one channel at all points: first along the columns, then along the rows.
struct Points<'a, F, const M: usize, const S: usize> {
    taps: &'a [[f32; LANES]; 9],
    filtering: PhantomData<F>,
}

impl<F: Filtering<M, S>, const M: usize, const S: usize> Loop for Points<'_, F, M, S> {
    type Output = [[[f32; LANES]; S]; S];

    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // So that the compiler makes vectors of the lanes.
    fn run(self) -> Self::Output {
        let mut rows = [[[0.0; LANES]; 3]; S];
        for x in 0..3 {
            for lane in 0..LANES {
                let column = [0, 1, 2].map(|y| f64::from(self.taps[3 * y + x][lane]));
                let points = F::filter(column);
                for y in 0..S {
                    rows[y][x][lane] = points[y];
                }
            }
        }
        let mut values = [[[0.0; LANES]; S]; S];
        for y in 0..S {
            for lane in 0..LANES {
                let points = F::filter([rows[y][0][lane], rows[y][1][lane], rows[y][2][lane]]);
                for x in 0..S {
                    values[y][x][lane] = points[x] as f32;
                }
            }
        }
        values
    }
}

/// Numbers that begin at a line of the cache, so that no vector lies across two of them.
pub(super) struct Lines {
    room: Vec<f32>,
    start: usize,
    len: usize,
}

impl Lines {
    pub fn new(len: usize) -> Lines {
        let room = vec![0.0; len + LINE - 1];
        let start = skipped(&room);
        Lines { room, start, len }
    }

    pub fn as_slice(&self) -> &[f32] {
        &self.room[self.start..][..self.len]
    }

    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.room[self.start..][..self.len]
    }
}

/// Room for `len` numbers, whatever they are, from the beginning of a line of the cache on.
pub(super) fn lines(room: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if room.len() < len + LINE - 1 {
        room.resize(len + LINE - 1, 0.0);
    }
    let start = skipped(room);
    &mut room[start..][..len]
}

/// Numbers before the first line that begins in the slice.
fn skipped(numbers: &[f32]) -> usize {
    numbers.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE - 1)
}
