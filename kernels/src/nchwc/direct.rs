//! Direct convolutions on images in blocks: all taps of a few pixels are summed in registers.
//!
//! The transposed map of stride 1 is a convolution with the flipped kernel, which is computed here too. A convolution of
//! [few channels](super::has_few_channels) reads its input row-major.

use super::filters::{Filters, PackedFilters};
use super::{Epilogue, Image, Kernel, LANES, SumPair, has_few_channels};
use crate::geometry::WindowAxis;
use crate::geometry::padded_planes::{PaddedPlanes, Tile};
use crate::microkernel::{MOST_SUMS, Operands, run_blocks};
use crate::output::Output;
use crate::prefetch::Prefetch;
use crate::simd::Isa;
use crate::threads::Turns;

/// Most tiles of a plane for which the weights of the next pass are prefetched during this one. Where there are more,
/// the few that wait for memory do not count.
const FEW_TILES: usize = 16;

/// A convolution with packed weights, on images in blocks.
pub(super) struct Direct {
    isa: Isa,
    filters: PackedFilters,
    padded: PaddedPlanes,
    /// Where each tap reads, relative to the first pixel of its window.
    offsets: Vec<u32>,
    /// Pixels of a tile.
    pixels: usize,
    /// Distance of the pixels that neighbouring outputs read.
    stride: usize,
    tiles: Vec<Tile>,
    output: Image,
}

impl Direct {
    /// The kernel of windows over rows and columns; `None` where offsets do not fit in 32 bits.
    pub fn new(
        isa: Isa,
        filters: Filters,
        [vertical, horizontal]: [WindowAxis; 2],
    ) -> Option<Direct> {
        let lanes = if has_few_channels(filters.channels()) { 1 } else { LANES };
        let (padded, pixels, tiles) = fewest_tiles(isa, vertical, horizontal, lanes);
        let taps: Vec<usize> = (0..filters.taps()).collect();
        let places = taps.iter().map(|tap| (tap / horizontal.kernel, tap % horizontal.kernel));
        let channels = filters.channels();
        Some(Direct {
            isa,
            offsets: offsets(&padded, channels, &places.collect::<Vec<_>>())?,
            stride: horizontal.stride * lanes,
            pixels,
            tiles,
            output: Image {
                channels: filters.count(),
                height: vertical.output,
                width: horizontal.output,
            },
            filters: PackedFilters::new(isa, filters, &taps),
            padded,
        })
    }

    /// Computes a few blocks of filters at all pixels; `next` is the pass that the thread is likely to do next.
    fn run_pass(
        &self,
        (pass, next): (usize, Option<usize>),
        planes: &[f32],
        output: Output<'_>,
        epilogue: &dyn Epilogue,
    ) -> SumPair {
        let (blocks, weights) = self.filters.pass(pass);
        let (first, block_len) = (pass * self.filters.blocks, self.output.block_len());
        // What is left to write of each block: tiles come in its order.
        let mut left: Vec<Output> = output.chunks(block_len).collect();
        let next = next.and_then(|next| self.filters.kept_pass(next));
        let next = next.filter(|_| self.tiles.len() <= FEW_TILES);
        let mut sums = [0.0; MOST_SUMS];
        let mut totals = SumPair::default();
        for (number, tile) in self.tiles.iter().enumerate() {
            let share = (number, self.tiles.len());
            let operands = Operands {
                weights: &weights,
                input: &planes[tile.input..],
                offsets: &self.offsets,
                prefetch: next.map(|next| Prefetch::part(next, share, self.offsets.len())),
            };
            let run = (self.pixels, self.stride);
            run_blocks(self.isa, blocks, run, operands, &mut sums);
            let sums = sums.chunks(self.pixels * LANES).take(blocks);
            for ((block, sums), output) in (first..).zip(sums).zip(&mut left) {
                for segment in &tile.segments {
                    let len = segment.count * LANES;
                    epilogue.apply(
                        block,
                        block * block_len + segment.output * LANES,
                        &sums[segment.pixel * LANES..][..len],
                        output.front(len),
                        &mut totals,
                    );
                }
            }
        }
        totals
    }
}

impl Kernel for Direct {
    fn run(&self, input: &[f32], output: Output<'_>, epilogue: &dyn Epilogue) -> SumPair {
        let chunk_len = self.filters.blocks * self.output.block_len();
        let turns = Turns::of(output.len().div_ceil(chunk_len.max(1)));
        self.padded.with_padding(input, |planes| {
            SumPair::of(output.map_chunks(chunk_len, self.offsets.len(), |pass, chunk| {
                self.run_pass((pass, turns.after(pass)), planes, chunk, epilogue)
            }))
        })
    }
}

/// The padded planes, pixels of a tile, and tiles that waste the fewest pixels.
fn fewest_tiles(
    isa: Isa,
    vertical: WindowAxis,
    horizontal: WindowAxis,
    lanes: usize,
) -> (PaddedPlanes, usize, Vec<Tile>) {
    let with = |pixels: usize| {
        let padded = PaddedPlanes::new(vertical, horizontal, lanes, pixels);
        let tiles = padded.tiles(pixels);
        (padded, pixels, tiles)
    };
    let (whole, half) = (with(isa.pixels()), with(isa.pixels() / 2));
    let computed = |(_, pixels, tiles): &(PaddedPlanes, usize, Vec<Tile>)| pixels * tiles.len();
    // A tile of half as many pixels costs a little more per pixel.
    if 20 * computed(&half) < 19 * computed(&whole) { half } else { whole }
}

/// Where taps at some rows and columns of the window read, in the order of the packed weights; `None` where that does
/// not fit in 32 bits.
pub(super) fn offsets(
    padded: &PaddedPlanes,
    channels: usize,
    taps: &[(usize, usize)],
) -> Option<Vec<u32>> {
    if !padded.fits(channels) {
        return None;
    }
    let mut offsets = Vec::with_capacity(channels * taps.len());
    for first in (0..channels).step_by(LANES) {
        for &(y, x) in taps {
            let channels = first..channels.min(first + LANES);
            let place = |channel| padded.channel(channel) + padded.place(y, x);
            offsets.extend(channels.map(|channel| place(channel) as u32));
        }
    }
    Some(offsets)
}
