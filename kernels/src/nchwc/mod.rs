//! Kernels on images whose channels are in blocks of sixteen (NCHWc): `[1, C/16, H, W, 16]`.
//!
//! A vector holds sixteen channels of one pixel: results go from registers to memory without shuffling, and the taps
//! of depthwise convolutions and poolings are whole vectors. What happens to the sums of a kernel (an activation, a
//! division, a product) is an [`Epilogue`], which runs while they are in the first cache, so that no intermediate
//! result is written and read again. The last block is padded with lanes without a channel: their weights are 0, their
//! activations are any finite number.
//!
//! Kernels only know slices and geometry; the caller decides which layers run in this layout.

mod by_sign;
mod convolution;
mod depthwise;
mod direct;
pub mod epilogue;
mod filters;
mod layout;
pub mod pooling;
mod prepack;
mod strided_transposed;
mod taps;
mod winograd;

use crate::output::Output;
pub use crate::simd::LANES;
use crate::simd::SumPair;
pub use by_sign::{SignBias, TransposedBySign};
pub use convolution::{forward, serves, transposed};
pub use filters::{Filters, Floats};
pub use layout::{to_blocks, to_rows};
pub use prepack::KernelSource;
pub use prepack::Prepack;

/// Whether an image has so few channels that most lanes of a block would be empty: a convolution reads it row-major.
pub fn has_few_channels(channels: usize) -> bool {
    channels < LANES / 2
}

/// Channels and size of an image in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// Channels, without those that pad the last block.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Image {
    /// The image of a row-major shape `[1, C, H, W]`.
    pub fn of(shape: &[usize]) -> Option<Image> {
        match *shape {
            [1, channels, height, width] => Some(Image { channels, height, width }),
            _ => None,
        }
    }

    /// Blocks of channels.
    pub fn blocks(self) -> usize {
        self.channels.div_ceil(LANES)
    }

    /// Pixels of a plane.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Floats of one block: all pixels, sixteen channels each.
    pub fn block_len(self) -> usize {
        self.pixels() * LANES
    }

    /// Floats of all blocks.
    pub fn len(self) -> usize {
        self.blocks() * self.block_len()
    }

    /// Whether there are no channels or no pixels.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// `[1, C/16, H, W, 16]`.
    pub fn shape(self) -> [usize; 5] {
        [1, self.blocks(), self.height, self.width, LANES]
    }
}

/// What happens to the sums of a kernel before they are written.
pub trait Epilogue: Sync {
    /// Turns `sums` of neighbouring pixels of one block of channels into as many floats of `output`, all of which are
    /// written. An epilogue may read what the output [holds](Output::held) before. `block` is the index of the block,
    /// `at` that of the first float in the whole image; the length is a multiple of sixteen. `totals` accumulates
    /// whatever the epilogue adds up.
    fn apply(
        &self,
        block: usize,
        at: usize,
        sums: &[f32],
        output: Output<'_>,
        totals: &mut SumPair,
    );
}

/// A linear map from one image in blocks to another, without bias. A convolution of [few channels](has_few_channels)
/// reads its image row-major.
pub trait Kernel: Send + Sync {
    /// Writes all of `output`: what the epilogue makes of the sums. Returns the epilogue's totals, which are the same bits
    /// for any number of threads.
    fn run(&self, input: &[f32], output: Output<'_>, epilogue: &dyn Epilogue) -> SumPair;
}

/// Applies an epilogue to the sums of a whole image that were computed before; writes all of `output`.
pub fn apply_epilogue(
    epilogue: &dyn Epilogue,
    image: Image,
    sums: &[f32],
    output: Output<'_>,
) -> SumPair {
    let len = image.block_len();
    SumPair::of(output.map_chunks(len, 1, |block, output| {
        let mut totals = SumPair::default();
        epilogue.apply(block, block * len, &sums[block * len..][..len], output, &mut totals);
        totals
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::WindowAxis;

    /// Writes the sums as they are, and adds them up.
    pub(super) struct Keep;

    impl Epilogue for Keep {
        fn apply(
            &self,
            _: usize,
            _: usize,
            sums: &[f32],
            output: Output<'_>,
            totals: &mut SumPair,
        ) {
            output.copy(sums);
            for sums in sums.as_chunks::<LANES>().0 {
                let lanes = totals.lanes[0].iter_mut();
                lanes.zip(sums).for_each(|(total, sum)| *total += f64::from(*sum));
            }
        }
    }

    /// The image that a window slides over, and the one that it writes.
    pub(super) fn images(channels: usize, window: &[WindowAxis; 2]) -> (Image, Image) {
        let [vertical, horizontal] = window;
        (
            Image { channels, height: vertical.input, width: horizontal.input },
            Image { channels, height: vertical.output, width: horizontal.output },
        )
    }

    /// Numbers between -1 and 1, many of them equal.
    pub(super) fn numbers(count: usize, seed: usize) -> Vec<f32> {
        (0..count).map(|at| ((at * 7919 + seed * 31) % 997 % 61) as f32 / 30.0 - 1.0).collect()
    }
}
