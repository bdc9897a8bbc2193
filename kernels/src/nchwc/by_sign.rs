//! The transposed map of a pointwise convolution whose weights depend on the sign of the value at its output, as rules
//! need it that favour contributions of one sign where inputs have both.

use super::epilogue::Share;
use super::filters::{Filters, Floats, PackedFilters};
use super::{Epilogue, Image, LANES, Prepack, SumPair};
use crate::geometry::WeightPart;
use crate::microkernel::{BySign, MOST_SUMS, Operands, pixels_by_sign, run_by_sign};
use crate::output::Output;
use crate::simd::Isa;

/// Fewest pixels of an image with a kernel: the most that an instruction set computes together.
const FEWEST_PIXELS: usize = 7;

/// How contributions `w · x` of one sign are favoured over the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SignBias {
    /// Only they count.
    Only,
    /// All count, and the favoured ones `1 + γ` times.
    More(f32),
}

/// `Wᵀ` of a pointwise convolution on images in blocks, packed.
pub struct TransposedBySign {
    isa: Isa,
    /// Weights for positive and for negative contributions of an input above zero.
    filters: [PackedFilters; 2],
    /// Where each channel of the input is, relative to the pixel.
    offsets: Vec<u32>,
    /// The images of the inputs and of the outputs.
    images: [Image; 2],
    /// Pixels of a tile.
    pixels: usize,
}

impl TransposedBySign {
    /// Whether there is a kernel for weights `[O, I, 1, 1]` on images of a height and width, which may be too small or
    /// too large.
    pub fn serves(shape: &[usize], size: [usize; 2]) -> bool {
        let [_, outputs] = images(shape, size);
        outputs.pixels() >= FEWEST_PIXELS && u32::try_from(outputs.len()).is_ok()
    }

    /// The kernel of weights `[O, I, 1, 1]`; `None` where there is [none](TransposedBySign::serves).
    pub fn new(
        weights: Floats,
        shape: &[usize],
        favour: SignBias,
        prepack: Prepack,
        size: [usize; 2],
    ) -> Option<TransposedBySign> {
        if !TransposedBySign::serves(shape, size) {
            return None;
        }
        let isa = Isa::detect();
        let [inputs, outputs] = images(shape, size);
        let shape = [outputs.channels, inputs.channels, 1, 1];
        let parts = match favour {
            SignBias::Only => [WeightPart::Positive, WeightPart::Negative],
            SignBias::More(by) => {
                [WeightPart::PositiveFavored(by), WeightPart::NegativeFavored(by)]
            }
        };
        let pixels = pixels_by_sign(isa);
        let offset =
            |channel: usize| (channel / LANES * outputs.block_len() + channel % LANES) as u32;
        // One pass per block of the result.
        let packed = |part| {
            let filters =
                Filters { weights: weights.clone(), shape, part, is_transposed: true, prepack };
            PackedFilters::with_blocks(isa, filters, &[0], 1)
        };
        Some(TransposedBySign {
            isa,
            filters: parts.map(packed),
            offsets: (0..outputs.channels).map(offset).collect(),
            images: [inputs, outputs],
            pixels,
        })
    }

    /// The images of the layer's inputs (the result) and outputs (what is read).
    pub fn images(&self) -> [Image; 2] {
        self.images
    }

    /// Computes `coefficient · Σ w · x · quotient` for every input `x`, where positive contributions `w · x` are favoured,
    /// or negative ones (`favours_negative`). Writes all of `relevance`, or adds to the floats that it holds. The totals
    /// are those of [`Share`].
    pub fn run(
        &self,
        quotients: &[f32],
        inputs: &[f32],
        favours_negative: bool,
        coefficient: f32,
        relevance: Output<'_>,
    ) -> SumPair {
        let share = Share { coefficient, factors: Some(inputs) };
        let block_len = self.images[0].block_len();
        SumPair::of(relevance.map_chunks(block_len, self.offsets.len(), |block, relevance| {
            self.run_block(block, quotients, inputs, favours_negative, &share, relevance)
        }))
    }

    fn run_block(
        &self,
        block: usize,
        quotients: &[f32],
        inputs: &[f32],
        favours_negative: bool,
        share: &Share,
        mut relevance: Output<'_>,
    ) -> SumPair {
        let [(_, positive), (_, negative)] = self.filters.each_ref().map(|part| part.pass(block));
        let [weights, weights_below] = match favours_negative {
            false => [&*positive, &*negative],
            true => [&*negative, &*positive],
        };
        let (tile_len, len) = (self.pixels * LANES, relevance.len());
        let mut sums = [0.0; MOST_SUMS];
        let mut totals = SumPair::default();
        for place in (0..len).step_by(tile_len) {
            // The last tile overlaps the one before.
            let start = place.min(len - tile_len);
            let at = block * len + start;
            let by_sign = BySign { values: &inputs[at..], weights_below };
            let offsets = &self.offsets;
            let input = &quotients[start..];
            let operands = Operands { weights, input, offsets, prefetch: None };
            run_by_sign(self.isa, operands, by_sign, &mut sums);
            let sums = &sums[place - start..tile_len];
            share.apply(block, block * len + place, sums, relevance.front(sums.len()), &mut totals);
        }
        totals
    }
}

/// The images of the inputs and of the outputs.
fn images(weight: &[usize], [height, width]: [usize; 2]) -> [Image; 2] {
    [weight[1], weight[0]].map(|channels| Image { channels, height, width })
}
