//! The picture's plane: values per pixel, patches, and the way between them and the input's tensor.

use anyhow::Result;

use crate::picture::{InputShape, Layout};
use crate::tensor::Tensor;

/// Calls `work(value, pixel, channel)` for every element of an input, pixels counted row by row.
pub(crate) fn for_each_element(
    input: &mut Tensor,
    picture: InputShape,
    mut work: impl FnMut(&mut f32, usize, usize),
) {
    let pixels = picture.height * picture.width;
    for (index, value) in input.data_mut().iter_mut().enumerate() {
        match picture.layout {
            Layout::Nchw => work(value, index % pixels, index / pixels),
            Layout::Nhwc => work(value, index / picture.channels, index % picture.channels),
        }
    }
}

/// A map of pixels as relevance in the input's shape: each channel gets an even share, so that
/// summing over the channels gives the map back.
pub(crate) fn over_channels(map: &[f32], shape: &[usize], picture: InputShape) -> Result<Tensor> {
    let mut relevance = Tensor::zeros(shape)?;
    let share = 1.0 / picture.channels as f32;
    for_each_element(&mut relevance, picture, |value, pixel, _| *value = map[pixel] * share);
    Ok(relevance)
}

/// Relevance summed over the channels of every pixel.
pub(crate) fn heatmap(relevance: &Tensor, picture: InputShape) -> Vec<f32> {
    let mut map = vec![0.0; picture.height * picture.width];
    let mut relevance = relevance.clone();
    for_each_element(&mut relevance, picture, |value, pixel, _| map[pixel] += *value);
    map
}

/// Enlarges a map by linear interpolation along each of its axes, between the centres of its cells, the outermost
/// reaching to the edge (`align_corners` off in other tools). Sizes are those of the axes: `[height, width]` of a
/// plane, `[length]` of a signal, `[depth, height, width]` of a volume.
pub(crate) fn enlarged(map: &[f32], from: &[usize], to: &[usize]) -> Vec<f32> {
    let mut result = map.to_vec();
    // The axes behind the present one have their new lengths already.
    for axis in (0..from.len()).rev() {
        let inner: usize = to[axis + 1..].iter().product();
        result = enlarged_along(&result, from[axis], to[axis], inner);
    }
    result
}

/// Enlarges one axis, whose elements lie `inner` numbers apart.
fn enlarged_along(map: &[f32], from: usize, to: usize, inner: usize) -> Vec<f32> {
    let scale = from as f32 / to as f32;
    let mut result = Vec::with_capacity(map.len() / from * to);
    for block in map.chunks_exact(from * inner) {
        for at in 0..to {
            let place = ((at as f32 + 0.5) * scale - 0.5).max(0.0);
            let low = (place as usize).min(from - 1);
            let high = (low + 1).min(from - 1);
            let share = place - low as f32;
            let pairs = block[low * inner..][..inner].iter().zip(&block[high * inner..][..inner]);
            result.extend(pairs.map(|(low, high)| low * (1.0 - share) + high * share));
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: InputShape =
        InputShape { channels: 3, height: 1, width: 2, layout: Layout::Nchw };

    #[test]
    fn maps_survive_the_way_over_the_channels() {
        for layout in [Layout::Nchw, Layout::Nhwc] {
            let picture = InputShape { layout, ..PICTURE };
            let shape = match layout {
                Layout::Nchw => [1, 3, 1, 2],
                Layout::Nhwc => [1, 1, 2, 3],
            };
            let relevance = over_channels(&[3.0, -6.0], &shape, picture).unwrap();
            assert_eq!(heatmap(&relevance, picture), [3.0, -6.0]);
        }
        let last = InputShape { layout: Layout::Nhwc, ..PICTURE };
        let relevance = Tensor::new(&[1, 1, 2, 3], &[1., 2., 3., 4., 5., 6.]).unwrap();
        assert_eq!(heatmap(&relevance, last), [6.0, 15.0]);
    }

    #[test]
    fn enlarging_interpolates_between_centres() {
        // torch.nn.functional.interpolate([[[0, 1]]], size=4, mode="linear") = 0, 0.25, 0.75, 1.
        assert_eq!(enlarged(&[0.0, 1.0], &[2], &[4]), [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(enlarged(&[0.0, 1.0], &[1, 2], &[1, 4]), [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(enlarged(&[2.0], &[1, 1], &[2, 2]), [2.0; 4]);
        // The same with mode="bilinear" of [[0, 1], [2, 3]] to [2, 4], and "trilinear" of a depth of 2 to 1.
        let plane = [0.0, 0.25, 0.75, 1.0, 2.0, 2.25, 2.75, 3.0];
        assert_eq!(enlarged(&[0.0, 1.0, 2.0, 3.0], &[2, 2], &[2, 4]), plane);
        let volume = [0.0, 2.0, 4.0, 8.0];
        assert_eq!(enlarged(&volume, &[2, 1, 2], &[1, 1, 2]), [2.0, 5.0]);
    }
}
