//! Direct convolutions over lines and images.
//!
//! The [`microkernel`](crate::microkernel) sums all taps of a tile in registers: a few blocks of filters at neighbouring
//! pixels of a row. The input is copied once with its padding, so that no tap needs a bounds test. Where rows are shorter
//! than a tile, the padded plane is treated as one line, and sums at the padding are dropped.

use super::Correlation;
use crate::geometry::padded_planes::{PaddedPlanes, Tile};
use crate::geometry::{Window, WindowAxis};
use crate::microkernel::{MOST_SUMS, Operands, TileSums, knows_stride_of_rows, run_rows};
use crate::output::Output;
use crate::simd::{Isa, LANES};

/// Fewest filters of a group: with fewer, most lanes of a vector would be empty.
const FEWEST_FILTERS: usize = 8;

/// A convolution with packed weights.
pub struct Direct {
    isa: Isa,
    /// For each block of filters: `[taps, filters of the block]`.
    blocks: Vec<Block>,
    /// One per filter.
    bias: Vec<f32>,
    padded: PaddedPlanes,
    /// Where each tap of a group's filters reads, relative to the first pixel of its window.
    offsets: Vec<u32>,
    /// Distance of neighbouring pixels.
    stride: usize,
    tiles: Vec<Tile>,
    /// Filters of a full block.
    block_len: usize,
    filters_per_group: usize,
    channels_per_group: usize,
    output_len: usize,
}

struct Block {
    weights: Vec<f32>,
    /// Blocks of sixteen filters.
    count: usize,
}

impl Direct {
    /// The kernel of a convolution with one bias per filter; `None` where another kernel is better:
    /// volumes, few filters, rare strides, nothing to compute.
    pub fn new(correlation: &Correlation, bias: Option<&[f32]>) -> Option<Direct> {
        Direct::with(Isa::detect(), correlation, bias)
    }

    fn with(isa: Isa, correlation: &Correlation, bias: Option<&[f32]>) -> Option<Direct> {
        let [vertical, horizontal] = image_axes(correlation.window)?;
        let (filters, channels_per_group) = (correlation.filters, correlation.channels_per_group());
        let filters_per_group = filters / correlation.groups;
        let blocks_fit = correlation.groups == 1 || filters_per_group.is_multiple_of(LANES);
        let is_empty = correlation.weights.is_empty()
            || correlation.window.input_len() == 0
            || correlation.window.output_len() == 0;
        let serves = !is_empty
            && filters_per_group >= FEWEST_FILTERS
            && blocks_fit
            && knows_stride_of_rows(horizontal.stride);
        if !serves {
            return None;
        }
        let most = isa.blocks() * LANES;
        let fills_most = correlation.groups == 1 || filters_per_group.is_multiple_of(most);
        let block_len = if fills_most { most } else { LANES };
        let padded = PaddedPlanes::new(vertical, horizontal, 1, isa.pixels());
        let offsets = padded.offsets(channels_per_group)?;
        let tiles = padded.tiles(isa.pixels());
        Some(Direct {
            isa,
            blocks: packed(correlation, block_len),
            bias: bias.map_or_else(|| vec![0.0; filters], <[f32]>::to_vec),
            offsets,
            stride: horizontal.stride,
            tiles,
            block_len,
            filters_per_group,
            channels_per_group,
            output_len: correlation.window.output_len(),
            padded,
        })
    }

    /// Floats of an input.
    pub fn input_len(&self) -> usize {
        let groups = self.bias.len() / self.filters_per_group;
        groups * self.channels_per_group * self.padded.input_len()
    }

    /// Floats of an output.
    pub fn output_len(&self) -> usize {
        self.bias.len() * self.output_len
    }

    /// `[1, I, spatial...]` to `[1, O, spatial'...]`; the slices are as long as [`Direct::input_len`] and
    /// [`Direct::output_len`] say. Writes all of `output`.
    pub fn run(&self, input: &[f32], output: Output<'_>) {
        self.padded.with_padding(input, |planes| {
            let chunk_len = self.block_len * self.output_len;
            output.for_each_chunk(chunk_len, self.offsets.len(), |index, chunk| {
                let group = index * self.block_len / self.filters_per_group;
                let first_plane = group * self.channels_per_group * self.padded.plane_len();
                // Squares that overlap are transposed to the planes of all filters.
                self.run_block(index, &planes[first_plane..], chunk.fill(0.0));
            });
        });
    }

    fn run_block(&self, index: usize, planes: &[f32], output: &mut [f32]) {
        let block = &self.blocks[index];
        let bias = &self.bias[index * self.block_len..];
        let width = block.count * LANES;
        let mut sums = [0.0; MOST_SUMS];
        for tile in &self.tiles {
            let input = &planes[tile.input..];
            let (weights, offsets) = (&block.weights, &self.offsets);
            let operands = Operands { weights, input, offsets, prefetch: None };
            run_rows(self.isa, block.count, self.stride, operands, &mut sums);
            for segment in &tile.segments {
                let data = &sums[segment.pixel * width..][..segment.count * width];
                let sums = TileSums { data, width };
                sums.write(self.isa, bias, output, self.output_len, segment.output);
            }
        }
    }
}

