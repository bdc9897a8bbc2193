//! Depthwise convolutions, in both directions.
//!
//! A tap multiplies a vector of weights with sixteen channels of one pixel. The sums of a few neighbouring pixels stay
//! in registers for all their taps, and share what they read. Planes are not copied for their padding: pixels at the
//! border are summed over the taps that exist.
//!
//! Both directions are the same loop. Forward, neighbouring positions read pixels that are a stride apart. Transposed,
//! the kernel is flipped, and positions that are a stride apart form a phase: they have the same taps, and neighbours
//! read neighbouring pixels.

use super::taps::{Grid, Run, Taps, runs};
use super::{Epilogue, Kernel, LANES, SumPair};
use crate::geometry::WindowAxis;
use crate::output::Output;
use crate::simd::{F32x16, Simd, SimdLoop, dispatch};

/// Pixels that are summed together: as many as leave registers for weights and pixels.
const MANY: usize = 8;

/// Pixels of a shorter run that are summed together: enough to hide the latency of a multiply-add.
const SOME: usize = 4;

/// Floats that are summed before the epilogue runs; they stay in the first cache.
const SUMS: usize = 2048;

/// Floats that one thread computes at a time.
const CHUNK: usize = 1 << 13;

/// A depthwise convolution in one of its directions.
pub(super) struct Depthwise {
    /// `[C/16, taps]`.
    weights: Vec<F32x16>,
    /// Taps of the whole kernel, and of one of its rows.
    taps: [usize; 2],
    grid: Grid,
    /// The columns of the grid.
    columns: Vec<Run>,
}

/// `[.., H, W]` to `[.., H', W']`, with a weight `[C, 1, kernel...]`.
pub(super) fn forward(
    weight: &[f32],
    channels: usize,
    vertical: WindowAxis,
    horizontal: WindowAxis,
) -> Depthwise {
    let taps = vertical.kernel * horizontal.kernel;
    let grid = Grid::forward(&[vertical, horizontal]);
    Depthwise {
        weights: in_blocks(weight, channels, taps, |tap| tap),
        taps: [taps, horizontal.kernel],
        columns: runs(&grid.columns, 1, horizontal.stride),
        grid,
    }
}

/// `[.., H', W']` back to `[.., H, W]`.
pub(super) fn transposed(
    weight: &[f32],
    channels: usize,
    vertical: WindowAxis,
    horizontal: WindowAxis,
) -> Depthwise {
    let taps = vertical.kernel * horizontal.kernel;
    let grid = Grid::transposed(&[vertical, horizontal]);
    Depthwise {
        weights: in_blocks(weight, channels, taps, |tap| taps - 1 - tap),
        taps: [taps, horizontal.kernel],
        columns: runs(&grid.columns, horizontal.stride, 1),
        grid,
    }
}

/// `[C, taps]` as `[C/16, taps, 16]`, the taps in another order.
fn in_blocks(
    weight: &[f32],
    channels: usize,
    taps: usize,
    order: impl Fn(usize) -> usize,
) -> Vec<F32x16> {
    let mut blocks = vec![[0.0; LANES]; channels.div_ceil(LANES) * taps];
    for (channel, filter) in weight.chunks_exact(taps.max(1)).enumerate().take(channels) {
        for (tap, &weight) in filter.iter().enumerate() {
            blocks[channel / LANES * taps + order(tap)][channel % LANES] = weight;
        }
    }
    blocks
}

