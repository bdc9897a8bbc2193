//! The weights of minimal filtering, evaluated at all points and packed.

use std::marker::PhantomData;
use std::ops::Range;

use super::super::LANES;
use super::super::filters::Filters;
use super::LINE;
use super::transform::Filtering;
use crate::microkernel::{Instructions, Loop, vectorized};
use crate::parallel::for_each_heavy_chunk;

/// How much more evaluating a filter costs than writing its values.
const STEPS: usize = 4;

/// Channels whose values are written together: for each point they fill neighbouring lines. Points lie
/// so far from each other that lines of one channel would drive each other out of the cache.
const FEW: usize = 4;

/// Weights of `at_once` filters at a time, `[points, C, filters]`; channels and filters that fill up a
/// block are 0.
pub(super) fn transformed<F: Filtering<M, S>, const M: usize, const S: usize>(
    instructions: Instructions,
    filters: &Filters,
    at_once: usize,
) -> Lines {
    let (count, channels) = (filters.count().next_multiple_of(LANES), filters.channels());
    let slots = filters.slots(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let filter_len = S * S * channels.next_multiple_of(LANES);
    let mut weights = Lines::new(count * filter_len);
    for_each_heavy_chunk(weights.as_mut_slice(), at_once * filter_len, STEPS, |pass, packed| {
        let first = pass * at_once;
        let width = at_once.min(count - first);
        let mut taps = vec![0.0; 9 * LANES * width];
        let mut values = vec![0.0; S * S * FEW * width];
        for start in (0..channels).step_by(LANES) {
            let channels = start..channels.min(start + LANES);
            let taps = &mut taps[..9 * channels.len() * width];
            filters.pack(instructions, (first, width), channels.clone(), &slots, taps);
            let filtering = PhantomData::<F>;
            let values = &mut values;
            vectorized(Packing { taps, channels, width, values, packed, filtering });
        }
    });
    weights
}

/// Evaluates filters at the points, for a block of channels.
struct Packing<'a, F, const M: usize, const S: usize> {
    /// `[9, channels, filters]`.
    taps: &'a [f32],
    channels: Range<usize>,
    /// Filters.
    width: usize,
    /// Room for `[points, FEW, filters]`.
    values: &'a mut [f32],
    /// `[points, C, filters]`.
    packed: &'a mut [f32],
    filtering: PhantomData<F>,
}

impl<F: Filtering<M, S>, const M: usize, const S: usize> Loop for Packing<'_, F, M, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Packing { taps, channels, width, values, packed, .. } = self;
        let (tap_len, point_len) = (channels.len() * width, packed.len() / (S * S));
        for few in (0..channels.len()).step_by(FEW) {
            let len = FEW.min(channels.len() - few) * width;
            for at in (0..len).step_by(LANES) {
                let points = points::<F, M, S>(&taps[few * width + at..], tap_len);
                for (point, numbers) in points.as_flattened().iter().enumerate() {
                    values[point * FEW * width + at..][..LANES].copy_from_slice(numbers);
                }
            }
            let start = (channels.start + few) * width;
            let points = packed.chunks_exact_mut(point_len).zip(values.chunks_exact(FEW * width));
            points.for_each(|(to, from)| to[start..][..len].copy_from_slice(&from[..len]));
        }
    }
}

/// Sixteen filters of one channel at all points: first along the columns, then along the rows.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // So that the compiler makes vectors of the lanes.
fn points<F: Filtering<M, S>, const M: usize, const S: usize>(
    taps: &[f32],
    tap_len: usize,
) -> [[[f32; LANES]; S]; S] {
    let mut rows = [[[0.0; LANES]; 3]; S];
    for x in 0..3 {
        let [top, middle, bottom] = [0, 1, 2].map(|y| &taps[(3 * y + x) * tap_len..][..LANES]);
        for lane in 0..LANES {
            let column = [top, middle, bottom].map(|taps| f64::from(taps[lane]));
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
