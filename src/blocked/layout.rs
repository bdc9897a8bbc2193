//! From row-major tensors to images in blocks, and back.

use anyhow::{Context, Result, ensure};

use super::{Image, LANES};
use crate::parallel::for_each_chunk;
use crate::tensor::Tensor;

/// Pixels that change places together: their channels stay in the first cache.
const RUN: usize = 64;

/// `[1, C, H, W]` to `[1, C/16, H, W, 16]`; lanes without a channel are 0.
///
/// # Errors
/// When the tensor is no image.
pub(crate) fn to_blocks(tensor: &Tensor) -> Result<Tensor> {
    let image = Image::of(tensor.shape())
        .with_context(|| format!("a tensor of shape {:?} is no image", tensor.shape()))?;
    let mut blocks = Tensor::unwritten(&image.shape())?;
    let (from, pixels) = (tensor.data(), image.pixels());
    for_each_chunk(blocks.data_mut(), image.block_len().max(1), |block, to| {
        let first = block * LANES;
        let channels = LANES.min(image.channels - first);
        for start in (0..pixels).step_by(RUN) {
            let count = RUN.min(pixels - start);
            let to = &mut to[start * LANES..][..count * LANES];
            if channels < LANES {
                to.fill(0.0);
            }
            for lane in 0..channels {
                let from = &from[(first + lane) * pixels + start..][..count];
                let to = to[lane..].iter_mut().step_by(LANES);
                to.zip(from).for_each(|(to, from)| *to = *from);
            }
        }
    });
    Ok(blocks)
}

/// `[1, C/16, H, W, 16]` to the row-major `shape`, `[1, C, H, W]`.
///
/// # Errors
/// When the shapes do not belong together.
pub(crate) fn to_rows(blocks: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let image = Image::of(shape).filter(|image| blocks.shape() == image.shape());
    ensure!(image.is_some(), "an image of shape {:?} is not {shape:?}", blocks.shape());
    let pixels = image.map_or(0, Image::pixels);
    let mut rows = Tensor::unwritten(shape)?;
    let from = blocks.data();
    for_each_chunk(rows.data_mut(), pixels.max(1), |channel, to| {
        let from = &from[channel / LANES * pixels * LANES + channel % LANES..];
        to.iter_mut().zip(from.iter().step_by(LANES)).for_each(|(to, from)| *to = *from);
    });
    Ok(rows)
}

/// What broadcasts to a row-major image (a bias, a threshold) as it broadcasts to one in blocks:
/// a number, one per channel, or a whole map. `None` where it is none of these.
pub(crate) fn constant_to_blocks(constant: &Tensor, image: Image) -> Result<Option<Tensor>> {
    let leading = 4usize.saturating_sub(constant.shape().len());
    let mut shape = vec![1; leading];
    shape.extend_from_slice(constant.shape());
    Ok(match shape[..] {
        [1, 1, 1, 1] => Some(constant.clone()),
        [1, channels, 1, 1] if channels == image.channels => {
            Some(to_blocks(&constant.clone().reshaped(&shape)?)?)
        }
        [1, channels, height, width]
            if [channels, height, width] == [image.channels, image.height, image.width] =>
        {
            Some(to_blocks(&constant.clone().reshaped(&shape)?)?)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let shape = [1, 19, 3, 5];
        let numbers: Vec<f32> = (1..=19 * 15).map(|n| n as f32).collect();
        let tensor = Tensor::new(&shape, &numbers).unwrap();
        let blocks = to_blocks(&tensor).unwrap();
        assert_eq!(blocks.shape(), [1, 2, 3, 5, 16]);
        assert_eq!(blocks.data()[2 * 16 + 7], tensor.data()[7 * 15 + 2]);
        let second = &blocks.data()[15 * 16..];
        assert_eq!(second[4 * 16 + 2], tensor.data()[18 * 15 + 4]);
        assert_eq!(second[4 * 16 + 3], 0.0);
        assert_eq!(to_rows(&blocks, &shape).unwrap().data(), tensor.data());
        assert!(to_rows(&blocks, &[1, 33, 3, 5]).is_err());
    }

    #[test]
    fn constants_broadcast_as_before() {
        let image = Image { channels: 17, height: 2, width: 3 };
        let per_channel = Tensor::filled(&[1, 17, 1, 1], 2.0).unwrap();
        let blocks = constant_to_blocks(&per_channel, image).unwrap().unwrap();
        assert_eq!(blocks.shape(), [1, 2, 1, 1, 16]);
        let row = Tensor::filled(&[3], 2.0).unwrap();
        assert!(constant_to_blocks(&row, image).unwrap().is_none());
    }
}
