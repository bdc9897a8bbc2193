//! The transposed map of a convolution with a stride, on images in blocks.
//!
//! `R[i] = Σ w[k] s[o]` over `o·stride + k·dilation = i + pad`: the pixels of an axis fall into as
//! many phases as the stride, each of which sees only some taps and reads `s` with stride 1. The
//! phases of a row are computed in turn and put between each other before they are finished.

use super::direct::offsets;
use super::filters::{Filters, PackedFilters};
use super::{Epilogue, Image, Kernel, LANES, SumPair};
use crate::geometry::WindowAxis;
use crate::geometry::padded_planes::PaddedPlanes;
use crate::microkernel::{MOST_SUMS, Operands, run_blocks};
use crate::scratch::MaybeOwned;
use crate::simd::Isa;
use crate::threads::map_heavy_chunks;

/// The transposed map of a convolution whose taps are not spread.
pub(super) struct StridedTransposed {
    isa: Isa,
    rows: Vec<PhaseAxis>,
    columns: Vec<PhaseAxis>,
    /// `[rows, columns]`: the taps of every phase; `None` where it has none.
    phases: Vec<Option<Phase>>,
    padded: PaddedPlanes,
    input: Image,
    blocks: usize,
    taps: usize,
}

struct Phase {
    filters: PackedFilters,
    offsets: Vec<u32>,
}

/// A phase of an axis.
struct PhaseAxis {
    /// Taps of the flipped kernel.
    taps: Vec<usize>,
    /// The place on the padded axis that the first of them reads for the first position.
    first: usize,
    /// Positions.
    count: usize,
}

/// The phases of an axis of the convolution, and the padded axis that they read.
fn phases_of(axis: &WindowAxis) -> (Vec<PhaseAxis>, WindowAxis) {
    // As much padding as the taps at either end read beyond the outputs.
    let pad = axis.kernel.div_ceil(axis.stride);
    let reached = (axis.input + axis.pad_before).div_ceil(axis.stride) + 1;
    let padded = WindowAxis {
        input: axis.output,
        output: axis.input,
        kernel: 1,
        stride: 1,
        dilation: 1,
        pad_before: pad,
        pad_after: reached.saturating_sub(axis.output),
    };
    let phase = |first: usize| {
        let shifted = first + axis.pad_before;
        let fits =
            |tap: &usize| (shifted + axis.kernel * axis.stride - tap).is_multiple_of(axis.stride);
        // The flipped kernel reads outputs in rising order.
        let taps: Vec<usize> = (0..axis.kernel).rev().filter(fits).collect();
        let lowest =
            taps.first().map_or(0, |&tap| (pad * axis.stride + shifted - tap) / axis.stride);
        PhaseAxis {
            taps: taps.into_iter().map(|tap| axis.kernel - 1 - tap).collect(),
            first: lowest,
            count: (axis.input - first).div_ceil(axis.stride),
        }
    };
    ((0..axis.stride.min(axis.input)).map(phase).collect(), padded)
}

impl StridedTransposed {
    /// The kernel; `None` where its places are beyond 32 bits.
    pub fn new(
        isa: Isa,
        filters: Filters,
        [vertical, horizontal]: [WindowAxis; 2],
    ) -> Option<StridedTransposed> {
        let (rows, padded_vertical) = phases_of(&vertical);
        let (columns, padded_horizontal) = phases_of(&horizontal);
        let padded = PaddedPlanes::new(padded_vertical, padded_horizontal, LANES, isa.pixels());
        let mut phases = vec![];
        for row in &rows {
            for column in &columns {
                phases.push(Phase::new(
                    isa,
                    filters.clone(),
                    [row, column],
                    [vertical, horizontal],
                    &padded,
                )?);
            }
        }
        Some(StridedTransposed {
            isa,
            phases: phases
                .into_iter()
                .map(|phase| (!phase.offsets.is_empty()).then_some(phase))
                .collect(),
            rows,
            columns,
            padded,
            input: Image {
                channels: filters.count(),
                height: vertical.input,
                width: horizontal.input,
            },
            blocks: filters.blocks_at_once(isa),
            taps: filters.channels() * filters.taps() / (vertical.stride * horizontal.stride),
        })
    }

