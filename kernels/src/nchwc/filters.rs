//! The weights of a convolution, packed for the microkernel: blocks of filters, tap by tap.

use std::array::from_fn;
use std::ops::Range;
use std::sync::Arc;

use super::prepack::PackedWeights;
use super::{LANES, Prepack};
use crate::geometry::WeightPart;
use crate::microkernel::transpose_square;
use crate::prefetch::prefetch;
use crate::scratch::MaybeOwned;
use crate::simd::{Isa, SQUARE};

/// How much more packing a weight costs than reading it.
const STEPS: usize = 2;

/// Floats that a kernel shares with others.
pub type Floats = Arc<dyn AsRef<[f32]> + Send + Sync>;

/// A part of the weights of a convolution of one group, for one of its directions.
#[derive(Clone)]
pub struct Filters {
    /// `[O, I, kernel height, kernel width]`, row-major.
    pub weights: Floats,
    /// `[O, I, kernel height, kernel width]`.
    pub shape: [usize; 4],
    /// Which part of each weight counts.
    pub part: WeightPart,
    /// Whether they are for the transposed map: `I` filters over `O` channels, with the kernel flipped.
    pub is_transposed: bool,
    /// When they are packed.
    pub prepack: Prepack,
}

impl Filters {
    /// Number of filters: channels of the result.
    pub fn count(&self) -> usize {
        self.shape[usize::from(self.is_transposed)]
    }

    /// Channels that every filter reads.
    pub fn channels(&self) -> usize {
        self.shape[usize::from(!self.is_transposed)]
    }

    /// Taps of one channel.
    pub fn taps(&self) -> usize {
        self.shape[2..].iter().product()
    }

    /// Blocks of filters to compute together. Two blocks in all take as long one by one, and threads can share them.
    pub fn blocks_at_once(&self, isa: Isa) -> usize {
        let most = isa.blocks();
        if self.count() <= most * LANES { 1 } else { most }
    }

    /// Distances of the weights of neighbouring filters, and of neighbouring channels.
    fn distances(&self) -> [usize; 2] {
        let kernel = self.taps();
        let row = self.shape[1] * kernel;
        if self.is_transposed { [kernel, row] } else { [row, kernel] }
    }

    /// For each tap of a stored kernel, its index in `taps`, which numbers the taps of the flipped kernel if the map is
    /// transposed.
    pub fn slots(&self, taps: &[usize]) -> Vec<Option<usize>> {
        let kernel = self.taps();
        let number = |tap| if self.is_transposed { kernel - 1 - tap } else { tap };
        (0..kernel).map(|tap| taps.iter().position(|taken| *taken == number(tap))).collect()
    }

    /// Packs the weights of `width` filters from `first` on for a few channels: `[taps, channels, width]`, taps in the
    /// order of `slots`. Filters that pad the last block are 0.
    pub fn pack(
        &self,
        isa: Isa,
        (first, width): (usize, usize),
        channels: Range<usize>,
        slots: &[Option<usize>],
        packed: &mut [f32],
    ) {
        let ([per_filter, per_channel], kernel) = (self.distances(), self.taps());
        let count = width.min(self.count() - first);
        let weights =
            &(*self.weights).as_ref()[first * per_filter + channels.start * per_channel..];
        // Prefetched: the next channel, or the channels that are packed after these.
        let ahead = if self.is_transposed { per_channel } else { channels.len() * per_channel };
        let matrix = Matrix { isa, row_len: per_filter, rows: count, ahead };
        let place = |channel: usize, tap: usize| {
            slots[tap].map(|slot| (slot * channels.len() + channel) * width)
        };
        // Rows are as long as weights are contiguous.
        if self.is_transposed {
            for channel in 0..channels.len() {
                let weights = &weights[channel * per_channel..];
                matrix.transpose(weights, kernel, packed, |tap| place(channel, tap));
            }
        } else {
            let place = |column| place(column / kernel, column % kernel);
            matrix.transpose(weights, channels.len() * kernel, packed, place);
        }
        self.part.apply(packed);
        if count < width {
            // `WeightPart::One` is 1 even for weights that do not exist.
            packed.chunks_exact_mut(width).for_each(|filters| filters[count..].fill(0.0));
        }
    }
}

/// A matrix of weights, one row per filter.
struct Matrix {
    isa: Isa,
    /// Distance of rows.
    row_len: usize,
    rows: usize,
    /// Distance of what is read next, and prefetched, in another page of memory.
    ahead: usize,
}

impl Matrix {
    /// Writes every column to its place, if it has one.
    fn transpose(
        &self,
        weights: &[f32],
        columns: usize,
        packed: &mut [f32],
        place: impl Fn(usize) -> Option<usize>,
    ) {
        let (full_rows, full_columns) = (self.rows / SQUARE * SQUARE, columns / SQUARE * SQUARE);
        for column in (0..full_columns).step_by(SQUARE) {
            let places = from_fn(|at| place(column + at));
            for row in (0..full_rows).step_by(SQUARE) {
                let from = &weights[row * self.row_len + column..];
                (0..SQUARE).for_each(|row| prefetch(from, row * self.row_len + self.ahead));
                transpose_square(self.isa, (from, self.row_len), &mut packed[row..], places);
            }
        }
        for column in 0..columns {
            let first = if column < full_columns { full_rows } else { 0 };
            let Some(place) = place(column).filter(|_| first < self.rows) else { continue };
            let places = &mut packed[place..][first..self.rows];
            let weights = &weights[first * self.row_len + column..];
            if self.row_len == 1 {
                places.copy_from_slice(&weights[..places.len()]);
            } else {
                let weights = weights.iter().step_by(self.row_len);
                places.iter_mut().zip(weights).for_each(|(place, weight)| *place = *weight);
            }
        }
    }
}

