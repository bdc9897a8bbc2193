//! Products of matrices at one point: tiles by channels with channels by filters.

use super::super::LANES;
use super::vector::{Loop, Simd, vectorized};
use crate::microkernel::{Ahead, Instructions, each, fetch};

/// Blocks of channels whose products are added up before they are added to the total; a single
/// running sum over all of them would round more.
const RUN: usize = 64 / LANES;

/// How far ahead of their use values are asked for: two blocks of channels of as many tiles as there can be.
const VALUES_AHEAD: usize = 2 * 14 * LANES;

/// The operands of a product at one point.
pub(super) struct Product<'a> {
    /// `[C, filters]`.
    pub weights: &'a [f32],
    /// `[C/16, tiles, 16]`.
    pub values: &'a [f32],
    pub tiles: usize,
    /// What is brought near meanwhile.
    pub ahead: Ahead<'a>,
    /// Blocks of sixteen filters.
    pub blocks: usize,
    /// For each block and tile, sixteen sums.
    pub sums: &'a mut [f32],
    /// Distance of blocks in the sums.
    pub block_len: usize,
    /// Distance of tiles in the sums.
    pub tile_len: usize,
}

macro_rules! with_tiles {
    ($product:ident, $instructions:ident, $vectors:literal, $($tiles:literal)*) => {
        match $product.tiles {
            $($tiles => vectorized($instructions, InRegisters::<$tiles, $vectors>($product)),)*
            _ => (),
        }
    };
}

impl Product<'_> {
    /// The most tiles of a product: those whose sums fit in the registers.
    pub fn most_tiles(instructions: Instructions) -> usize {
        instructions.pixels()
    }

    /// Computes all sums.
    pub fn run(self, instructions: Instructions) {
        match self.blocks * LANES / instructions.lanes() {
            1 => with_tiles!(self, instructions, 1, 1 2 3 4 5 6 7 8 9 10 11 12 13 14),
            _ => with_tiles!(self, instructions, 2, 1 2 3 4 5 6 7 8 9 10 11 12 13 14),
        }
    }
}

/// A product whose sums stay in registers.
struct InRegisters<'a, const TILES: usize, const VECTORS: usize>(Product<'a>);

impl<const TILES: usize, const VECTORS: usize> Loop for InRegisters<'_, TILES, VECTORS> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Product { weights, values, ahead, sums: output, block_len, tile_len, .. } = self.0;
        let width = VECTORS * S::LANES;
        let blocks = values.len() / (TILES * LANES);
        for first in (0..blocks).step_by(RUN) {
            let mut sums = [[simd.splat(0.0); VECTORS]; TILES];
            let end = blocks.min(first + RUN);
            for block in first..end {
                let weights = &weights[block * LANES * width..][..LANES * width];
                let values = &values[block * TILES * LANES..][..TILES * LANES];
                for lane in 0..LANES {
                    each!(vector < VECTORS, {
                        ahead.fetch(block * LANES + lane, vector * S::LANES);
                    });
                    if lane < TILES {
                        fetch(values, VALUES_AHEAD + lane * LANES);
                    }
                    let mut filters = [simd.splat(0.0); VECTORS];
                    each!(vector < VECTORS, {
                        filters[vector] = simd.load(&weights[lane * width + vector * S::LANES..]);
                    });
                    each!(tile < TILES, {
                        let value = simd.splat(values[tile * LANES + lane]);
                        each!(vector < VECTORS, {
                            sums[tile][vector] =
                                simd.mul_add(filters[vector], value, sums[tile][vector]);
                        });
                    });
                }
            }
            each!(tile < TILES, {
                each!(vector < VECTORS, {
                    let (block, lane) = (vector * S::LANES / LANES, vector * S::LANES % LANES);
                    let place = &mut output[block * block_len + tile * tile_len + lane..];
                    // Most layers have few enough channels for one run.
                    if first > 0 {
                        sums[tile][vector] = simd.add(simd.load(place), sums[tile][vector]);
                    }
                    simd.store(sums[tile][vector], place);
                });
            });
        }
    }
}
