//! Depthwise convolutions over images, in both directions.
//!
//! Each channel is a small stencil over its own plane, with nothing to gain from
//! matrix multiplication. The plane is copied with its padding written out, so that no tap needs
//! a test, and with the columns that a stride skips put apart, so that neighbouring outputs read
//! neighbouring numbers; all taps of a few outputs are then added up in registers. One filter
//! may serve several outputs (a channel multiplier): output channel `o` reads input channel
//! `o / multiplier`.

use anyhow::{Result, ensure};

use super::convolution::{Correlation, Kernel};
use super::{Window, WindowAxis};
use crate::parallel::for_each_chunk;
use crate::tensor::Tensor;

/// Whether these kernels apply: two spatial axes, one input channel a group.
pub(super) fn applies(correlation: &Correlation) -> bool {
    correlation.window.axes.len() == 2
        && correlation.weight.shape()[1] == 1
        && correlation.groups > 1
}

/// `[1, I, H, W]` to `[1, O, H', W']`, with one bias a channel.
pub(super) fn gather(correlation: &Correlation, bias: Option<Tensor>) -> Kernel {
    let stencil = Stencil::of(correlation);
    let lines = Lines::gathering(&stencil.window);
    Box::new(move |input| {
        let mut output = Tensor::zeros(&stencil.output_shape())?;
        let (input_len, output_len) = (stencil.window.input_len(), stencil.window.output_len());
        stencil.check(input, stencil.inputs, input_len)?;
        for_each_chunk(output.data_mut(), output_len, |channel, plane| {
            plane.fill(bias.as_ref().map_or(0.0, |bias| bias.data()[channel]));
            let group = channel / stencil.multiplier();
            let line = lines.write(&input.data()[group * input_len..][..input_len]);
            lines.correlate(&line, stencil.filter(channel), plane);
        });
        Ok(output)
    })
}

/// `[1, O, H', W']` back to `[1, I, H, W]`.
pub(super) fn scatter(correlation: &Correlation) -> Kernel {
    let stencil = Stencil::of(correlation);
    let lines = Lines::scattering(&stencil.window);
    Box::new(move |output| {
        let mut input = Tensor::zeros(&stencil.input_shape())?;
        let (input_len, output_len) = (stencil.window.input_len(), stencil.window.output_len());
        stencil.check(output, stencil.outputs, output_len)?;
        for_each_chunk(input.data_mut(), input_len, |group, plane| {
            for channel in group * stencil.multiplier()..(group + 1) * stencil.multiplier() {
                let line = lines.write(&output.data()[channel * output_len..][..output_len]);
                let flipped: Vec<f32> = stencil.filter(channel).iter().rev().copied().collect();
                lines.correlate(&line, &flipped, plane);
            }
        });
        Ok(input)
    })
}

/// Neighbouring outputs that are added up together.
const LANES: usize = 8;

/// A plane written out for its taps, and where they read.
struct Lines {
    vertical: LineAxis,
    horizontal: LineAxis,
    /// Where each tap of the first output reads.
    taps: Vec<usize>,
}

/// One axis of a plane that is written out.
#[derive(Clone, Copy)]
struct LineAxis {
    /// Length of the plane that is read.
    input: usize,
    /// Length of the plane that is computed.
    output: usize,
    /// Length written out.
    length: usize,
    /// Where the first number goes; below 0 where no tap reads it.
    first: isize,
    /// Distance of the numbers that are written.
    spread: usize,
    /// Distance of the outputs.
    stride: usize,
    kernel: usize,
    dilation: usize,
}

impl LineAxis {
    /// The axis as it is, with its padding.
    fn gathering(axis: &WindowAxis) -> LineAxis {
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

    /// The mirror image: outputs a stride apart, zeros between them, read by the flipped kernel.
    ///
    /// `R[i] = Σ w[k] s[o]` over `o·stride + k·dilation = i + pad_before`; with `k = kernel − 1 − k'`,
    /// output `o` is read at `o·stride + (kernel − 1)·dilation − pad_before = i + k'·dilation`.
    fn scattering(axis: &WindowAxis) -> LineAxis {
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

    /// The inputs that some tap reads, and where each is written.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.input).filter_map(|at| {
            let place = usize::try_from(self.first + (at * self.spread) as isize).ok()?;
            (place < self.length).then_some((at, place))
        })
    }
}