/// The window as one over rows and columns.
fn image_axes(window: &Window) -> Option<[WindowAxis; 2]> {
    match window.axes[..] {
        [horizontal] => Some([WindowAxis::POINT, horizontal]),
        [vertical, horizontal] => Some([vertical, horizontal]),
        _ => None,
    }
}

/// `[O, I / groups, kernel...]` in blocks of filters, tap by tap; missing filters of a block are 0.
fn packed(correlation: &Correlation, block_len: usize) -> Vec<Block> {
    let taps = correlation.weights.len() / correlation.filters.max(1);
    let blocks = correlation.weights.chunks(block_len * taps);
    let pack = |rows: &[f32]| {
        let count = (rows.len() / taps).div_ceil(LANES);
        let width = count * LANES;
        let mut weights = vec![0.0; taps * width];
        // Tap by tap, so that the block is written sequentially.
        for (tap, places) in weights.chunks_exact_mut(width).enumerate() {
            let row = rows[tap..].iter().step_by(taps);
            places.iter_mut().zip(row).for_each(|(place, &weight)| *place = weight);
        }
        Block { weights, count }
    };
    blocks.map(pack).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AlignedBuf;
    use crate::geometry::WindowAxis;
    use crate::reference::{self, quarters};

    /// Against the definition, whose sums are exact here as well: all products are multiples of 1/16.
    fn check(filters: usize, channels: usize, groups: usize, axes: Vec<WindowAxis>) {
        let taps: usize = axes.iter().map(|axis| axis.kernel).product();
        let window = Window { axes };
        let weights = quarters(filters * channels / groups * taps, 7);
        let correlation = Correlation { weights: &weights, filters, groups, window: &window };
        let input = quarters(channels * window.input_len(), 5);
        let bias = quarters(filters, 3);
        let mut expected = reference::forward(&correlation, &input);
        for (plane, bias) in expected.chunks_exact_mut(window.output_len()).zip(&bias) {
            plane.iter_mut().for_each(|sum| *sum += bias);
        }
        for isa in Isa::all() {
            let direct = Direct::with(isa, &correlation, Some(&bias)).unwrap();
            assert_eq!((direct.input_len(), direct.output_len()), (input.len(), expected.len()));
            let run = |output: Output<'_>| direct.run(&input, output);
            let (output, ()) = AlignedBuf::written(expected.len(), run);
            assert_eq!(*output, expected, "{isa:?} {correlation:?}");
        }
    }

    #[test]
    fn geometries_agree_with_another_kernel() {
        let same = |input| WindowAxis::fitting(input, 3, 1, 1, [1, 1]);
        check(64, 5, 1, vec![same(30), same(30)]);
        check(40, 3, 1, vec![same(7), same(7)]);
        check(
            9,
            4,
            1,
            vec![
                WindowAxis::fitting(15, 7, 2, 1, [3, 3]),
                WindowAxis::fitting(16, 7, 2, 1, [3, 2]),
            ],
        );
        check(
            33,
            4,
            1,
            vec![WindowAxis::fitting(20, 3, 1, 2, [0, 2]), WindowAxis::fitting(9, 2, 1, 3, [2, 0])],
        );
        check(
            16,
            2,
            1,
            vec![
                WindowAxis::fitting(23, 11, 4, 1, [2, 2]),
                WindowAxis::fitting(23, 11, 4, 1, [2, 2]),
            ],
        );
        check(
            16,
            6,
            1,
            vec![
                WindowAxis::fitting(14, 1, 1, 1, [0, 0]),
                WindowAxis::fitting(14, 1, 1, 1, [0, 0]),
            ],
        );
        check(
            48,
            6,
            1,
            vec![WindowAxis::fitting(1, 1, 1, 1, [0, 0]), WindowAxis::fitting(1, 1, 1, 1, [0, 0])],
        );
        check(32, 8, 2, vec![same(5), same(19)]);
        check(24, 3, 1, vec![WindowAxis::fitting(40, 5, 2, 1, [2, 2])]);
    }

    #[test]
    fn what_another_kernel_does_better_is_left_to_it() {
        let serves = |isa, filters, stride| {
            let window = Window { axes: vec![WindowAxis::fitting(9, 1, stride, 1, [0, 0]); 2] };
            let weights = quarters(2 * filters, 3);
            let correlation =
                Correlation { weights: &weights, filters, groups: 1, window: &window };
            Direct::with(isa, &correlation, None).is_some()
        };
        for isa in Isa::all() {
            assert!(!serves(isa, 4, 1));
            assert!(!serves(isa, 16, 3));
            assert!(serves(isa, 16, 1));
        }
    }
}
