//! From row-major images to images in blocks, and back.

use super::{Image, LANES};
use crate::simd::{F32x16, Simd, SimdLoop, dispatch};
use crate::threads::for_each_chunk;

/// Pixels that change places together: their channels stay in the first cache.
const RUN: usize = 64;

/// `[1, C, H, W]` to `[1, C/16, H, W, 16]`; lanes without a channel are 0.
pub fn to_blocks(image: Image, rows: &[f32], blocks: &mut [f32]) {
    let pixels = image.pixels();
    for_each_chunk(blocks, image.block_len().max(1), |block, to| {
        let first = block * LANES;
        let channels = LANES.min(image.channels - first);
        for start in (0..pixels).step_by(RUN) {
            let count = RUN.min(pixels - start);
            let to = &mut to[start * LANES..][..count * LANES];
            if channels < LANES {
                to.fill(0.0);
            }
            for lane in 0..channels {
                let from = &rows[(first + lane) * pixels + start..][..count];
                let to = to[lane..].iter_mut().step_by(LANES);
                to.zip(from).for_each(|(to, from)| *to = *from);
            }
        }
    });
}

/// `[1, C/16, H, W, 16]` to `[1, C, H, W]`.
pub fn to_rows(image: Image, blocks: &[f32], rows: &mut [f32]) {
    let pixels = image.pixels();
    for_each_chunk(rows, pixels.max(1), |channel, to| {
        let from = &blocks[channel / LANES * pixels * LANES + channel % LANES..];
        to.iter_mut().zip(from.iter().step_by(LANES)).for_each(|(to, from)| *to = *from);
    });
}

/// The sums over channels of an image in blocks: `[1, 1, H, W]`.
pub fn sum_channels(image: Image, blocks: &[f32], sums: &mut [f32]) {
    for_each_chunk(sums, RUN, |index, sums| {
        let pixels = blocks
            .chunks_exact(image.block_len())
            .map(|block| block[index * RUN * LANES..][..sums.len() * LANES].as_chunks().0);
        let mut channels = [[0.0; LANES]; RUN];
        for pixels in pixels {
            dispatch(Add(pixels, &mut channels[..sums.len()]));
        }
        for (sum, channels) in sums.iter_mut().zip(&channels) {
            *sum = channels.iter().sum();
        }
    });
}

/// Adds numbers to sums.
struct Add<'a>(&'a [F32x16], &'a mut [F32x16]);

impl SimdLoop for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Add(numbers, sums) = self;
        for (number, sum) in numbers.iter().zip(sums) {
            simd.store(simd.add(simd.load(sum), simd.load(number)), sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let image = Image { channels: 19, height: 3, width: 5 };
        let numbers: Vec<f32> = (1..=19 * 15).map(|n| n as f32).collect();
        let mut blocks = vec![f32::NAN; image.len()];
        to_blocks(image, &numbers, &mut blocks);
        assert_eq!(blocks[2 * 16 + 7], numbers[7 * 15 + 2]);
        let second = &blocks[15 * 16..];
        assert_eq!(second[4 * 16 + 2], numbers[18 * 15 + 4]);
        assert_eq!(second[4 * 16 + 3], 0.0);
        let mut rows = vec![f32::NAN; numbers.len()];
        to_rows(image, &blocks, &mut rows);
        assert_eq!(rows, numbers);
        let mut sums = vec![f32::NAN; 15];
        sum_channels(image, &blocks, &mut sums);
        let expected = (0..19).map(|channel| (1 + 15 * channel) as f32).sum::<f32>();
        assert_eq!(sums[0], expected);
    }
}