impl Lines {
    fn gathering(window: &Window) -> Lines {
        Lines::new(window, LineAxis::gathering)
    }

    fn scattering(window: &Window) -> Lines {
        Lines::new(window, LineAxis::scattering)
    }

    fn new(window: &Window, axis: impl Fn(&WindowAxis) -> LineAxis) -> Lines {
        let mut axes = window.axes.iter().map(axis);
        let point = LineAxis::gathering(&WindowAxis::POINT);
        let vertical = axes.next().unwrap_or(point);
        let horizontal = axes.next().unwrap_or(point);
        let mut lines = Lines { vertical, horizontal, taps: vec![] };
        for y in 0..vertical.kernel {
            for x in 0..horizontal.kernel {
                let column = lines.column(x * horizontal.dilation);
                lines.taps.push(y * vertical.dilation * lines.row_len() + column);
            }
        }
        lines
    }

    /// Numbers of every stride-th column.
    fn phase_len(&self) -> usize {
        self.horizontal.length.div_ceil(self.horizontal.stride)
    }

    fn row_len(&self) -> usize {
        self.phase_len() * self.horizontal.stride
    }

    /// Where a column lies in its row: columns that are a stride apart lie side by side.
    fn column(&self, column: usize) -> usize {
        column % self.horizontal.stride * self.phase_len() + column / self.horizontal.stride
    }

    /// The plane written out, with room behind it for outputs beyond the end of the last row.
    fn write(&self, plane: &[f32]) -> Vec<f32> {
        let mut lines = vec![0.0; self.vertical.length * self.row_len() + LANES];
        for (row, place) in self.vertical.places() {
            let from = &plane[row * self.horizontal.input..][..self.horizontal.input];
            let to = &mut lines[place * self.row_len()..][..self.row_len()];
            for (column, place) in self.horizontal.places() {
                to[self.column(place)] = from[column];
            }
        }
        lines
    }

    /// `output += filter ⋆ lines`.
    fn correlate(&self, lines: &[f32], filter: &[f32], output: &mut [f32]) {
        let rows = output.chunks_exact_mut(self.horizontal.output.max(1));
        for (row, output) in rows.enumerate() {
            let start = row * self.vertical.stride * self.row_len();
            for (block, output) in output.chunks_mut(LANES).enumerate() {
                let lines = &lines[start + block * LANES..];
                let mut sums = [0.0f32; LANES];
                for (&tap, &weight) in self.taps.iter().zip(filter) {
                    let Some(numbers) = lines[tap..].first_chunk::<LANES>() else { continue };
                    for lane in 0..LANES {
                        sums[lane] += weight * numbers[lane];
                    }
                }
                output.iter_mut().zip(sums).for_each(|(output, sum)| *output += sum);
            }
        }
    }
}

/// The filters of a depthwise convolution.
struct Stencil {
    weight: Tensor,
    inputs: usize,
    outputs: usize,
    window: Window,
}

impl Stencil {
    fn of(correlation: &Correlation) -> Stencil {
        Stencil {
            weight: correlation.weight.clone(),
            inputs: correlation.groups,
            outputs: correlation.weight.shape()[0],
            window: correlation.window.clone(),
        }
    }

    fn multiplier(&self) -> usize {
        self.outputs / self.inputs.max(1)
    }

    fn input_shape(&self) -> Vec<usize> {
        [1, self.inputs].into_iter().chain(self.window.input_shape()).collect()
    }

    fn output_shape(&self) -> Vec<usize> {
        [1, self.outputs].into_iter().chain(self.window.output_shape()).collect()
    }

    fn check(&self, tensor: &Tensor, channels: usize, plane: usize) -> Result<()> {
        ensure!(
            tensor.len() == channels * plane,
            "a depthwise convolution met {:?}",
            tensor.shape()
        );
        Ok(())
    }

    /// The taps of a channel's filter.
    fn filter(&self, channel: usize) -> &[f32] {
        let taps: usize = self.weight.shape()[2..].iter().product();
        &self.weight.data()[channel * taps..][..taps]
    }
}
