//! Images whose channels lie in blocks of sixteen: `[1, C/16, H, W, 16]`.
//!
//! In this layout a vector holds sixteen channels of one pixel: results leave the registers as they
//! lie in memory, and depthwise taps and poolings are whole vectors. What becomes of the sums of a
//! kernel (an activation, a division, a product) is a [`Epilogue`], done while they are in the first
//! cache, so that nothing is written to be read again. Channels that fill up the last block are
//! called lanes without a channel: weights for them are 0, their relevance is 0, their activation
//! is any finite number.
//!
//! Kernels know slices and geometry only. Which layers run in this layout is decided by who calls them.

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

pub use crate::simd::LANES;
use crate::simd::SumPair;
use crate::threads::map_chunks;
pub use by_sign::{SignBias, TransposedBySign};
pub use convolution::{forward, serves, transposed};
pub use filters::{Filters, Floats};
pub use layout::{to_blocks, to_rows};
pub use prepack::KernelSource;
pub use prepack::Prepack;

/// Whether an input has so few channels that most lanes of a block would be empty: it stays row by row, in the
/// convolution that reads it and in the step that hands relevance to it.
pub fn has_few_channels(channels: usize) -> bool {
    channels < LANES / 2
}

/// Channels and size of an image in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl Image {
    /// The image behind a row-major shape `[1, C, H, W]`.
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

    /// Numbers of one block: all its pixels, with sixteen channels each.
    pub fn block_len(self) -> usize {
        self.pixels() * LANES
    }

    /// The numbers of all blocks.
    pub fn len(self) -> usize {
        self.blocks() * self.block_len()
    }

    /// `[1, C/16, H, W, 16]`.
    pub fn shape(self) -> [usize; 5] {
        [1, self.blocks(), self.height, self.width, LANES]
    }
}

/// What becomes of the sums of a kernel before they are written.
pub trait Epilogue: Sync {
    /// Turns `sums` into `output`: as many numbers, of neighbouring pixels of one block of channels
    /// (a multiple of sixteen). `block` is the number of the block, `at` the place of the first
    /// number in the whole image.
    fn apply(
        &self,
        block: usize,
        at: usize,
        sums: &[f32],
        output: &mut [f32],
        totals: &mut SumPair,
    );
}

/// A linear map from one image in blocks to another, without bias. A convolution of [few channels](has_few_channels)
/// reads its image row by row.
pub trait Kernel: Send + Sync {
    /// Writes every number of `output`, as `epilogue` makes it of the sums; its totals are the same
    /// bits for any number of threads.
    fn run(&self, input: &[f32], output: &mut [f32], epilogue: &dyn Epilogue) -> SumPair;
}

/// Finishes sums of an image in blocks that were written before.
pub fn apply_epilogue(
    epilogue: &dyn Epilogue,
    image: Image,
    sums: &[f32],
    output: &mut [f32],
) -> SumPair {
    let len = image.block_len();
    SumPair::of(map_chunks(output, len, |block, output| {
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
            output: &mut [f32],
            totals: &mut SumPair,
        ) {
            output.copy_from_slice(sums);
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
