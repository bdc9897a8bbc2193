//! Planes that are copied for the taps of a depthwise convolution, and the sums over these taps.

use crate::geometry::{Window, WindowAxis};
use crate::simd::{LANES, Simd, SimdLoop, dispatch};

/// The layout of a plane that is copied for its taps, and where they read.
pub(super) struct Lines {
    vertical: LineAxis,
    horizontal: LineAxis,
    /// Where each tap of the first output reads.
    taps: Vec<usize>,
    /// The rows of the plane that some tap reads, and where each is copied to.
    rows: Vec<(usize, usize)>,
    /// The columns of the plane that some tap reads, and where they are copied to.
    runs: Vec<Run>,
    /// Columns with the same remainder of the stride.
    phase_len: usize,
    row_len: usize,
}

/// Buffers for one plane after the other.
pub(super) struct Buffers {
    /// The copied plane, with zeros as its padding.
    lines: Vec<f32>,
    /// Outputs of a few rows, and unused sums between them.
    sums: Vec<f32>,
}

/// Outputs that are summed together: they stay in the first cache.
const MOST_SUMS: usize = 2048;

/// Evenly spaced columns of a plane, and their places in a copied row.
struct Run {
    column: usize,
    column_step: usize,
    place: usize,
    place_step: usize,
    count: usize,
}

impl Run {
    fn copy(&self, from: &[f32], to: &mut [f32]) {
        let (from, to) = (&from[self.column..], &mut to[self.place..]);
        match (self.column_step, self.place_step) {
            (1, 1) => to[..self.count].copy_from_slice(&from[..self.count]),
            (step, 1) => {
                let from = from.chunks(step).map(|columns| columns[0]);
                to[..self.count].iter_mut().zip(from).for_each(|(to, from)| *to = from);
            }
            (_, step) => {
                let from = &from[..self.count];
                to.chunks_mut(step).zip(from).for_each(|(places, from)| places[0] = *from);
            }
        }
    }
}

/// One axis of a plane that is copied.
#[derive(Clone, Copy)]
struct LineAxis {
    /// Length of the plane that is read.
    input: usize,
    /// Length of the plane that is computed.
    output: usize,
    /// Length of the copy.
    length: usize,
    /// Where the first element goes; below 0 if no tap reads it.
    first: isize,
    /// Distance of neighbouring elements in the copy.
    spread: usize,
    /// Distance of what neighbouring outputs read.
    stride: usize,
    kernel: usize,
    dilation: usize,
}

impl LineAxis {
    /// The axis as it is, with its padding.
    fn forward(axis: &WindowAxis) -> LineAxis {
        LineAxis {
            input: axis.input,
            output: axis.output,
            length: axis.pad_before + axis.input + axis.pad_after,
            first: axis.pad_before as isize,
            spread: 1,
            stride: axis.stride,
            kernel: axis.kernel,
            dilation: axis.dilation,
        }
    }

    /// The transpose: outputs a stride apart with zeros between them, read by the flipped kernel.
    ///
    /// `R[i] = Σ w[k] s[o]` over `o·stride + k·dilation = i + pad_before`; with `k = kernel − 1 − k'`,
    /// output `o` is read at `o·stride + (kernel − 1)·dilation − pad_before = i + k'·dilation`.
    fn transposed(axis: &WindowAxis) -> LineAxis {
        let reach = (axis.kernel - 1) * axis.dilation;
        LineAxis {
            input: axis.output,
            output: axis.input,
            length: axis.input + reach,
            first: reach as isize - axis.pad_before as isize,
            spread: axis.stride,
            stride: 1,
            kernel: axis.kernel,
            dilation: axis.dilation,
        }
    }

    /// The inputs that some tap reads, and where each is copied to.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> + Clone + '_ {
        (0..self.input).filter_map(|at| {
            let place = usize::try_from(self.first + (at * self.spread) as isize).ok()?;
            (place < self.length).then_some((at, place))
        })
    }
}

impl Lines {
    pub fn forward(window: &Window) -> Lines {
        Lines::new(window, LineAxis::forward)
    }

    pub fn transposed(window: &Window) -> Lines {
        Lines::new(window, LineAxis::transposed)
    }