impl Kernel for Depthwise {
    fn run(&self, input: &[f32], output: Output<'_>, epilogue: &dyn Epilogue) -> SumPair {
        let (height, width) = (self.grid.rows.len(), self.grid.columns.len());
        let (row_len, read_len) = (width * LANES, self.grid.read_len());
        let rows_of = |len: usize| (len / row_len.max(1)).max(1);
        let (rows_per_chunk, rows_at_once) = (rows_of(CHUNK), rows_of(SUMS));
        let input = input.as_chunks().0;
        let work = |index: usize, mut chunk: Output<'_>| {
            let mut totals = SumPair::default();
            let mut sums = vec![[0.0; LANES]; rows_at_once * width];
            let mut row = index * rows_per_chunk;
            while !chunk.is_empty() {
                let (block, first) = (row / height, row % height);
                let count = rows_at_once.min(height - first).min(chunk.len() / row_len);
                let sums = &mut sums[..count * width];
                dispatch(Rows {
                    map: self,
                    weights: &self.weights[block * self.taps[0]..][..self.taps[0]],
                    plane: &input[block * read_len..][..read_len],
                    rows: &self.grid.rows[first..][..count],
                    sums,
                });
                let output = chunk.front(count * row_len);
                epilogue.apply(block, row * row_len, sums.as_flattened(), output, &mut totals);
                row += count;
            }
            totals
        };
        SumPair::of(output.map_chunks(rows_per_chunk * row_len, self.taps[0], work))
    }
}

/// The sums of neighbouring rows of a block.
struct Rows<'a> {
    map: &'a Depthwise,
    /// The filters of the block.
    weights: &'a [F32x16],
    /// The block's plane of the input.
    plane: &'a [F32x16],
    rows: &'a [Taps],
    sums: &'a mut [F32x16],
}

impl SimdLoop for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Rows { map, weights, plane, rows, sums } = self;
        for (&vertical, sums) in rows.iter().zip(sums.chunks_exact_mut(map.grid.columns.len())) {
            for &run in &map.columns {
                let [_, row_taps] = map.taps;
                let [_, row_len] = map.grid.read;
                let stencil = Stencil { simd, weights, plane, row_taps, row_len, vertical, run };
                // The most frequent kernels and strides have loops of constant length.
                match (run.taps.count, run.stride) {
                    _ if run.taps.source_step != 1 => stencil.sum_any(sums),
                    (1, 1) => stencil.sum::<1, 1>(sums),
                    (2, 1) => stencil.sum::<2, 1>(sums),
                    (3, 1) => stencil.sum::<3, 1>(sums),
                    (4, 1) => stencil.sum::<4, 1>(sums),
                    (5, 1) => stencil.sum::<5, 1>(sums),
                    (7, 1) => stencil.sum::<7, 1>(sums),
                    (3, 2) => stencil.sum::<3, 2>(sums),
                    (5, 2) => stencil.sum::<5, 2>(sums),
                    _ => stencil.sum_any(sums),
                }
            }
        }
    }
}

/// A run of one row.
struct Stencil<'a, S> {
    simd: S,
    weights: &'a [F32x16],
    plane: &'a [F32x16],
    row_taps: usize,
    row_len: usize,
    vertical: Taps,
    run: Run,
}

