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

/// Enlarges a map by bilinear interpolation between the centres of its cells, the outermost
/// reaching to the edge (`align_corners` off in other tools). Sizes are `[height, width]`.
pub(crate) fn enlarged(map: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let taps = |axis: usize| -> Vec<(usize, usize, f32)> {
        let scale = from[axis] as f32 / to[axis] as f32;
        let tap = |at: usize| {
            let place = ((at as f32 + 0.5) * scale - 0.5).max(0.0);
            let low = (place as usize).min(from[axis] - 1);
            (low, (low + 1).min(from[axis] - 1), place - low as f32)
        };
        (0..to[axis]).map(tap).collect()
    };
    let (rows, columns) = (taps(0), taps(1));
    let mut result = Vec::with_capacity(to[0] * to[1]);
    for &(above, below, down) in &rows {
        for &(left, right, across) in &columns {
            let at = |row: usize, column: usize| map[row * from[1] + column];
            let upper = at(above, left) * (1.0 - across) + at(above, right) * across;
            let lower = at(below, left) * (1.0 - across) + at(below, right) * across;
            result.push(upper * (1.0 - down) + lower * down);
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
        assert_eq!(enlarged(&[0.0, 1.0], [1, 2], [1, 4]), [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(enlarged(&[2.0], [1, 1], [2, 2]), [2.0; 4]);
    }
}
