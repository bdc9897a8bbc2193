//! The weights of a convolution, packed for the microkernel: blocks of filters, tap by tap.

use super::LANES;
use crate::linear::WeightPart;
use crate::tensor::Tensor;

/// A part of the weights of a convolution `[O, I, kernel...]`, of one group, seen from one of its sides.
#[derive(Clone, Copy)]
pub(crate) struct Filters<'a> {
    pub weight: &'a Tensor,
    pub part: WeightPart,
    /// Whether they are those of the transposed map: `I` filters over `O` channels, the kernel flipped.
    pub is_transposed: bool,
}

impl Filters<'_> {
    /// Filters: channels of the result.
    pub fn count(&self) -> usize {
        self.weight.shape()[usize::from(self.is_transposed)]
    }

    /// Channels that every filter reads.
    pub fn channels(&self) -> usize {
        self.weight.shape()[usize::from(!self.is_transposed)]
    }

    /// Taps of one channel.
    pub fn taps(&self) -> usize {
        self.weight.shape()[2..].iter().product()
    }

    /// The distance of the weights of neighbouring filters, and of neighbouring channels.
    fn distances(&self) -> [usize; 2] {
        let kernel = self.taps();
        let row = self.weight.shape()[1] * kernel;
        if self.is_transposed { [kernel, row] } else { [row, kernel] }
    }

    /// The taps of one filter on one channel, in their order; whole weights, not their part.
    pub fn kernel(&self, filter: usize, channel: usize) -> impl Iterator<Item = f32> {
        let [per_filter, per_channel] = self.distances();
        let count = self.taps();
        let taps = &self.weight.data()[filter * per_filter + channel * per_channel..][..count];
        (0..count)
            .map(move |tap| if self.is_transposed { taps[count - 1 - tap] } else { taps[tap] })
    }

    /// The weights of a block of filters, `[channels, taps, filters]`, channels block by block and
    /// within a block tap by tap: in the order in which the pixels of an image in blocks lie.
    /// `taps` are numbers of taps of the flipped kernel where the map is transposed. Filters that
    /// fill up the last block are 0.
    fn packed(&self, first: usize, width: usize, taps: &[usize]) -> Vec<f32> {
        let ([per_filter, per_channel], kernel) = (self.distances(), self.taps());
        let tap_at = |tap: usize| if self.is_transposed { kernel - 1 - tap } else { tap };
        let count = width.min(self.count() - first);
        let weights = &self.weight.data()[first * per_filter..];
        let mut packed = vec![0.0; self.channels() * taps.len() * width];
        let mut places = packed.chunks_exact_mut(width);
        for block in (0..self.channels()).step_by(LANES) {
            let channels = block..self.channels().min(block + LANES);
            for &tap in taps {
                let weights = &weights[tap_at(tap)..];
                for (channel, place) in channels.clone().zip(&mut places) {
                    let filters = weights[channel * per_channel..].iter().step_by(per_filter);
                    place[..count].iter_mut().zip(filters).for_each(|(to, from)| *to = *from);
                }
            }
        }
        self.part.take(&mut packed);
        if count < width {
            // A part may be 1 where there is no weight.
            packed.chunks_exact_mut(width).for_each(|filters| filters[count..].fill(0.0));
        }
        packed
    }
}

/// Packed weights with the number of blocks of filters that are computed together.
pub(super) struct PackedFilters {
    /// For each pass: blocks of sixteen filters, and their weights.
    pub passes: Vec<(usize, Vec<f32>)>,
    /// Blocks of a full pass.
    pub blocks: usize,
}

impl PackedFilters {
    /// The weights at some taps, for passes of at most `most_blocks` blocks of filters.
    pub fn new(filters: Filters, taps: &[usize], most_blocks: usize) -> PackedFilters {
        let blocks = filters.count().div_ceil(LANES);
        let pass = |first: usize| {
            let blocks = most_blocks.min(blocks - first);
            (blocks, filters.packed(first * LANES, blocks * LANES, taps))
        };
        let passes = (0..blocks).step_by(most_blocks).map(pass).collect();
        PackedFilters { passes, blocks: most_blocks }
    }
}