    fn new(window: &Window, axis: impl Fn(&WindowAxis) -> LineAxis) -> Lines {
        let mut axes = window.axes.iter().map(axis);
        let point = LineAxis::forward(&WindowAxis::POINT);
        let vertical = axes.next().unwrap_or(point);
        let horizontal = axes.next().unwrap_or(point);
        let phase_len = horizontal.length.div_ceil(horizontal.stride);
        let row_len = phase_len * horizontal.stride;
        let rows = vertical.places().map(|(row, place)| (row, place * row_len)).collect();
        let mut lines =
            Lines { vertical, horizontal, taps: vec![], rows, runs: vec![], phase_len, row_len };
        lines.runs = lines.runs();
        for y in 0..vertical.kernel {
            for x in 0..horizontal.kernel {
                let column = lines.column(x * horizontal.dilation);
                lines.taps.push(y * vertical.dilation * row_len + column);
            }
        }
        lines
    }

    /// Where a column is in its row: columns that are a stride apart are neighbours.
    fn column(&self, column: usize) -> usize {
        column % self.horizontal.stride * self.phase_len + column / self.horizontal.stride
    }

    fn runs(&self) -> Vec<Run> {
        // Columns that are a stride apart are neighbours; only one of stride and spread is not 1.
        let runs = (0..self.horizontal.stride).filter_map(|phase| {
            let places = self.horizontal.places().skip(phase).step_by(self.horizontal.stride);
            let (column, place) = places.clone().next()?;
            Some(Run {
                column,
                column_step: self.horizontal.stride,
                place: self.column(place),
                place_step: self.horizontal.spread,
                count: places.count(),
            })
        });
        runs.collect()
    }

    pub fn buffers(&self) -> Buffers {
        let sums = MOST_SUMS.max(self.row_len) + LANES;
        Buffers {
            // Unused sums read behind the last row.
            lines: vec![0.0; self.vertical.length * self.row_len + sums],
            sums: vec![0.0; sums],
        }
    }

    /// Copies a plane. The padding is the same for every plane.
    pub fn write(&self, plane: &[f32], buffers: &mut Buffers) {
        for &(row, place) in &self.rows {
            let from = &plane[row * self.horizontal.input..][..self.horizontal.input];
            let to = &mut buffers.lines[place..][..self.row_len];
            self.runs.iter().for_each(|run| run.copy(from, to));
        }
    }

    /// Output rows that are contiguous in the copy, so that they are computed as one.
    fn rows_at_once(&self) -> usize {
        let is_line = self.vertical.stride == 1 && self.horizontal.stride == 1;
        if is_line { (MOST_SUMS / self.row_len.max(1)).max(1) } else { 1 }
    }

    /// `output += filter ⋆ lines`.
    pub fn correlate(&self, buffers: &mut Buffers, filter: &[f32], output: &mut [f32]) {
        let width = self.horizontal.output.max(1);
        let rows_at_once = self.rows_at_once();
        for (index, output) in output.chunks_mut(rows_at_once * width).enumerate() {
            let lines =
                &buffers.lines[index * rows_at_once * self.vertical.stride * self.row_len..];
            let rows = output.len() / width;
            let count = ((rows - 1) * self.row_len + width).next_multiple_of(LANES);
            let sums = &mut buffers.sums[..count];
            dispatch(TapSums { taps: &self.taps, filter, lines, sums });
            for (output, sums) in output.chunks_exact_mut(width).zip(sums.chunks(self.row_len)) {
                output.iter_mut().zip(sums).for_each(|(to, sum)| *to += sum);
            }
        }
    }
}

/// The sums of all taps, for neighbouring outputs.
struct TapSums<'a> {
    taps: &'a [usize],
    filter: &'a [f32],
    lines: &'a [f32],
    sums: &'a mut [f32],
}

impl SimdLoop for TapSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let TapSums { taps, filter, lines, sums } = self;
        sums.fill(0.0);
        // Three taps at once: the sums are read and written a third as often.
        for (taps, weights) in taps.chunks(3).zip(filter.chunks(3)) {
            if let ([a, b, c], [u, v, w]) = (taps, weights) {
                let numbers = lines[*a..].iter().zip(&lines[*b..]).zip(&lines[*c..]);
                sums.iter_mut()
                    .zip(numbers)
                    .for_each(|(sum, ((a, b), c))| *sum += u * a + v * b + w * c);
            } else {
                for (&tap, weight) in taps.iter().zip(weights) {
                    sums.iter_mut().zip(&lines[tap..]).for_each(|(sum, a)| *sum += weight * a);
                }
            }
        }
    }
}
