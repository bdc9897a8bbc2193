//! Matrix products at one point: tiles by channels times channels by filters.

use super::super::LANES;
use crate::microkernel::unroll;
use crate::prefetch::{Prefetch, prefetch};
use crate::simd::{Isa, Simd, SimdLoop, first, first_mut, with_tile};

/// Blocks of channels whose products are added up before they are added to the total; a single
/// running sum over all of them would round more.
const RUN: usize = 64 / LANES;

/// How far ahead values are prefetched: two blocks of channels of as many tiles as there can be.
const VALUES_AHEAD: usize = 2 * 14 * LANES;

/// The operands of a product at one point.
pub(super) struct Product<'a> {
    /// `[C, filters]`.
    pub weights: &'a [f32],
    /// `[C/16, tiles, 16]`.
    pub values: &'a [f32],
    pub tiles: usize,
    /// What to prefetch meanwhile.
    pub ahead: Prefetch<'a>,
    /// Blocks of sixteen filters.
    pub blocks: usize,
    /// For each block and tile, sixteen sums.
    pub sums: &'a mut [f32],
    /// Distance of blocks in the sums.
    pub block_len: usize,
    /// Distance of tiles in the sums.
    pub tile_len: usize,
}

/// Runs a product of so many tiles, all of which have sums in registers.
macro_rules! with_tiles {
    ($product:ident, $simd:ident, $pixels:ident, $blocks:ident, $($tiles:literal)*) => {
        match ($product.tiles, $product.blocks) {
            $(
                ($tiles, 1) => $simd.run(InRegisters::<{ least($tiles, $pixels) }, 1>($product)),
                ($tiles, _) => {
                    $simd.run(InRegisters::<{ least($tiles, $pixels) }, $blocks>($product))
                }
            )*
            _ => (),
        }
    };
}

/// The smaller one, so that no loop is compiled for more tiles than there are registers.
const fn least(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

impl Product<'_> {
    /// The most tiles of a product: those whose sums fit in the registers.
    pub fn most_tiles(isa: Isa) -> usize {
        isa.pixels()
    }

    /// Computes all sums.
    pub fn run(self, isa: Isa) {
        with_tile!(isa, simd, PIXELS, BLOCKS, {
            with_tiles!(self, simd, PIXELS, BLOCKS, 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
        });
    }
}

/// A product whose sums stay in registers.
struct InRegisters<'a, const TILES: usize, const BLOCKS: usize>(Product<'a>);

impl<const TILES: usize, const BLOCKS: usize> SimdLoop for InRegisters<'_, TILES, BLOCKS> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Product { weights, values, ahead, sums: output, block_len, tile_len, .. } = self.0;
        let width = BLOCKS * LANES;
        let channel_blocks = values.len() / (TILES * LANES);
        for start in (0..channel_blocks).step_by(RUN) {
            let mut sums = [[simd.splat(0.0); BLOCKS]; TILES];
            let end = channel_blocks.min(start + RUN);
            for channels in start..end {
                let weights = &weights[channels * LANES * width..][..LANES * width];
                let values = &values[channels * TILES * LANES..][..TILES * LANES];
                for lane in 0..LANES {
                    unroll!(block < BLOCKS, {
                        ahead.tap(channels * LANES + lane, block * LANES);
                    });
                    if lane < TILES {
                        prefetch(values, VALUES_AHEAD + lane * LANES);
                    }
                    let mut filters = [simd.splat(0.0); BLOCKS];
                    unroll!(block < BLOCKS, {
                        filters[block] = simd.load(first(&weights[lane * width + block * LANES..]));
                    });
                    unroll!(tile < TILES, {
                        let value = simd.splat(values[tile * LANES + lane]);
                        unroll!(block < BLOCKS, {
                            sums[tile][block] =
                                simd.multiply_add(filters[block], value, sums[tile][block]);
                        });
                    });
                }
            }
            unroll!(tile < TILES, {
                unroll!(block < BLOCKS, {
                    let place = first_mut(&mut output[block * block_len + tile * tile_len..]);
                    // Most layers have few enough channels for one run.
                    if start > 0 {
                        sums[tile][block] = simd.add(simd.load(place), sums[tile][block]);
                    }
                    simd.store(sums[tile][block], place);
                });
            });
        }
    }
}
