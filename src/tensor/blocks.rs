//! From row-major tensors to images in blocks of channels, and back.

use anyhow::{Context, Result, ensure};
use onnxplain_kernels::elementwise;
use onnxplain_kernels::nchwc::{self, Image, LANES};

use super::Tensor;

/// `[1, C, H, W]` to `[1, C/16, H, W, 16]`; lanes without a channel are 0.
///
/// # Errors
/// When the tensor is not an image.
pub(crate) fn to_blocks(tensor: &Tensor) -> Result<Tensor> {
    let image = Image::of(tensor.shape())
        .with_context(|| format!("a tensor of shape {:?} is not an image", tensor.shape()))?;
    Tensor::written_by(&image.shape(), |blocks| nchwc::to_blocks(image, tensor.data(), blocks))
}

/// `[1, C/16, H, W, 16]` to the row-major `shape`, `[1, C, H, W]`.
///
/// # Errors
/// When the tensor is not the image of this shape.
pub(crate) fn to_rows(blocks: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let image = image_of(blocks, shape)?;
    Tensor::written_by(shape, |rows| nchwc::to_rows(image, blocks.data(), rows))
}

/// A constant that broadcasts to a row-major image (a bias, a threshold), in a shape that broadcasts to the image in
/// blocks. It is one number, one number per channel, or a number per element; `None` for other shapes.
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

/// The sum of every channel of an image in blocks, or of its product with another one, in the shape of a constant that
/// has a number for each channel.
///
/// # Errors
/// When the images differ in shape, or the constant has another number of channels.
pub(crate) fn channel_sums(
    blocks: &Tensor,
    factor: Option<&Tensor>,
    shape: &[usize],
) -> Result<Tensor> {
    ensure!(
        factor.is_none_or(|factor| factor.shape() == blocks.shape()),
        "the images that are multiplied have different shapes"
    );
    let count = blocks.shape().get(1).copied().unwrap_or(1).max(1);
    let len = (blocks.len() / count).max(1);
    let mut sums = Vec::with_capacity(count * LANES);
    for (index, block) in blocks.data().chunks_exact(len).enumerate() {
        let factors = factor.map(|factor| factor.data()[index * len..][..len].as_chunks().0);
        let lanes = elementwise::lane_sums(block.as_chunks().0, factors);
        sums.extend(lanes.map(|sum| sum as f32));
    }
    sums.truncate(shape.iter().product());
    Tensor::new(shape, &sums)
}

/// The image of the row-major `shape`, if `blocks` has its shape in blocks.
fn image_of(blocks: &Tensor, shape: &[usize]) -> Result<Image> {
    let image = Image::of(shape).filter(|image| blocks.shape() == image.shape());
    image.with_context(|| {
        format!(
            "a tensor of shape {:?} is not the image {shape:?} in blocks of channels",
            blocks.shape()
        )
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
        assert_eq!(to_rows(&blocks, &shape).unwrap().data(), tensor.data());
        assert!(to_rows(&blocks, &[1, 33, 3, 5]).is_err());
    }

    #[test]
    fn channels_are_added_up_without_the_empty_lanes() {
        let numbers: Vec<f32> = (1..=19 * 6).map(|n| n as f32).collect();
        let blocks = to_blocks(&Tensor::new(&[1, 19, 2, 3], &numbers).unwrap()).unwrap();
        let sums: Vec<f32> = numbers.chunks(6).map(|channel| channel.iter().sum()).collect();
        let shape = [1, 19, 1, 1];
        assert_eq!(channel_sums(&blocks, None, &shape).unwrap().data(), sums);
        let twos = Tensor::filled(blocks.shape(), 2.0).unwrap();
        let doubled: Vec<f32> = sums.iter().map(|sum| 2.0 * sum).collect();
        assert_eq!(channel_sums(&blocks, Some(&twos), &shape).unwrap().data(), doubled);
        assert!(channel_sums(&blocks, Some(&Tensor::filled(&[1], 2.0).unwrap()), &shape).is_err());
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
