//! The innermost loop of convolutions and matrix products: blocks of filters at a few neighbouring pixels, summed in
//! registers. In a matrix product, filters are columns and pixels are rows.
//!
//! Each tap loads a vector of weights (neighbouring filters) and multiplies it with one pixel after the other, so that
//! every sum stays in a register for all its taps. On AVX-512 it reached 95 to 116 GFLOP/s on one core, as onnxruntime
//! does there; compared with tract's kernels, which copy every window first (im2col), it brought an explanation of a
//! ResNet-18 from 309 to 173 ms of processor time.

// Iterators over the sums would keep the compiler from leaving them in registers.
#![allow(clippy::needless_range_loop)]

/// Repeats a block for every index below a constant that is at most fourteen, unrolled: with a loop, the compiler
/// decides by itself whether sums stay in registers.
macro_rules! unroll {
    ($index:ident < $count:ident, $body:block) => {
        unroll!($index $count $body 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    ($index:ident $count:ident $body:block $($number:literal)*) => {
        $(if $number < $count {
            let $index = $number;
            $body
        })*
    };
}
pub(crate) use unroll;

mod by_sign;
mod transposition;

pub(crate) use self::by_sign::{BySign, pixels_by_sign, run_by_sign};
pub(crate) use self::transposition::{TileSums, transpose_square};
use crate::prefetch::{Prefetch, prefetch};
use crate::simd::{Isa, LANES, Simd, SimdLoop, first, with_tile};

/// Taps whose products are added up before they are added to the total: a single running sum over thousands of taps
/// would round so much that ReLUs change sign.
const RUN: usize = 256;

/// The most floats that one call of a microkernel writes.
pub const MOST_SUMS: usize = 14 * 2 * LANES;

/// What a microkernel reads: the weights of `taps` taps of a few blocks of filters, and the pixels that they meet.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a> {
    /// `[taps, filters]`.
    pub weights: &'a [f32],
    /// The input from the first pixel on.
    pub input: &'a [f32],
    /// For each tap, where its first pixel is in `input`.
    pub offsets: &'a [u32],
    /// What to prefetch meanwhile; `None`: weights further on.
    pub prefetch: Option<Prefetch<'a>>,
}

/// Whether pixels of a row may be this far from each other in [`run_rows`].
pub(crate) fn knows_stride_of_rows(stride: usize) -> bool {
    matches!(stride, 1 | 2 | 4)
}

/// Whether windows may move by this many pixels in [`run_blocks`].
pub(crate) fn knows_stride_of_blocks(stride: usize) -> bool {
    matches!(stride, 1 | 2)
}

/// Writes `[pixels, blocks · 16]` sums of [`Isa::pixels`] pixels, which are `stride` floats apart: for each pixel all
/// filters side by side. `blocks` is between 1 and [`Isa::blocks`].
pub(crate) fn run_rows(
    isa: Isa,
    blocks: usize,
    stride: usize,
    operands: Operands,
    sums: &mut [f32],
) {
    with_tile!(
        isa,
        simd,
        PIXELS,
        BLOCKS,
        match (blocks, stride) {
            (1, 1) => simd.run(Tile::<1, 1, PIXELS, false>(operands, sums)),
            (1, 2) => simd.run(Tile::<1, 2, PIXELS, false>(operands, sums)),
            (1, _) => simd.run(Tile::<1, 4, PIXELS, false>(operands, sums)),
            (_, 1) => simd.run(Tile::<BLOCKS, 1, PIXELS, false>(operands, sums)),
            (_, 2) => simd.run(Tile::<BLOCKS, 2, PIXELS, false>(operands, sums)),
            (_, _) => simd.run(Tile::<BLOCKS, 4, PIXELS, false>(operands, sums)),
        }
    );
}

/// Writes `[blocks, pixels, 16]` sums: for each block of sixteen filters and each pixel the filters side by side.
/// `blocks` is between 1 and [`Isa::blocks`]; pixels are [`Isa::pixels`] or half as many, `stride` floats apart: 16 or
/// 32 in an image in blocks, 1 or 2 in planes of single channels.
pub(crate) fn run_blocks(
    isa: Isa,
    blocks: usize,
    (pixels, stride): (usize, usize),
    operands: Operands,
    sums: &mut [f32],
) {
    let is_half = pixels != isa.pixels();
    with_tile!(isa, simd, PIXELS, BLOCKS, {
        const HALF: usize = PIXELS / 2;
        match (blocks, is_half) {
            (1, false) => strided::<_, 1, PIXELS>(simd, stride, operands, sums),
            (1, true) => strided::<_, 1, HALF>(simd, stride, operands, sums),
            (_, false) => strided::<_, BLOCKS, PIXELS>(simd, stride, operands, sums),
            (_, true) => strided::<_, BLOCKS, HALF>(simd, stride, operands, sums),
        }
    });
}

fn strided<S: Simd, const BLOCKS: usize, const PIXELS: usize>(
    simd: S,
    stride: usize,
    operands: Operands,
    sums: &mut [f32],
) {
    match stride {
        1 => simd.run(Tile::<BLOCKS, 1, PIXELS, true>(operands, sums)),
        2 => simd.run(Tile::<BLOCKS, 2, PIXELS, true>(operands, sums)),
        16 => simd.run(Tile::<BLOCKS, 16, PIXELS, true>(operands, sums)),
        _ => simd.run(Tile::<BLOCKS, 32, PIXELS, true>(operands, sums)),
    }
}

/// A tile of sums: operands, and where its sums go, block by block or pixel by pixel.
struct Tile<'a, const BLOCKS: usize, const STRIDE: usize, const PIXELS: usize, const BY_BLOCK: bool>(
    Operands<'a>,
    &'a mut [f32],
);

