//! The transposed map of a convolution with a stride, on images in blocks.
//!
//! `R[i] = Σ w[k] s[o]` over `o·stride + k = i + pad`: the pixels of an axis fall into as many phases as the stride,
//! each of which meets only some taps and reads `s` with stride 1. The phases of a row are computed one after the other
//! and interleaved before the epilogue.

use super::direct::offsets;
use super::filters::{Filters, PackedFilters};
use super::{Epilogue, Image, Kernel, LANES, SumPair};
use crate::geometry::WindowAxis;
use crate::geometry::padded_planes::PaddedPlanes;
use crate::geometry::phases::{PhaseAxis, phases_of};
use crate::microkernel::{MOST_SUMS, Operands, run_blocks};
use crate::output::Output;
use crate::scratch::MaybeOwned;
use crate::simd::Isa;

/// The transposed map of a convolution without dilation.
pub(super) struct StridedTransposed {
    isa: Isa,
    rows: AxisPhases,
    columns: AxisPhases,
    /// `[rows, columns]`: the weights of every phase; `None` for a phase without taps.
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

/// The phases of an axis, and the padding before the outputs that they read.
struct AxisPhases {
    phases: Vec<PhaseAxis>,
    pad: usize,
}

impl AxisPhases {
    fn new(axis: &WindowAxis) -> AxisPhases {
        // As much padding as the taps at either end read beyond the outputs.
        AxisPhases { phases: phases_of(axis), pad: axis.kernel.div_ceil(axis.stride) }
    }

    fn len(&self) -> usize {
        self.phases.len()
    }

    /// The place on the padded axis that the first tap of a phase reads for its first position.
    fn start(&self, phase: usize) -> usize {
        let PhaseAxis { skipped, window, .. } = &self.phases[phase];
        self.pad + skipped - window.pad_before
    }

    /// The padded outputs.
    fn padded(&self, axis: &WindowAxis) -> WindowAxis {
        let reached = (axis.input + axis.pad_before).div_ceil(axis.stride) + 1;
        WindowAxis {
            input: axis.output,
            output: axis.input,
            kernel: 1,
            stride: 1,
            dilation: 1,
            pad_before: self.pad,
            pad_after: reached.saturating_sub(axis.output),
        }
    }
}

impl StridedTransposed {
    /// The kernel; `None` where offsets do not fit in 32 bits.
    pub fn new(
        isa: Isa,
        filters: Filters,
        [vertical, horizontal]: [WindowAxis; 2],
    ) -> Option<StridedTransposed> {
        let (rows, columns) = (AxisPhases::new(&vertical), AxisPhases::new(&horizontal));
        let padded = PaddedPlanes::new(
            rows.padded(&vertical),
            columns.padded(&horizontal),
            LANES,
            isa.pixels(),
        );
        let mut phases = vec![];
        for row in &rows.phases {
            for column in &columns.phases {
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
        output: Output<'_>,
        epilogue: &dyn Epilogue,
    ) -> SumPair {
        let (block_len, row_len) = (self.input.block_len(), self.input.width * LANES);
        // What is left to write of each block.
        let mut left: Vec<Output> = output.chunks(block_len).collect();
        let blocks = left.len();
        let mut row = vec![0.0; blocks * row_len];
        let weights: Vec<Option<MaybeOwned>> = (self.phases.iter())
            .map(|phase| phase.as_ref().map(|phase| phase.filters.pass(pass).1))
            .collect();
        let mut totals = SumPair::default();
        for y in 0..self.input.height {
            let (row_phase, number) = (y % self.rows.len(), y / self.rows.len());
            let first_row = (self.rows.start(row_phase) + number) * self.padded.width();
            for column_phase in 0..self.columns.len() {
                let phase = row_phase * self.columns.len() + column_phase;
                let input = &planes[(first_row + self.columns.start(column_phase)) * LANES..];
                match self.phases[phase].as_ref().zip(weights[phase].as_ref()) {
                    Some((Phase { offsets, .. }, weights)) => {
                        let operands = Operands { weights, input, offsets, prefetch: None };
                        self.run_row(operands, blocks, column_phase, &mut row)
                    }
                    None => row
                        .chunks_exact_mut(row_len)
                        .for_each(|row| zero(row, column_phase, self.columns.len())),
                }
            }
            let sums = (pass * self.blocks..).zip(row.chunks_exact(row_len));
            for ((block, sums), output) in sums.zip(&mut left) {
                let at = block * block_len + y * row_len;
                epilogue.apply(block, at, sums, output.front(row_len), &mut totals);
            }
        }
        totals
    }

    /// Computes the pixels of a phase along one row, and writes them to their places.
    fn run_row(&self, operands: Operands, blocks: usize, first: usize, row: &mut [f32]) {
        let (step, row_len) = (self.columns.len(), self.input.width * LANES);
        let count = self.columns.phases[first].count;
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

/// Writes zeros to the pixels of a phase without taps.
fn zero(row: &mut [f32], first: usize, step: usize) {
    let places = row[first * LANES..].chunks_mut(step * LANES);
    places.for_each(|place| place[..LANES].fill(0.0));
}

impl Phase {
    fn new(
        isa: Isa,
        filters: Filters,
        [row, column]: [&PhaseAxis; 2],
        [vertical, horizontal]: [WindowAxis; 2],
        padded: &PaddedPlanes,
    ) -> Option<Phase> {
        let mut taps = vec![];
        let mut places = vec![];
        for (y, row_tap) in row.taps.iter().enumerate() {
            for (x, column_tap) in column.taps.iter().enumerate() {
                // Filters number the taps of the flipped kernel.
                let (y_tap, x_tap) =
                    (vertical.kernel - 1 - row_tap, horizontal.kernel - 1 - column_tap);
                taps.push(y_tap * horizontal.kernel + x_tap);
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
    fn run(&self, input: &[f32], output: Output<'_>, epilogue: &dyn Epilogue) -> SumPair {
        let chunk_len = self.blocks * self.input.block_len();
        self.padded.with_padding(input, |planes| {
            SumPair::of(output.map_chunks(chunk_len, self.taps, |pass, chunk| {
                self.run_pass(pass, planes, chunk, epilogue)
            }))
        })
    }
}
