//! From row-major images to images in blocks, and back.

use super::{Image, LANES};
use crate::output::Output;

/// Pixels that are moved together: their channels stay in the first cache.
const RUN: usize = 64;

/// `[1, C, H, W]` to `[1, C/16, H, W, 16]`; lanes without a channel are 0. Writes all of `blocks`.
pub fn to_blocks(image: Image, rows: &[f32], blocks: Output<'_>) {
    let pixels = image.pixels();
    blocks.for_each_chunk(image.block_len(), 1, |block, to| {
        let first = block * LANES;
        let channels = LANES.min(image.channels - first);
        for (run, to) in to.chunks(RUN * LANES).enumerate() {
            let to = to.fill(0.0);
            for lane in 0..channels {
                let from = &rows[(first + lane) * pixels + run * RUN..][..to.len() / LANES];
                let to = to[lane..].iter_mut().step_by(LANES);
                to.zip(from).for_each(|(to, from)| *to = *from);
            }
        }
    });
}

/// `[1, C/16, H, W, 16]` to `[1, C, H, W]`. Writes all of `rows`.
pub fn to_rows(image: Image, blocks: &[f32], rows: Output<'_>) {
    let pixels = image.pixels();
    rows.for_each_chunk(pixels, 1, |channel, to| {
        let from = &blocks[channel / LANES * pixels * LANES + channel % LANES..];
        to.write(from.iter().step_by(LANES).copied());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let image = Image { channels: 19, height: 3, width: 5 };
        let numbers: Vec<f32> = (1..=19 * 15).map(|n| n as f32).collect();
        let mut blocks = vec![f32::NAN; image.len()];
        to_blocks(image, &numbers, Output::from(&mut blocks[..]));
        assert_eq!(blocks[2 * 16 + 7], numbers[7 * 15 + 2]);
        let second = &blocks[15 * 16..];
        assert_eq!(second[4 * 16 + 2], numbers[18 * 15 + 4]);
        assert_eq!(second[4 * 16 + 3], 0.0);
        let mut rows = vec![f32::NAN; numbers.len()];
        to_rows(image, &blocks, Output::from(&mut rows[..]));
        assert_eq!(rows, numbers);
    }
}
