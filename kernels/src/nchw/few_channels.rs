//! The transpose of a convolution that reads few channels, such as the first one of a network.
//!
//! With three channels, most lanes of a vector of filters would be empty. Here lanes are neighbouring pixels of a row:
//! every vector of the output is read once and multiplied with the weights of all channels.

use super::Correlation;
use crate::geometry::Window;
use crate::geometry::phases::{PhaseAxis, phases_of};
use crate::output::Output;
use crate::simd::{Isa, LANES, Simd, SimdLoop, dispatch};
use crate::threads::{for_each_chunk, for_each_heavy_chunk};

/// Most channels for which this is faster.
const FEW_CHANNELS: usize = 4;

/// Vectors of pixels that are computed together, if there are registers for the sums of three channels.
const MANY: usize = 7;

/// The same for four channels.
const FEWER: usize = 6;

/// Vectors of pixels that are computed together on short rows, and with few registers.
const FEW: usize = 2;

/// The transposed map, phase by phase.
pub struct FewChannels {
    rows: Vec<PhaseAxis>,
    columns: Vec<PhaseAxis>,
    /// For each phase of the rows and of the columns `[taps, O, taps, I]`.
    weights: Vec<Vec<f32>>,
    filters: usize,
    channels: usize,
    window: Window,
    /// Vectors of pixels that are computed together.
    vectors: usize,
    /// Padding before a row of the output.
    before: usize,
    /// Floats of a row of the output with its padding.
    row_len: usize,
}

impl FewChannels {
    /// The kernel that carries `[1, O, H', W']` back to `[1, I, H, W]`; `None` where another one is faster, or there is
    /// nothing to compute.
    pub fn new(forward: &Correlation) -> Option<FewChannels> {
        let [vertical, horizontal] = forward.window.axes[..] else { return None };
        let (filters, channels) = (forward.filters, forward.channels_per_group());
        let serves = forward.groups == 1
            && (1..=FEW_CHANNELS).contains(&channels)
            && !forward.weights.is_empty()
            && forward.window.input_len() > 0
            && forward.window.output_len() > 0;
        if !serves {
            return None;
        }
        let (rows, columns) = (phases_of(&vertical), phases_of(&horizontal));
        let mut weights = vec![];
        for row in &rows {
            for column in &columns {
                weights.push(weights_of(forward, row, column));
            }
        }
        let longest = columns.iter().map(|phase| phase.count).max().unwrap_or_default();
        let vectors = vectors_at_once(channels, longest);
        let before = columns.iter().map(|phase| phase.window.pad_before).max().unwrap_or_default();
        let tiles = longest.next_multiple_of(vectors * LANES);
        let reach = |phase: &PhaseAxis| {
            let taps = phase.taps.len().saturating_sub(1) * phase.window.dilation;
            before + phase.skipped + taps + tiles
        };
        let reach = columns.iter().map(reach).max().unwrap_or_default();
        let row_len = reach.max(before + horizontal.output);
        let window = forward.window.clone();
        Some(FewChannels {
            rows,
            columns,
            weights,
            filters,
            channels,
            window,
            vectors,
            before,
            row_len,
        })
    }

    /// Floats of the output, which is read, and of the input, which is written.
    pub fn lens(&self) -> [usize; 2] {
        [self.filters * self.window.output_len(), self.channels * self.window.input_len()]
    }

    /// Writes all of `input`; the slices are as long as [`FewChannels::lens`] says.
    pub fn run(&self, output: &[f32], input: Output<'_>) {
        let (from, to) = (self.window.output_shape(), self.window.input_shape());
        let ([height, width], [rows, columns]) = (&from[..], &to[..]) else { return };
        let mut padded = vec![0.0; self.filters * height * self.row_len];
        // The same row of all filters is contiguous: it is read one filter after the other.
        for_each_chunk(&mut padded, self.row_len, |line, padded| {
            let (row, filter) = (line / self.filters, line % self.filters);
            let pixels = &output[(filter * height + row) * width..][..*width];
            padded[self.before..][..*width].copy_from_slice(pixels);
        });
        // The same row of all channels is contiguous.
        let mut lines = vec![0.0; rows * self.channels * columns];
        let steps = self.filters * self.window.axes.iter().map(|axis| axis.kernel).sum::<usize>();
        for_each_heavy_chunk(&mut lines, self.channels * columns, steps, |row, lines| {
            self.run_row(row, &padded, *height, lines);
        });
        input.for_each_chunk(rows * columns, 1, |channel, plane| {
            for (row, line) in plane.chunks(*columns).enumerate() {
                let at = (row * self.channels + channel) * columns;
                line.copy(&lines[at..][..*columns]);
            }
        });
    }