impl<const BLOCKS: usize, const STRIDE: usize, const PIXELS: usize, const BY_BLOCK: bool> SimdLoop
    for Tile<'_, BLOCKS, STRIDE, PIXELS, BY_BLOCK>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Tile(operands, output) = self;
        let output = output[..PIXELS * BLOCKS * LANES].as_chunks_mut::<LANES>().0;
        let taps = operands.offsets.len();
        if taps == 0 {
            output.fill([0.0; LANES]);
        }
        let width = BLOCKS * LANES;
        let ahead = match operands.prefetch {
            Some(prefetch) => prefetch,
            None => Prefetch::in_order(operands.weights, width),
        };
        for start in (0..taps).step_by(RUN) {
            let mut sums = [[simd.splat(0.0); BLOCKS]; PIXELS];
            let offsets = &operands.offsets[start..taps.min(start + RUN)];
            let weights = &operands.weights[start * width..];
            for tap in 0..offsets.len() {
                let offset = offsets[tap] as usize;
                let pixels = &operands.input[offset..][..(PIXELS - 1) * STRIDE + 1];
                let filters = &weights[tap * width..][..width];
                unroll!(block < BLOCKS, {
                    ahead.tap(start + tap, block * LANES);
                });
                // In most layers the same pixels, in the next block of channels.
                if let Some(&next) = offsets.get(tap + LANES)
                    && tap % LANES < PIXELS
                {
                    prefetch(operands.input, next as usize + tap % LANES * STRIDE);
                }
                let mut vectors = [simd.splat(0.0); BLOCKS];
                unroll!(block < BLOCKS, {
                    vectors[block] = simd.load(first(&filters[block * LANES..]));
                });
                unroll!(pixel < PIXELS, {
                    let value = simd.splat(pixels[pixel * STRIDE]);
                    unroll!(block < BLOCKS, {
                        sums[pixel][block] =
                            simd.multiply_add(vectors[block], value, sums[pixel][block]);
                    });
                });
            }
            unroll!(pixel < PIXELS, {
                unroll!(block < BLOCKS, {
                    let place = match BY_BLOCK {
                        true => &mut output[block * PIXELS + pixel],
                        false => &mut output[pixel * BLOCKS + block],
                    };
                    // Most pointwise convolutions have one run only.
                    if start > 0 {
                        sums[pixel][block] = simd.add(simd.load(place), sums[pixel][block]);
                    }
                    simd.store(sums[pixel][block], place);
                });
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAPS: usize = 600;

    /// Weights of all taps, an input, and where each tap reads in it.
    fn operands(width: usize) -> (Vec<f32>, Vec<f32>, Vec<u32>) {
        let weights = (0..TAPS * width).map(|n| (n % 7) as f32 - 3.0).collect();
        let input = (0..1000).map(|n| (n % 11) as f32 - 4.0).collect();
        (weights, input, (0..TAPS as u32).map(|tap| tap % 13).collect())
    }

    #[test]
    fn every_instruction_set_adds_up_all_taps() {
        for isa in Isa::all() {
            for (blocks, stride) in [(1, 1), (1, 2), (2, 1), (2, 2), (2, 4), (2, 16), (1, 32)] {
                let (blocks, pixels) = (isa.blocks().min(blocks), isa.pixels());
                let width = blocks * LANES;
                let (weights, input, offsets) = operands(width);
                let operands = Operands {
                    weights: &weights,
                    input: &input,
                    offsets: &offsets,
                    prefetch: None,
                };
                let expected = |pixel: usize, filter: usize| -> f32 {
                    let product = |tap: usize| {
                        weights[tap * width + filter] * input[tap % 13 + pixel * stride]
                    };
                    (0..TAPS).map(product).sum()
                };
                let what = format!("{isa:?} {blocks} {stride}");
                if knows_stride_of_rows(stride) {
                    let mut sums = [f32::NAN; MOST_SUMS];
                    run_rows(isa, blocks, stride, operands, &mut sums);
                    for place in 0..pixels * width {
                        assert_eq!(sums[place], expected(place / width, place % width), "{what}");
                    }
                }
                for pixels in if stride == 4 { vec![] } else { vec![pixels, pixels / 2] } {
                    let mut sums = [f32::NAN; MOST_SUMS];
                    run_blocks(isa, blocks, (pixels, stride), operands, &mut sums);
                    for place in 0..pixels * width {
                        let (block, lane) = (place / LANES / pixels, place % LANES);
                        let pixel = place / LANES % pixels;
                        assert_eq!(sums[place], expected(pixel, block * LANES + lane), "{what}");
                    }
                }
            }
        }
    }
}
