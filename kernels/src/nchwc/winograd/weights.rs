//! The weights of minimal filtering, evaluated at all points and packed.

use std::marker::PhantomData;
use std::ops::Range;

use super::super::LANES;
use super::super::filters::Filters;
use super::super::prepack::PackedWeights;
use super::Tile;
use super::transform::{Filtering, Four, Two};
use crate::simd::{Isa, Simd, SimdLoop};

/// How much more evaluating a filter costs than writing its values.
const STEPS: usize = 4;

/// Floats of a pass: for each point an odd number of cache lines, or the points would map to the same cache sets while
/// they are written.
fn pass_len(tile: Tile, channels: usize, at_once: usize) -> usize {
    tile.points() * ((channels.next_multiple_of(LANES) * at_once / LANES) | 1) * LANES
}

/// Evaluated weights, in passes of `at_once` filters `[points, C, filters]` with a gap between the points; channels and
/// filters that pad a block are 0.
pub(super) fn transformed(isa: Isa, filters: Filters, tile: Tile, at_once: usize) -> PackedWeights {
    let count = filters.count().next_multiple_of(LANES);
    let pass_len = pass_len(tile, filters.channels(), at_once);
    let (prepack, slots) = (filters.prepack, filters.slots(&[0, 1, 2, 3, 4, 5, 6, 7, 8]));
    let write = move |pass: usize, evaluated: &mut [f32]| {
        let first = pass * at_once;
        let width = at_once.min(count - first);
        let taps = |channels: Range<usize>, taps: &mut [f32]| {
            filters.pack(isa, (first, width), channels, &slots, taps);
        };
        let channels = filters.channels();
        match tile {
            Tile::Two => evaluate::<Two, 2, 4>(isa, [channels, width], taps, evaluated),
            Tile::Four => evaluate::<Four, 4, 6>(isa, [channels, width], taps, evaluated),
        }
    };
    PackedWeights::new(prepack, [count.div_ceil(at_once) * pass_len, pass_len], STEPS, write)
}

/// Evaluates a few filters, whose taps `pack` writes for a few channels: `[9, channels, filters]`.
fn evaluate<F: Filtering<M, S>, const M: usize, const S: usize>(
    isa: Isa,
    [channels, width]: [usize; 2],
    pack: impl Fn(Range<usize>, &mut [f32]),
    evaluated: &mut [f32],
) {
    let mut taps = vec![0.0; 9 * LANES * width];
    for start in (0..channels).step_by(LANES) {
        let few = start..channels.min(start + LANES);
        let taps = &mut taps[..9 * few.len() * width];
        pack(few, taps);
        let (at, evaluated) = (start * width, &mut *evaluated);
        let filtering = PhantomData::<F>;
        isa.run(Evaluation { taps, at, evaluated, filtering });
    }
    // Channels that pad the last block.
    let point_len = evaluated.len() / (S * S);
    let points = evaluated.chunks_exact_mut(point_len.max(1));
    points.for_each(|values| values[channels * width..].fill(0.0));
}

/// Evaluates filters at the points, for a block of channels.
struct Evaluation<'a, F, const M: usize, const S: usize> {
    /// `[9, channels, filters]`.
    taps: &'a [f32],
    /// Where the first channel lies at each point.
    at: usize,
    /// `[points, C, filters]`.
    evaluated: &'a mut [f32],
    filtering: PhantomData<F>,
}

#[allow(clippy::needless_range_loop)] // Rows and columns change places, which iterators cannot say.
impl<F: Filtering<M, S>, const M: usize, const S: usize> SimdLoop for Evaluation<'_, F, M, S> {
    type Output = ();

    /// First along the columns, then along the rows.
    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let Evaluation { taps, at, evaluated, .. } = self;
        let (tap_len, point_len) = (taps.len() / 9, evaluated.len() / (S * S));
        for lane in (0..tap_len).step_by(LANES / 2) {
            let mut rows = [[simd.splat_doubles(0.0); 3]; S];
            for x in 0..3 {
                let tap = |y: usize| &taps[(3 * y + x) * tap_len + lane..][..LANES / 2];
                let [a, b, c] = [tap(0), tap(1), tap(2)];
                let column = [
                    simd.load_doubles(&a.as_chunks().0[0]),
                    simd.load_doubles(&b.as_chunks().0[0]),
                    simd.load_doubles(&c.as_chunks().0[0]),
                ];
                let column = F::filter(simd, column);
                for y in 0..S {
                    rows[y][x] = column[y];
                }
            }
            for y in 0..S {
                let row = F::filter(simd, rows[y]);
                for x in 0..S {
                    let place = (y * S + x) * point_len + at + lane;
                    let values = &mut evaluated[place..][..LANES / 2];
                    simd.store_doubles(row[x], &mut values.as_chunks_mut().0[0]);
                }
            }
        }
    }
}
