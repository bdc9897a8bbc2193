//! The phases of a strided axis: input positions that the same taps reach.

use super::WindowAxis;

/// One phase of one axis: the input positions `first + stride · n`, and how a stride-1 window computes them.
#[derive(Clone, Debug)]
pub struct PhaseAxis {
    /// The first input position of this phase.
    pub first: usize,
    /// Distance between positions of this phase.
    pub stride: usize,
    /// How many positions there are.
    pub count: usize,
    /// The taps of the forward kernel that read this phase, in the order of the flipped kernel.
    pub taps: Vec<usize>,
    /// Leading results of the stride-1 window that belong to no input position.
    pub skipped: usize,
    /// The stride-1 window over the output.
    pub window: WindowAxis,
}

/// All phases of an axis.
///
/// Position `i` is read by tap `k` of window `o` where `o·stride + k·dilation = i + pad_before`.
pub fn phases_of(axis: &WindowAxis) -> Vec<PhaseAxis> {
    (0..axis.stride.min(axis.input)).map(|first| phase_of(axis, first)).collect()
}

fn phase_of(axis: &WindowAxis, first: usize) -> PhaseAxis {
    let shifted = first + axis.pad_before;
    let count = (axis.input - first).div_ceil(axis.stride);
    // Taps of one phase are equally spaced: every tap when the stride is one, every
    // stride-th when the dilation is; in general the spacing is stride / gcd.
    let mut taps: Vec<usize> = (0..axis.kernel)
        .filter(|tap| {
            (shifted as isize - (tap * axis.dilation) as isize).rem_euclid(axis.stride as isize)
                == 0
        })
        .collect();
    // Window `shift(tap) + n` feeds position `n` through `tap`; the flipped kernel reads windows in rising order.
    taps.reverse();
    let shift = |tap: usize| {
        (shifted as isize - (tap * axis.dilation) as isize).div_euclid(axis.stride as isize)
    };
    let lowest = taps.first().map_or(0, |&tap| shift(tap));
    let dilation = match taps.as_slice() {
        [one, two, ..] => (shift(*two) - shift(*one)) as usize,
        _ => 1,
    };
    let reach = taps.len().saturating_sub(1) * dilation;
    let pad_before = (-lowest).max(0) as usize;
    let skipped = lowest.max(0) as usize;
    let end = lowest + (count + reach) as isize;
    let pad_after = (end - axis.output as isize).max(0) as usize;
    let output = (pad_before + axis.output + pad_after).saturating_sub(reach);
    let window = WindowAxis {
        input: axis.output,
        output,
        kernel: taps.len(),
        stride: 1,
        dilation,
        pad_before,
        pad_after,
    };
    PhaseAxis { first, stride: axis.stride, count, taps, skipped, window }
}
