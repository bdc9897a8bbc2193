//! Convolutions with windows of 3x3 pixels by Winograd's minimal filtering.
//!
//! Tiles of the output that are two or four pixels wide take 2.25 or 4 times fewer multiplications than the sum over
//! taps: tiles of the input and filters are evaluated at 16 or 36 points, multiplied there, summed over channels, and
//! transformed back (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016). The sums over channels
//! are matrix products, one per point; the transforms before and after work on whole vectors, since a vector holds
//! sixteen channels of a pixel.
//!
//! Work goes strip by strip: a few rows of tiles are evaluated at all points, then multiplied with every block of
//! filters, so that weights are read once per strip and the values stay in the caches.

mod product;
mod tiles;
mod transform;
mod weights;

use std::cell::Cell;
use std::iter::from_fn;
use std::marker::PhantomData;
use std::ops::Range;

use self::product::Product;
use self::tiles::{Evaluation, Outputs};
use self::transform::{Filtering, Four, Two};
use self::weights::transformed;
use super::filters::Filters;
use super::prepack::{PackedWeights, Prepack};
use super::{Epilogue, Kernel, LANES, SumPair};
use crate::geometry::WindowAxis;
use crate::output::{Output, Part};
use crate::prefetch::Prefetch;
use crate::scratch::{self, AlignedBuf};
use crate::simd::Isa;
use crate::threads::{for_each_heavy_chunk, map_items, threads};

/// The size of the tiles of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tile {
    /// 2x2 pixels, which rounds hardly more than the sum over taps.
    Two,
    /// 4x4 pixels: the fastest.
    Four,
}

impl Tile {
    /// The fastest tile for a layer, up to the `largest` that rounds little enough; `None` where the sum over taps is as
    /// fast: with few channels or filters the transforms cost what the products save.
    pub fn fastest(largest: Tile, channels: usize, filters: usize, pixels: usize) -> Option<Tile> {
        let narrower = channels.min(filters);
        // Planes too small to make up for weights of up to four times the size, in time and in memory.
        let is_heavy = pixels < 64 && channels * filters >= 1 << 18;
        let is_light = pixels >= 16 * 16;
        match largest {
            _ if is_heavy => None,
            Tile::Four if is_light && narrower >= 16 => Some(Tile::Four),
            _ if narrower >= 32 => Some(Tile::Two),
            _ => None,
        }
    }

    /// Pixels along a side.
    fn side(self) -> usize {
        match self {
            Tile::Two => 2,
            Tile::Four => 4,
        }
    }

    /// Points of a tile.
    fn points(self) -> usize {
        (self.side() + 2) * (self.side() + 2)
    }
}

/// Floats of the values of a strip: weights are read seldom, and values still fit in the second cache or nearly so.
const STRIP_LEN: usize = 1 << 18;

/// Most blocks of filters that are computed one by one: together they would leave threads without work, and one by one
/// they are as fast.
const NARROW: usize = 3;

/// Most pixels of a row that an [`Epilogue`] gets at once.
const SEGMENT: usize = 64;

/// Floats of a segment of a row of tiles.
const PIXELS: usize = SEGMENT * 4 * LANES;

thread_local! {
    /// Scratch memory for the values of a strip.
    static VALUES: Cell<AlignedBuf> = Cell::default();
    /// Scratch memory for the products of a strip and a few blocks of filters.
    static PRODUCTS: Cell<AlignedBuf> = Cell::default();
}

/// A convolution with transformed weights.
pub struct Winograd {
    isa: Isa,
    tile: Tile,
    vertical: WindowAxis,
    horizontal: WindowAxis,
    /// Blocks of channels.
    channel_blocks: usize,
    /// Blocks of filters that are computed together.
    blocks_at_once: usize,
    weights: PackedWeights,
    /// Rows of tiles in a strip.
    strip_rows: usize,
}

impl Winograd {
    /// The kernel; `None` unless the window is 3x3 pixels with stride 1 and no dilation, or if there is nothing to
    /// compute.
    pub fn new(
        isa: Isa,
        mut filters: Filters,
        [vertical, horizontal]: [WindowAxis; 2],
        tile: Tile,
    ) -> Option<Winograd> {
        let fits = |axis: &WindowAxis| {
            let reach = axis.pad_before + axis.input + axis.pad_after;
            (axis.kernel, axis.stride, axis.dilation) == (3, 1, 1)
                && axis.output > 0
                && axis.output + 2 == reach
        };
        if filters.shape.contains(&0) || vertical.input * horizontal.input == 0 {
            return None;
        }
        if !fits(&vertical) || !fits(&horizontal) {
            return None;
        }
        let channel_blocks = filters.channels().div_ceil(LANES);
        let is_narrow = filters.count() <= NARROW * LANES;
        let blocks_at_once = if is_narrow { 1 } else { isa.blocks() };
        let rows = vertical.output.div_ceil(tile.side());
        let columns = horizontal.output.div_ceil(tile.side());
        let row_len = columns * tile.points() * channel_blocks * LANES;
        let weights_len = tile.points() * channel_blocks * LANES * filters.count();
        // Every strip reads all weights. Where they are more than the values, there is one strip.
        let is_one = rows * row_len <= weights_len;
        let strips = if is_one { 1 } else { rows.div_ceil((STRIP_LEN / row_len).max(1)) };
        if strips > 1 {
            filters.prepack = Prepack::Once;
        }
        Some(Winograd {
            isa,
            tile,
            vertical,
            horizontal,
            channel_blocks,
            blocks_at_once,
            weights: transformed(isa, filters, tile, blocks_at_once * LANES),
            strip_rows: rows.div_ceil(strips),
        })
    }

