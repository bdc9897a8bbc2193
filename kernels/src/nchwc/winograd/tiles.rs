//! From tiles of the input to values at points, and from products at points back to tiles of the output.

use std::marker::PhantomData;
use std::ops::Range;

use super::super::LANES;
use super::Winograd;
use super::transform::{self, Filtering};
use crate::geometry::WindowAxis;
use crate::simd::{Simd, SimdLoop};

/// Evaluates tiles of the input at the points.
pub(super) struct Evaluation<'a, F, const M: usize, const S: usize> {
    pub convolution: &'a Winograd,
    pub tiles: Range<usize>,
    pub input: &'a [f32],
    /// `[points, C/16, tiles, 16]`.
    pub values: &'a mut [f32],
    pub filtering: PhantomData<F>,
}

impl<F: Filtering<M, S>, const M: usize, const S: usize> SimdLoop for Evaluation<'_, F, M, S> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let Evaluation { convolution, tiles, input, values, .. } = self;
        let (vertical, horizontal) = (&convolution.vertical, &convolution.horizontal);
        let point_len = convolution.point_len(tiles.len());
        let row_len = horizontal.input * LANES;
        let columns = convolution.columns();
        let mut patch = [0.0; 6 * 6 * LANES];
        let blocks = input.chunks_exact(vertical.input * row_len);
        for (block, plane) in blocks.enumerate() {
            let (mut row, mut column) = (tiles.start / columns, tiles.start % columns);
            for tile in 0..tiles.len() {
                let place = (block * tiles.len() + tile) * LANES;
                let (y, x) =
                    (Span::new::<M, S>(vertical, row), Span::new::<M, S>(horizontal, column));
                let points = &mut values[place..];
                if y.is_inside::<S>() && x.is_inside::<S>() {
                    let pixels = &plane[y.start * row_len + x.start * LANES..];
                    transform::input::<V, F, M, S>(simd, pixels, row_len, points, point_len);
                } else {
                    patch.fill(0.0);
                    for line in 0..y.count {
                        let from = (y.start + line) * row_len + x.start * LANES;
                        let to = ((y.skipped + line) * S + x.skipped) * LANES;
                        let len = x.count * LANES;
                        patch[to..][..len].copy_from_slice(&plane[from..][..len]);
                    }
                    transform::input::<V, F, M, S>(simd, &patch, S * LANES, points, point_len);
                }
                column += 1;
                if column == columns {
                    (row, column) = (row + 1, 0);
                }
            }
        }
    }
}

/// What a tile reads along one axis.
struct Span {
    /// Positions in the padding before the input.
    skipped: usize,
    /// The first position in the input.
    start: usize,
    /// Positions in the input.
    count: usize,
}

impl Span {
    #[inline(always)]
    fn new<const M: usize, const S: usize>(axis: &WindowAxis, tile: usize) -> Span {
        let from = tile * M;
        let skipped = axis.pad_before.saturating_sub(from).min(S);
        let start = (from + skipped).saturating_sub(axis.pad_before).min(axis.input);
        let count = (axis.input - start).min(S - skipped);
        Span { skipped, start, count }
    }

    #[inline(always)]
    fn is_inside<const S: usize>(&self) -> bool {
        self.count == S
    }
}

/// Transforms a run of tiles back from their points.
pub(super) struct Outputs<'a, F, const M: usize, const S: usize> {
    /// `[tiles, points, 16]`.
    pub products: &'a [f32],
    pub tile_len: usize,
    /// `[M, pixels, 16]`.
    pub rows: &'a mut [f32],
    /// Pixels of a row.
    pub count: usize,
    pub filtering: PhantomData<F>,
}

impl<F: Filtering<M, S>, const M: usize, const S: usize> SimdLoop for Outputs<'_, F, M, S> {
    type Output = ();

    #[inline(always)]
    fn run<V: Simd>(self, simd: V) {
        let row_len = self.count * LANES;
        for (tile, products) in self.products.chunks(self.tile_len).enumerate() {
            let columns = M.min(self.count - tile * M);
            let pixels = &mut self.rows[tile * M * LANES..];
            transform::output::<V, F, M, S>(simd, products, pixels, row_len, columns);
        }
    }
}