    /// One row of the input, of every channel.
    fn run_row(&self, row: usize, padded: &[f32], height: usize, lines: &mut [f32]) {
        let phase = row % self.rows.len();
        let (rows, n) = (&self.rows[phase], row / self.rows.len());
        // Taps that read rows of the output, and not its padding.
        let source = |tap: usize| {
            let position = n + rows.skipped + tap * rows.window.dilation;
            position.checked_sub(rows.window.pad_before).filter(|&row| row < height)
        };
        let taps = (0..rows.taps.len()).filter_map(|tap| Some((tap, source(tap)?)));
        let taps: Vec<(usize, usize)> = taps.collect();
        for (number, columns) in self.columns.iter().enumerate() {
            let weights = &self.weights[phase * self.columns.len() + number];
            let line =
                Line { map: self, columns, weights, taps: &taps, padded, lines: &mut *lines };
            line.run();
        }
    }
}

/// Every `stride`-th pixel of a row of the input.
struct Line<'a> {
    map: &'a FewChannels,
    columns: &'a PhaseAxis,
    weights: &'a [f32],
    /// Rows of taps, each with the row of the output that it reads.
    taps: &'a [(usize, usize)],
    padded: &'a [f32],
    /// `[I, W]`.
    lines: &'a mut [f32],
}

impl Line<'_> {
    fn run(self) {
        match (self.map.channels, self.map.vectors) {
            (1, MANY) => dispatch(Pixels::<1, MANY>(self)),
            (2, MANY) => dispatch(Pixels::<2, MANY>(self)),
            (3, MANY) => dispatch(Pixels::<3, MANY>(self)),
            (4, FEWER) => dispatch(Pixels::<4, FEWER>(self)),
            (1, _) => dispatch(Pixels::<1, FEW>(self)),
            (2, _) => dispatch(Pixels::<2, FEW>(self)),
            (3, _) => dispatch(Pixels::<3, FEW>(self)),
            (_, _) => dispatch(Pixels::<4, FEW>(self)),
        }
    }
}

/// The sums of a line, a few vectors of pixels of all channels at a time.
struct Pixels<'a, const CHANNELS: usize, const VECTORS: usize>(Line<'a>);