    /// Floats of a block of the output.
    fn block_len(&self) -> usize {
        self.vertical.output * self.horizontal.output * LANES
    }

    /// Tiles side by side.
    fn columns(&self) -> usize {
        self.horizontal.output.div_ceil(self.tile.side())
    }

    fn run_with<F: Filtering<M, S>, const M: usize, const S: usize>(
        &self,
        input: &[f32],
        output: Output<'_>,
        epilogue: &dyn Epilogue,
    ) -> SumPair {
        let (output, total) = output.into_part();
        let strips = self.strips(M, output);
        let run = |_: usize, (rows, planes): (Range<usize>, Planes)| {
            self.run_strip::<F, M, S>(&self.strip(rows), input, planes, epilogue)
        };
        // With enough strips, a thread takes whole ones and finds the values in its caches.
        let parts: Vec<Vec<(SumPair, usize)>> = match strips.len() >= 2 * threads() {
            true => map_items(strips, run),
            false => strips.into_iter().map(|strip| run(0, strip)).collect(),
        };
        SumPair::of(total.added(parts.into_iter().flatten().collect()))
    }

    /// Rows of tiles, with the part of every block of the output that they write.
    fn strips<'a>(&self, side: usize, output: Part<'a>) -> Vec<(Range<usize>, Planes<'a>)> {
        let rows = self.vertical.output.div_ceil(side);
        let firsts = (0..rows).step_by(self.strip_rows);
        let strip = |first: usize| (first..rows.min(first + self.strip_rows), vec![]);
        let mut strips: Vec<(Range<usize>, Planes)> = firsts.map(strip).collect();
        let strip_len = self.strip_rows * side * self.horizontal.output * LANES;
        for plane in output.chunks(self.block_len()) {
            let parts = plane.chunks(strip_len);
            strips.iter_mut().zip(parts).for_each(|((_, planes), part)| planes.push(part));
        }
        strips
    }

    /// Evaluates a strip, and multiplies it with all filters. Returns the totals of a few blocks of filters each, and how
    /// many floats were written of them.
    fn run_strip<F: Filtering<M, S>, const M: usize, const S: usize>(
        &self,
        strip: &Strip,
        input: &[f32],
        planes: Planes,
        epilogue: &dyn Epilogue,
    ) -> Vec<(SumPair, usize)> {
        let mut values = scratch::take(&VALUES, strip.groups.len() * strip.group_len);
        for_each_heavy_chunk(&mut values, strip.group_len, M, |index, values| {
            let tiles = strip.groups[index].clone();
            let filtering = PhantomData::<F>;
            let work = Evaluation { convolution: self, tiles, input, values, filtering };
            self.isa.run(work);
        });
        let values = &*values;
        let mut planes = planes.into_iter();
        let few = || Some(planes.by_ref().take(self.blocks_at_once).collect::<Planes>());
        let few = from_fn(few).take_while(|few| !few.is_empty());
        map_items(few.collect(), |index, planes| {
            self.run_blocks::<F, M, S>(strip, index, values, planes, epilogue)
        })
    }

    /// The tiles of a few rows, in groups as even as possible.
    fn strip(&self, rows: Range<usize>) -> Strip {
        let (first, count) = (rows.start * self.columns(), rows.len() * self.columns());
        let groups = count.div_ceil(Product::most_tiles(self.isa));
        let group = |index| first + index * count / groups..first + (index + 1) * count / groups;
        let group_len = self.tile.points() * self.point_len(count.div_ceil(groups));
        Strip { rows, groups: (0..groups).map(group).collect(), group_len }
    }

    /// Floats of a group of tiles at one point: an odd number of cache lines, or the points would map to the same cache
    /// sets.
    fn point_len(&self, tiles: usize) -> usize {
        ((self.channel_blocks * tiles) | 1) * LANES
    }

    /// Computes a few blocks of filters at all tiles of a strip.
    fn run_blocks<F: Filtering<M, S>, const M: usize, const S: usize>(
        &self,
        strip: &Strip,
        index: usize,
        values: &[f32],
        planes: Planes,
        epilogue: &dyn Epilogue,
    ) -> (SumPair, usize) {
        let blocks = planes.len();
        let tile_len = ((S * S) | 1) * LANES;
        let block_len = strip.rows.len() * self.columns() * tile_len;
        let mut sums = scratch::take(&PRODUCTS, blocks * block_len);
        let into = Sums { sums: &mut sums, blocks, block_len, tile_len };
        self.multiply(strip, values, &self.weights.pass(index), into);
        let (mut totals, mut written) = (SumPair::default(), 0);
        let mut pixels = [0.0; PIXELS];
        let row_len = M * self.horizontal.output * LANES;
        for (offset, (sums, plane)) in sums.chunks(block_len).zip(planes).enumerate() {
            let block = index * self.blocks_at_once + offset;
            let ((), count) = plane.counted(|plane| {
                let rows = sums.chunks(self.columns() * tile_len).zip(plane.chunks(row_len));
                for (row, (products, output)) in strip.rows.clone().zip(rows) {
                    let place = Place { block, row };
                    let into = (&mut pixels, output);
                    self.finish_row::<F, M, S>(place, products, into, epilogue, &mut totals);
                }
            });
            written += count;
        }
        (totals, written)
    }

    /// The products of a few blocks of filters with all tiles of a strip, at all points.
    fn multiply(&self, strip: &Strip, values: &[f32], weights: &[f32], into: Sums) {
        let Sums { sums, blocks, block_len, tile_len } = into;
        let first_tile = strip.rows.start * self.columns();
        let channels = self.channel_blocks * LANES;
        let weights_len = channels * blocks * LANES;
        let points = weights.chunks_exact(weights.len() / self.tile.points());
        let next = points.clone().skip(1).chain([&[][..]]);
        for (point, (weights, next)) in points.zip(next).enumerate() {
            let weights = &weights[..weights_len];
            let groups = strip.groups.iter().zip(values.chunks(strip.group_len));
            for (number, (group, values)) in groups.enumerate() {
                let place = (group.start - first_tile) * tile_len + point * LANES;
                let product = Product {
                    weights,
                    values: &values[point * self.point_len(group.len())..]
                        [..self.channel_blocks * group.len() * LANES],
                    ahead: Prefetch::part(next, (number, strip.groups.len()), channels),
                    tiles: group.len(),
                    blocks,
                    sums: &mut sums[place..],
                    block_len,
                    tile_len,
                };
                product.run(self.isa);
            }
        }
    }

    /// Transforms a row of tiles back from the points, and applies the epilogue.
    fn finish_row<F: Filtering<M, S>, const M: usize, const S: usize>(
        &self,
        Place { block, row }: Place,
        products: &[f32],
        (pixels, output): (&mut [f32; PIXELS], Output<'_>),
        epilogue: &dyn Epilogue,
        totals: &mut SumPair,
    ) {
        let width = self.horizontal.output;
        let height = M.min(self.vertical.output - row * M);
        let segments = width.div_ceil(SEGMENT);
        let tiles = self.columns().div_ceil(segments);
        // Whole rows are contiguous in the output, and given to the epilogue together.
        let rows = if segments == 1 { height } else { 1 };
        let mut left: Vec<Output> = output.chunks(rows * width * LANES).collect();
        let tile_len = products.len() / self.columns();
        for (index, products) in products.chunks(tiles * tile_len).enumerate() {
            let start = index * tiles * M;
            let count = (tiles * M).min(width - start);
            let work = Outputs::<F, M, S> {
                products,
                tile_len,
                rows: pixels,
                count,
                filtering: PhantomData,
            };
            self.isa.run(work);
            let len = rows * count * LANES;
            for (call, output) in left.iter_mut().enumerate() {
                let sums = &pixels[call * len..][..len];
                let place = (row * M + call) * width + start;
                let at = block * self.block_len() + place * LANES;
                epilogue.apply(block, at, sums, output.front(len), totals);
            }
        }
    }
}

impl Kernel for Winograd {
    fn run(&self, input: &[f32], output: Output<'_>, epilogue: &dyn Epilogue) -> SumPair {
        match self.tile {
            Tile::Two => self.run_with::<Two, 2, 4>(input, output, epilogue),
            Tile::Four => self.run_with::<Four, 4, 6>(input, output, epilogue),
        }
    }
}

/// What a strip writes: a part of every block of the output.
type Planes<'a> = Vec<Part<'a>>;

/// A few rows of tiles.
struct Strip {
    rows: Range<usize>,
    /// Tiles whose products are computed together, counted row by row.
    groups: Vec<Range<usize>>,
    /// Floats of a group: `[points, C/16, tiles, 16]`.
    group_len: usize,
}

/// Where products go: for every block and tile, its points.
struct Sums<'a> {
    sums: &'a mut [f32],
    blocks: usize,
    /// Distance of blocks.
    block_len: usize,
    /// Distance of tiles.
    tile_len: usize,
}

/// A row of tiles of one block.
#[derive(Clone, Copy)]
struct Place {
    block: usize,
    row: usize,
}

#[cfg(test)]
mod tests;
