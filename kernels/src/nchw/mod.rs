//! Kernels on row-major images `[1, C, H, W]`.

mod depthwise;
mod direct;
mod few_channels;
mod lines;

pub use depthwise::Depthwise;
pub use direct::Direct;
pub use few_channels::FewChannels;

use crate::geometry::Window;

/// The weights and the geometry of a convolution, from which its kernels are made.
#[derive(Clone, Copy, Debug)]
pub struct Correlation<'a> {
    /// `[O, I / groups, kernel...]`, row-major.
    pub weights: &'a [f32],
    /// Filters.
    pub filters: usize,
    /// Number of groups; equal to the channels for a depthwise convolution.
    pub groups: usize,
    /// The spatial geometry.
    pub window: &'a Window,
}

impl Correlation<'_> {
    /// Taps of one channel of a filter.
    pub fn taps(&self) -> usize {
        self.window.axes.iter().map(|axis| axis.kernel).product()
    }

    /// Channels that a filter reads.
    pub fn channels_per_group(&self) -> usize {
        self.weights.len() / (self.filters * self.taps()).max(1)
    }
}