impl<const CHANNELS: usize, const VECTORS: usize> SimdLoop for Pixels<'_, CHANNELS, VECTORS> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Line { map, columns, weights, taps, padded, lines } = self.0;
        let width = lines.len() / CHANNELS;
        let row_taps = columns.taps.len();
        let tap_len = map.filters * row_taps * CHANNELS;
        let first = map.before + columns.skipped - columns.window.pad_before;
        for start in (0..columns.count).step_by(VECTORS * LANES) {
            let mut sums = [[simd.splat(0.0); VECTORS]; CHANNELS];
            for &(tap, row) in taps {
                let weights = &weights[tap * tap_len..][..tap_len];
                let pixels = &padded[row * map.filters * map.row_len..];
                for filter in 0..map.filters {
                    let weights = &weights[filter * row_taps * CHANNELS..][..row_taps * CHANNELS];
                    let pixels = &pixels[filter * map.row_len + first + start..];
                    for column in 0..row_taps {
                        let weights = &weights[column * CHANNELS..][..CHANNELS];
                        let pixels = &pixels[column * columns.window.dilation..];
                        let pixels = pixels[..VECTORS * LANES].as_chunks::<LANES>().0;
                        for vector in 0..VECTORS {
                            let pixels = simd.load(&pixels[vector]);
                            for channel in 0..CHANNELS {
                                let weight = simd.splat(weights[channel]);
                                sums[channel][vector] =
                                    simd.multiply_add(weight, pixels, sums[channel][vector]);
                            }
                        }
                    }
                }
            }
            let count = (columns.count - start).min(VECTORS * LANES);
            for channel in 0..CHANNELS {
                let mut pixels = [[0.0; LANES]; VECTORS];
                for vector in 0..VECTORS {
                    simd.store(sums[channel][vector], &mut pixels[vector]);
                }
                let line = &mut lines[channel * width..][..width];
                let places = line[columns.first + start * columns.stride..].iter_mut();
                let places = places.step_by(columns.stride);
                places.zip(&pixels.as_flattened()[..count]).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

/// Vectors of pixels to compute together on rows of a phase of so many pixels.
fn vectors_at_once(channels: usize, pixels: usize) -> usize {
    let isa = Isa::detect();
    let has_registers = isa.pixels() * isa.blocks() >= 3 * MANY;
    match channels {
        _ if !has_registers || pixels <= 3 * LANES => FEW,
        FEW_CHANNELS => FEWER,
        _ => MANY,
    }
}

/// The weights of a phase, `[taps, O, taps, I]`.
fn weights_of(forward: &Correlation, rows: &PhaseAxis, columns: &PhaseAxis) -> Vec<f32> {
    let (filters, channels) = (forward.filters, forward.channels_per_group());
    let [height, width] = [0, 1].map(|axis| forward.window.axes[axis].kernel);
    let mut weights = vec![];
    for row in &rows.taps {
        for filter in 0..filters {
            for column in &columns.taps {
                weights.extend((0..channels).map(|channel| {
                    let plane = (filter * channels + channel) * height;
                    forward.weights[(plane + row) * width + column]
                }));
            }
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AlignedBuf;
    use crate::geometry::WindowAxis;
    use crate::reference::{self, quarters};

    /// Against the sum over all taps; all products are multiples of 1/16, so that both are exact.
    fn check(filters: usize, channels: usize, axes: [WindowAxis; 2]) {
        let window = Window { axes: axes.to_vec() };
        let weights = quarters(filters * channels * axes[0].kernel * axes[1].kernel, 7);
        let correlation = Correlation { weights: &weights, filters, groups: 1, window: &window };
        let map = FewChannels::new(&correlation).unwrap();
        let [read, written] = map.lens();
        let output = quarters(read, 5);
        let (input, ()) = AlignedBuf::written(written, |input| map.run(&output, input));
        assert_eq!(*input, reference::transposed(&correlation, &output), "{filters} {axes:?}");
    }

    #[test]
    fn geometries_agree_with_the_sum_over_all_taps() {
        check(
            4,
            3,
            [WindowAxis::fitting(30, 7, 2, 1, [3, 3]), WindowAxis::fitting(230, 7, 2, 1, [3, 2])],
        );
        check(
            3,
            4,
            [WindowAxis::fitting(20, 3, 1, 1, [1, 1]), WindowAxis::fitting(101, 3, 1, 1, [1, 1])],
        );
        check(
            3,
            1,
            [WindowAxis::fitting(9, 3, 1, 2, [0, 2]), WindowAxis::fitting(60, 2, 1, 3, [2, 0])],
        );
        check(
            2,
            2,
            [WindowAxis::fitting(23, 11, 4, 1, [2, 2]), WindowAxis::fitting(23, 11, 4, 1, [2, 2])],
        );
        check(
            2,
            3,
            [WindowAxis::fitting(7, 2, 3, 1, [0, 0]), WindowAxis::fitting(8, 1, 4, 1, [1, 0])],
        );
        check(
            2,
            4,
            [WindowAxis::fitting(3, 2, 1, 1, [3, 3]), WindowAxis::fitting(70, 1, 1, 1, [2, 1])],
        );
        check(
            1,
            2,
            [WindowAxis::fitting(9, 3, 2, 3, [2, 3]), WindowAxis::fitting(8, 2, 3, 2, [0, 0])],
        );
        check(
            1,
            1,
            [WindowAxis::fitting(1, 1, 1, 1, [0, 0]), WindowAxis::fitting(1, 1, 1, 1, [0, 0])],
        );
    }
}