    fn run_pass(
        &self,
        pass: usize,
        planes: &[f32],
        output: &mut [f32],
        epilogue: &dyn Epilogue,
    ) -> SumPair {
        let (block_len, row_len) = (self.input.block_len(), self.input.width * LANES);
        let blocks = output.len() / block_len.max(1);
        let mut row = vec![0.0; blocks * row_len];
        let weights: Vec<Option<MaybeOwned>> = (self.phases.iter())
            .map(|phase| phase.as_ref().map(|phase| phase.filters.pass(pass).1))
            .collect();
        let mut totals = SumPair::default();
        for y in 0..self.input.height {
            let (row_phase, number) = (y % self.rows.len(), y / self.rows.len());
            let first_row = (self.rows[row_phase].first + number) * self.padded.width();
            for (column_phase, column) in self.columns.iter().enumerate() {
                let phase = row_phase * self.columns.len() + column_phase;
                let input = &planes[(first_row + column.first) * LANES..];
                match self.phases[phase].as_ref().zip(weights[phase].as_ref()) {
                    Some((Phase { offsets, .. }, weights)) => {
                        let operands = Operands { weights, input, offsets, prefetch: None };
                        self.run_row(operands, blocks, column_phase, &mut row)
                    }
                    None => row
                        .chunks_exact_mut(row_len)
                        .for_each(|row| silence(row, column_phase, self.columns.len())),
                }
            }
            for (block, sums) in row.chunks_exact(row_len).enumerate() {
                let at = block * block_len + y * row_len;
                let block = pass * self.blocks + block;
                let place = pass * self.blocks * block_len + at;
                epilogue.apply(block, place, sums, &mut output[at..][..row_len], &mut totals);
            }
        }
        totals
    }

    /// Computes the pixels of a phase along one row, and puts them in their places.
    fn run_row(&self, operands: Operands, blocks: usize, first: usize, row: &mut [f32]) {
        let (step, row_len) = (self.columns.len(), self.input.width * LANES);
        let count = self.columns[first].count;
        let half = self.isa.pixels() / 2;
        let pixels = if count <= half { half } else { self.isa.pixels() };
        let mut sums = [0.0; MOST_SUMS];
        for start in (0..count).step_by(pixels) {
            let operands = Operands { input: &operands.input[start * LANES..], ..operands };
            run_blocks(self.isa, blocks, (pixels, LANES), operands, &mut sums);
            let sums = sums.chunks_exact(pixels * LANES).take(blocks);
            for (sums, row) in sums.zip(row.chunks_exact_mut(row_len)) {
                let places = row[(first + start * step) * LANES..].chunks_mut(step * LANES);
                let sums = sums.chunks_exact(LANES).take(count - start);
                places.zip(sums).for_each(|(to, from)| to[..LANES].copy_from_slice(from));
            }
        }
    }
}

/// Zeros at the pixels of a phase without taps.
fn silence(row: &mut [f32], first: usize, step: usize) {
    let places = row[first * LANES..].chunks_mut(step * LANES);
    places.for_each(|place| place[..LANES].fill(0.0));
}

impl Phase {
    fn new(
        isa: Isa,
        filters: Filters,
        [row, column]: [&PhaseAxis; 2],
        [_, horizontal]: [WindowAxis; 2],
        padded: &PaddedPlanes,
    ) -> Option<Phase> {
        let mut taps = vec![];
        let mut places = vec![];
        for (y, row_tap) in row.taps.iter().enumerate() {
            for (x, column_tap) in column.taps.iter().enumerate() {
                taps.push(row_tap * horizontal.kernel + column_tap);
                places.push((y, x));
            }
        }
        Some(Phase {
            offsets: offsets(padded, filters.channels(), &places)?,
            filters: PackedFilters::new(isa, filters, &taps),
        })
    }
}

impl Kernel for StridedTransposed {
    fn run(&self, input: &[f32], output: &mut [f32], epilogue: &dyn Epilogue) -> SumPair {
        let chunk_len = self.blocks * self.input.block_len();
        self.padded.with_padding(input, |planes| {
            let pass =
                |pass: usize, chunk: &mut [f32]| self.run_pass(pass, planes, chunk, epilogue);
            SumPair::of(map_heavy_chunks(output, chunk_len, self.taps.max(1), pass))
        })
    }
}