/// Packed weights, in passes of a few blocks of filters.
pub(super) struct PackedFilters {
    /// For each pass `[C/16, taps, 16, filters]`, the order in which channels of an image in blocks are stored. The
    /// last block of channels is not padded.
    weights: PackedWeights,
    /// Blocks of a full pass.
    pub blocks: usize,
    /// Floats of a block.
    block_len: usize,
}

impl PackedFilters {
    /// Packs the weights at some taps, in passes of as many blocks as are computed together.
    pub fn new(isa: Isa, filters: Filters, taps: &[usize]) -> PackedFilters {
        let blocks = filters.blocks_at_once(isa);
        PackedFilters::with_blocks(isa, filters, taps, blocks)
    }

    /// Packs the weights at some taps, in passes of `blocks` blocks.
    pub fn with_blocks(isa: Isa, filters: Filters, taps: &[usize], blocks: usize) -> PackedFilters {
        let (prepack, slots) = (filters.prepack, filters.slots(taps));
        let (channels, taps) = (filters.channels(), taps.len());
        let block_len = channels * taps * LANES;
        let lens = [filters.count().div_ceil(LANES), blocks].map(|blocks| blocks * block_len);
        let write = move |pass: usize, packed: &mut [f32]| {
            let (first, width) = (pass * blocks * LANES, packed.len() / (channels * taps));
            let firsts = (0..channels).step_by(LANES);
            for (channel, packed) in firsts.zip(packed.chunks_mut(LANES * taps * width)) {
                let channels = channel..channels.min(channel + LANES);
                filters.pack(isa, (first, width), channels, &slots, packed);
            }
        };
        let weights = PackedWeights::new(prepack, lens, STEPS, write);
        PackedFilters { weights, blocks, block_len }
    }

    /// The weights of a pass, if there is such a pass and they are kept.
    pub fn kept_pass(&self, pass: usize) -> Option<&[f32]> {
        self.weights.kept_pass(pass)
    }

    /// The number of blocks of filters in a pass, and their weights.
    pub fn pass(&self, pass: usize) -> (usize, MaybeOwned<'_>) {
        let weights = self.weights.pass(pass);
        (weights.len() / self.block_len, weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every place against the weight that belongs there.
    fn check([rows, columns, kernel]: [usize; 3], part: WeightPart, taps: &[usize]) {
        let numbers: Vec<f32> =
            (0..rows * columns * kernel).map(|n| ((n * 7919) % 997) as f32 - 400.0).collect();
        let weights: Floats = Arc::new(numbers.clone());
        let shape = [rows, columns, 1, kernel];
        for (isa, is_transposed) in
            Isa::all().into_iter().flat_map(|set| [(set, false), (set, true)])
        {
            let prepack = Prepack::Once;
            let filters = Filters { weights: weights.clone(), shape, part, is_transposed, prepack };
            let packed = PackedFilters::new(isa, filters.clone(), taps);
            let in_passing = Filters { prepack: Prepack::OnTheFly, ..filters.clone() };
            let in_passing = PackedFilters::new(isa, in_passing, taps);
            for filter in 0..filters.count().next_multiple_of(LANES) {
                let pass = filter / LANES / packed.blocks;
                let (blocks, weights) = packed.pass(pass);
                assert_eq!(*weights, *in_passing.pass(pass).1);
                let lane = filter % (packed.blocks * LANES);
                for (channel, (at, &tap)) in (0..filters.channels())
                    .flat_map(|channel| taps.iter().enumerate().map(move |tap| (channel, tap)))
                {
                    let first = channel / LANES * LANES;
                    let lanes = LANES.min(filters.channels() - first);
                    let place = first * taps.len() + at * lanes + channel - first;
                    let expected = match (filter < filters.count(), is_transposed) {
                        (false, _) => 0.0,
                        (_, false) => part.of(numbers[(filter * columns + channel) * kernel + tap]),
                        (_, true) => {
                            let tap = kernel - 1 - tap;
                            part.of(numbers[(channel * columns + filter) * kernel + tap])
                        }
                    };
                    assert_eq!(weights[place * blocks * LANES + lane], expected);
                }
            }
        }
    }

    #[test]
    fn every_weight_is_in_its_place() {
        check([48, 32, 9], WeightPart::Plain, &[0, 1, 2, 3, 4, 5, 6, 7, 8]);
        check([17, 41, 9], WeightPart::One, &[1, 7]);
        check([5, 70, 1], WeightPart::Magnitude, &[0]);
        check([33, 3, 4], WeightPart::Positive, &[0, 1, 2, 3]);
    }
}
