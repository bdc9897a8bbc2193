//! Depthwise convolutions over images, in both directions.
//!
//! Each channel is a small stencil over its own plane, so matrix multiplication gains nothing. The plane is copied with
//! its padding, so that no tap needs a bounds test, and with the columns sorted by their remainder of the stride, so that
//! neighbouring outputs read neighbouring floats; then all taps of a few outputs are summed in registers. With a channel
//! multiplier, output channel `o` reads input channel `o / multiplier`.

use super::Correlation;
use super::lines::Lines;
use crate::geometry::Window;
use crate::output::Output;

/// A depthwise convolution over images, in one of its directions.
pub struct Depthwise {
    stencil: Stencil,
    lines: Lines,
    /// One per channel of the output; empty in the transposed direction.
    bias: Vec<f32>,
    is_transposed: bool,
}

impl Depthwise {
    /// Whether these kernels apply: two spatial axes, one input channel per group.
    pub fn applies(correlation: &Correlation) -> bool {
        correlation.window.axes.len() == 2
            && correlation.channels_per_group() == 1
            && correlation.groups > 1
    }

    /// `[1, I, H, W]` to `[1, O, H', W']`, with one bias per channel.
    pub fn forward(correlation: &Correlation, bias: Option<&[f32]>) -> Depthwise {
        let stencil = Stencil::of(correlation, |filter| filter.to_vec());
        let lines = Lines::forward(&stencil.window);
        let bias = bias.map_or_else(|| vec![0.0; stencil.outputs], <[f32]>::to_vec);
        Depthwise { stencil, lines, bias, is_transposed: false }
    }

    /// `[1, O, H', W']` back to `[1, I, H, W]`.
    pub fn transposed(correlation: &Correlation) -> Depthwise {
        let stencil =
            Stencil::of(correlation, |filter| filter.iter().rev().copied().collect::<Vec<f32>>());
        let lines = Lines::transposed(&stencil.window);
        Depthwise { stencil, lines, bias: vec![], is_transposed: true }
    }

    /// Floats of the input and of the output of this direction.
    pub fn lens(&self) -> [usize; 2] {
        let Stencil { inputs, outputs, window, .. } = &self.stencil;
        let (inner, outer) = (inputs * window.input_len(), outputs * window.output_len());
        if self.is_transposed { [outer, inner] } else { [inner, outer] }
    }

    /// Writes all of `to`; the slices are as long as [`Depthwise::lens`] says.
    pub fn run(&self, from: &[f32], to: Output<'_>) {
        if self.is_transposed { self.run_transposed(from, to) } else { self.run_forward(from, to) }
    }

    fn run_forward(&self, input: &[f32], output: Output<'_>) {
        let Depthwise { stencil, lines, .. } = self;
        let (input_len, output_len) = (stencil.window.input_len(), stencil.window.output_len());
        let planes = planes_at_once(output_len);
        output.for_each_chunk(planes * output_len, 1, |index, chunk| {
            let mut buffers = lines.buffers();
            for (offset, plane) in chunk.chunks(output_len).enumerate() {
                let channel = index * planes + offset;
                let group = channel / stencil.multiplier();
                lines.write(&input[group * input_len..][..input_len], &mut buffers);
                let plane = plane.fill(self.bias[channel]);
                lines.correlate(&mut buffers, stencil.filter(channel), plane);
            }
        });
    }

    fn run_transposed(&self, output: &[f32], input: Output<'_>) {
        let Depthwise { stencil, lines, .. } = self;
        let (input_len, output_len) = (stencil.window.input_len(), stencil.window.output_len());
        let planes = planes_at_once(input_len);
        input.for_each_chunk(planes * input_len, 1, |index, chunk| {
            let mut buffers = lines.buffers();
            for (offset, plane) in chunk.chunks(input_len).enumerate() {
                let plane = plane.fill(0.0);
                let first = (index * planes + offset) * stencil.multiplier();
                for channel in first..first + stencil.multiplier() {
                    lines.write(&output[channel * output_len..][..output_len], &mut buffers);
                    lines.correlate(&mut buffers, stencil.filter(channel), plane);
                }
            }
        });
    }
}

/// Planes that one thread computes at a time, so that they share its buffers.
fn planes_at_once(len: usize) -> usize {
    ((1 << 15) / len.max(1)).max(1)
}

/// The filters of a depthwise convolution.
struct Stencil {
    /// The taps of every channel, in the order of this direction.
    filters: Vec<f32>,
    taps: usize,
    inputs: usize,
    outputs: usize,
    window: Window,
}

impl Stencil {
    fn of(correlation: &Correlation, arrange: impl Fn(&[f32]) -> Vec<f32>) -> Stencil {
        let taps = correlation.taps();
        Stencil {
            filters: correlation.weights.chunks_exact(taps.max(1)).flat_map(arrange).collect(),
            taps,
            inputs: correlation.groups,
            outputs: correlation.filters,
            window: correlation.window.clone(),
        }
    }

    fn multiplier(&self) -> usize {
        self.outputs / self.inputs.max(1)
    }

    /// The taps of a channel's filter.
    fn filter(&self, channel: usize) -> &[f32] {
        &self.filters[channel * self.taps..][..self.taps]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AlignedBuf;
    use crate::geometry::WindowAxis;
    use crate::reference::{self, quarters};

    #[test]
    fn both_directions_are_naive_sums() {
        for (filters, axes) in [
            (
                6,
                [WindowAxis::fitting(9, 3, 1, 1, [1, 1]), WindowAxis::fitting(13, 3, 1, 1, [1, 1])],
            ),
            (
                12,
                [
                    WindowAxis::fitting(12, 3, 2, 1, [1, 1]),
                    WindowAxis::fitting(23, 5, 2, 1, [0, 1]),
                ],
            ),
            (
                6,
                [
                    WindowAxis::fitting(14, 3, 1, 2, [2, 2]),
                    WindowAxis::fitting(11, 3, 3, 1, [2, 1]),
                ],
            ),
            (6, [WindowAxis::fitting(3, 5, 1, 1, [2, 2]), WindowAxis::fitting(2, 5, 1, 1, [3, 2])]),
        ] {
            let window = Window { axes: axes.to_vec() };
            let weights = quarters(filters * axes[0].kernel * axes[1].kernel, 7);
            let correlation =
                Correlation { weights: &weights, filters, groups: 6, window: &window };
            assert!(Depthwise::applies(&correlation));
            for (map, expected) in [
                (Depthwise::forward(&correlation, None), reference::forward as fn(&_, &_) -> _),
                (Depthwise::transposed(&correlation), reference::transposed),
            ] {
                let [read, written] = map.lens();
                let from = quarters(read, 5);
                let (to, ()) = AlignedBuf::written(written, |to| map.run(&from, to));
                assert_eq!(to[..], expected(&correlation, &from), "{filters} {axes:?}");
            }
        }
    }
}