impl<S: Simd> Stencil<'_, S> {
    /// Sums every position of the run, over `TAPS` neighbouring pixels of each row.
    #[inline(always)]
    fn sum<const TAPS: usize, const STRIDE: usize>(&self, sums: &mut [F32x16]) {
        match self.run.count {
            MANY.. => self.sum_by::<MANY, TAPS, STRIDE>(sums),
            SOME.. => self.sum_by::<SOME, TAPS, STRIDE>(sums),
            _ => self.sum_by::<1, TAPS, STRIDE>(sums),
        }
    }

    /// `COUNT` positions at a time; there are at least as many.
    #[inline(always)]
    fn sum_by<const COUNT: usize, const TAPS: usize, const STRIDE: usize>(
        &self,
        sums: &mut [F32x16],
    ) {
        for at in (0..self.run.count).step_by(COUNT) {
            // The last ones overlap those before, and write the same there.
            let at = at.min(self.run.count - COUNT);
            self.write(at, self.some::<COUNT, TAPS, STRIDE>(at), sums);
        }
    }

    /// The sums of neighbouring positions of the run.
    #[inline(always)]
    fn some<const COUNT: usize, const TAPS: usize, const STRIDE: usize>(
        &self,
        at: usize,
    ) -> [S::Vector; COUNT] {
        let (simd, step) = (self.simd, self.run.taps.step);
        let mut sums = [simd.splat(0.0); COUNT];
        for row in 0..self.vertical.count {
            let (weights, pixels) = self.row(row, at * STRIDE);
            let pixels = &pixels[..(COUNT - 1) * STRIDE + TAPS];
            let weights = &weights[..(TAPS - 1) * step + 1];
            for tap in 0..TAPS {
                let weight = simd.load(&weights[tap * step]);
                for position in 0..COUNT {
                    let pixel = simd.load(&pixels[position * STRIDE + tap]);
                    sums[position] = simd.multiply_add(weight, pixel, sums[position]);
                }
            }
        }
        sums
    }

    /// Like [`Stencil::sum`], for taps of any number and distance.
    #[inline(always)]
    fn sum_any(&self, sums: &mut [F32x16]) {
        let (simd, taps) = (self.simd, self.run.taps);
        // Windows inside the padding read nothing.
        let rows = if taps.count == 0 { 0 } else { self.vertical.count };
        for at in 0..self.run.count {
            let mut sum = simd.splat(0.0);
            for row in 0..rows {
                let (weights, pixels) = self.row(row, at * self.run.stride);
                for tap in 0..taps.count {
                    let weight = simd.load(&weights[tap * taps.step]);
                    let pixel = simd.load(&pixels[tap * taps.source_step]);
                    sum = simd.multiply_add(weight, pixel, sum);
                }
            }
            self.write(at, [sum], sums);
        }
    }

    /// The weights of a row of taps, and the pixels that it reads, `skipped` pixels behind those of the run's first
    /// position.
    #[inline(always)]
    fn row(&self, row: usize, skipped: usize) -> (&[F32x16], &[F32x16]) {
        let tap = (self.vertical.first + row * self.vertical.step) * self.row_taps;
        let source = (self.vertical.source + row * self.vertical.source_step) * self.row_len;
        (
            &self.weights[tap + self.run.taps.first..],
            &self.plane[source + self.run.taps.source + skipped..],
        )
    }

    #[inline(always)]
    fn write<const COUNT: usize>(&self, at: usize, from: [S::Vector; COUNT], to: &mut [F32x16]) {
        for (index, from) in from.into_iter().enumerate() {
            let to = &mut to[self.run.first + (at + index) * self.run.step];
            self.simd.store(from, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Image;
    use super::super::tests::{Keep, images, numbers};
    use super::*;
    use crate::AlignedBuf;
    use crate::threads::Threads;

    /// `[height, width]` of kernels with their strides, dilations and paddings.
    fn geometries() -> Vec<[WindowAxis; 2]> {
        vec![
            [WindowAxis::fitting(9, 3, 1, 1, [1, 1]), WindowAxis::fitting(13, 3, 1, 1, [1, 1])],
            [WindowAxis::fitting(12, 3, 2, 1, [1, 1]), WindowAxis::fitting(23, 3, 2, 1, [0, 1])],
            [WindowAxis::fitting(28, 5, 1, 1, [2, 2]), WindowAxis::fitting(28, 5, 1, 1, [2, 2])],
            [WindowAxis::fitting(15, 5, 2, 1, [1, 2]), WindowAxis::fitting(30, 5, 2, 1, [2, 1])],
            [WindowAxis::fitting(7, 7, 1, 1, [3, 3]), WindowAxis::fitting(20, 7, 1, 1, [3, 3])],
            [WindowAxis::fitting(3, 5, 1, 1, [2, 2]), WindowAxis::fitting(2, 5, 1, 1, [3, 2])],
            [WindowAxis::fitting(17, 3, 3, 1, [1, 0]), WindowAxis::fitting(20, 4, 3, 1, [0, 2])],
            [WindowAxis::fitting(14, 3, 1, 2, [2, 2]), WindowAxis::fitting(11, 3, 2, 2, [2, 1])],
            [WindowAxis::fitting(6, 1, 2, 1, [0, 0]), WindowAxis::fitting(6, 1, 2, 1, [0, 0])],
            [WindowAxis::fitting(5, 2, 4, 1, [3, 3]), WindowAxis::fitting(9, 3, 4, 2, [4, 4])],
        ]
    }

    #[test]
    fn both_directions_are_naive_sums() {
        for ([vertical, horizontal], channels) in
            geometries().into_iter().flat_map(|axes| [(axes, 16), (axes, 37)])
        {
            let (from, to) = images(channels, &[vertical, horizontal]);
            let taps = vertical.kernel * horizontal.kernel;
            let weight = numbers(channels * taps, 1);
            let (input, relevance) = (numbers(from.len(), 2), numbers(to.len(), 3));
            let mut forward = vec![0.0f64; to.len()];
            let mut backward = vec![0.0f64; from.len()];
            for channel in 0..channels {
                let (block, lane) = (channel / LANES, channel % LANES);
                let window = crate::geometry::Window { axes: vec![vertical, horizontal] };
                let mut tap = std::collections::HashMap::new();
                for y in 0..to.pixels() {
                    for k in 0..taps {
                        let row = vertical.source(y / to.width, k / horizontal.kernel);
                        let column = horizontal.source(y % to.width, k % horizontal.kernel);
                        if let (Some(row), Some(column)) = (row, column) {
                            tap.insert((y, row * from.width + column), k);
                        }
                    }
                }
                window.for_each_tap(|o, i| {
                    let weight = f64::from(weight[channel * taps + tap[&(o, i)]]);
                    let o = block * to.block_len() + o * LANES + lane;
                    let i = block * from.block_len() + i * LANES + lane;
                    forward[o] += weight * f64::from(input[i]);
                    backward[i] += weight * f64::from(relevance[o]);
                });
            }
            let ahead = super::forward(&weight, channels, vertical, horizontal);
            let back = transposed(&weight, channels, vertical, horizontal);
            for (map, read, expected) in [(ahead, input, forward), (back, relevance, backward)] {
                let run =
                    || AlignedBuf::written(expected.len(), |output| map.run(&read, output, &Keep));
                let (written, totals) = run();
                for (written, expected) in written.iter().zip(&expected) {
                    let error = (f64::from(*written) - expected).abs();
                    assert!(error < 1e-5, "{vertical:?} {horizontal:?}: {written} {expected}");
                }
                let (again, totals_again) = Threads::new(2).unwrap().run(run);
                assert_eq!(*written, *again);
                assert_eq!(totals.lanes, totals_again.lanes);
                let sum: f64 = written.iter().map(|&number| f64::from(number)).sum();
                assert!((totals.sums()[0] - sum).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn bands_of_many_rows_are_joined() {
        let axes =
            [WindowAxis::fitting(70, 3, 1, 1, [1, 1]), WindowAxis::fitting(40, 3, 1, 1, [1, 1])];
        let (image, _) = images(48, &axes);
        let weight = vec![1.0; 48 * 9];
        let mut output = vec![0.0; image.len()];
        let map = forward(&weight, 48, axes[0], axes[1]);
        let run = || map.run(&vec![1.0; image.len()], Output::from(&mut output[..]), &Keep);
        assert_eq!(Threads::new(2).unwrap().run(run).sums()[0], 48.0 * (70.0 * 3.0 - 2.0) * 118.0);
        let Image { height, width, .. } = image;
        for (pixel, lanes) in output.chunks_exact(LANES).enumerate() {
            let (row, column) = (pixel % (height * width) / width, pixel % width);
            let inside = |at: usize, len: usize| if at == 0 || at == len - 1 { 2.0 } else { 3.0 };
            assert!(lanes.iter().all(|&sum| sum == inside(row, height) * inside(column, width)));
        }
    }
}
