//! The weights of minimal filtering, evaluated at all points and packed: once, or by every pass over them.

use std::cell::Cell;
use std::marker::PhantomData;

use super::super::LANES;
use super::super::filters::{Filters, Packing};
use super::Tile;
use super::transform::{Filtering, Four, Two};
use super::vector::{Loop, Simd, vectorized};
use crate::microkernel::Instructions;
use crate::parallel::for_each_heavy_chunk;
use crate::room::{self, Lent, Lines};

/// How much more evaluating a filter costs than writing its values.
const STEPS: usize = 4;

/// Numbers of a pass: for each point an odd number of lines, or the points would compete for the same places of a
/// cache while they are written.
fn pass_len(tile: Tile, channels: usize, at_once: usize) -> usize {
    tile.points() * ((channels.next_multiple_of(LANES) * at_once / LANES) | 1) * LANES
}

/// Evaluated weights, of a few filters at a time `[points, C, filters]`, with room between the points; channels and
/// filters that fill up a block are 0.
pub(super) struct Transformed {
    weights: Weights,
    /// Filters of all passes, and of one.
    filters: usize,
    at_once: usize,
    /// Numbers of a pass.
    pass_len: usize,
}

enum Weights {
    /// Those of all passes.
    Evaluated(Lines),
    /// To be evaluated by every pass.
    Stored(Stored),
}

/// Filters, and how they are evaluated.
struct Stored {
    instructions: Instructions,
    filters: Filters,
    slots: Vec<Option<usize>>,
    tile: Tile,
}

thread_local! {
    /// Room for the weights of a pass.
    static ROOM: Cell<Lines> = Cell::default();
}

impl Transformed {
    /// The weights of `at_once` filters at a time.
    pub fn new(
        instructions: Instructions,
        filters: Filters,
        tile: Tile,
        at_once: usize,
    ) -> Transformed {
        let count = filters.count().next_multiple_of(LANES);
        let pass_len = pass_len(tile, filters.channels(), at_once);
        let (packing, slots) = (filters.packing, filters.slots(&[0, 1, 2, 3, 4, 5, 6, 7, 8]));
        let stored = Stored { instructions, filters, slots, tile };
        let weights = match packing {
            Packing::PerPass => Weights::Stored(stored),
            Packing::Kept => {
                let mut lines = Lines::zeros(count.div_ceil(at_once) * pass_len);
                for_each_heavy_chunk(lines.as_mut_slice(), pass_len, STEPS, |pass, evaluated| {
                    let first = pass * at_once;
                    stored.evaluate(first, at_once.min(count - first), evaluated);
                });
                Weights::Evaluated(lines)
            }
        };
        Transformed { weights, filters: count, at_once, pass_len }
    }

    /// The weights of a pass.
    pub fn pass(&self, pass: usize) -> Lent<'_> {
        match &self.weights {
            Weights::Evaluated(lines) => {
                Lent::Kept(&lines.as_slice()[pass * self.pass_len..][..self.pass_len])
            }
            Weights::Stored(stored) => {
                let first = pass * self.at_once;
                let mut evaluated = room::take(&ROOM, self.pass_len);
                stored.evaluate(first, self.at_once.min(self.filters - first), &mut evaluated);
                Lent::Made(evaluated)
            }
        }
    }
}

impl Stored {
    /// Writes the values of `width` filters from `first` on.
    fn evaluate(&self, first: usize, width: usize, evaluated: &mut [f32]) {
        match self.tile {
            Tile::Two => self.evaluate_with::<Two, 2, 4>(first, width, evaluated),
            Tile::Four => self.evaluate_with::<Four, 4, 6>(first, width, evaluated),
        }
    }

    fn evaluate_with<F: Filtering<M, S>, const M: usize, const S: usize>(
        &self,
        first: usize,
        width: usize,
        evaluated: &mut [f32],
    ) {
        let channels = self.filters.channels();
        let mut taps = vec![0.0; 9 * LANES * width];
        for start in (0..channels).step_by(LANES) {
            let few = start..channels.min(start + LANES);
            let taps = &mut taps[..9 * few.len() * width];
            self.filters.pack(self.instructions, (first, width), few, &self.slots, taps);
            let (at, evaluated) = (start * width, &mut *evaluated);
            let filtering = PhantomData::<F>;
            vectorized(self.instructions, Evaluation { taps, at, evaluated, filtering });
        }
        // Channels that fill up the last block.
        let point_len = evaluated.len() / (S * S);
        let points = evaluated.chunks_exact_mut(point_len.max(1));
        points.for_each(|values| values[channels * width..].fill(0.0));
    }
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
impl<F: Filtering<M, S>, const M: usize, const S: usize> Loop for Evaluation<'_, F, M, S> {
    /// First along the columns, then along the rows.
    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let Evaluation { taps, at, evaluated, .. } = self;
        let (tap_len, point_len) = (taps.len() / 9, evaluated.len() / (S * S));
        for lane in (0..tap_len).step_by(V::LANES / 2) {
            let mut rows = [[simd.splat_double(0.0); 3]; S];
            for x in 0..3 {
                let tap = |y: usize| simd.load_doubles(&taps[(3 * y + x) * tap_len + lane..]);
                let column = F::filter(simd, [tap(0), tap(1), tap(2)]);
                for y in 0..S {
                    rows[y][x] = column[y];
                }
            }
            for y in 0..S {
                let row = F::filter(simd, rows[y]);
                for x in 0..S {
                    let place = (y * S + x) * point_len + at + lane;
                    simd.store_doubles(row[x], &mut evaluated[place..]);
                }
            }
        }
    }
}
