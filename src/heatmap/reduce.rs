//! Render, step 1: sum the relevance of every pixel over its channels.

use anyhow::{Context, Result, ensure};

/// The place of the channel axis in a relevance tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// `[C, H, W]`, as PyTorch exports it.
    #[default]
    ChannelsFirst,
    /// `[H, W, C]`, as TensorFlow exports it.
    ChannelsLast,
}

/// The relevance of every pixel of the network's input: signed, not normalised, row by row.
///
/// All values are finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Heatmap {
    width: usize,
    height: usize,
    values: Vec<f32>,
    non_finite: usize,
}

impl Heatmap {
    /// A heatmap from the relevance of `width * height` pixels, row by row.
    ///
    /// Values that are not finite are replaced by zero; [`Heatmap::non_finite`] is their number.
    ///
    /// # Errors
    /// When a side is zero or the number of values does not fit the sides.
    pub fn new(width: usize, height: usize, mut values: Vec<f32>) -> Result<Self> {
        let pixels = width
            .checked_mul(height)
            .filter(|&pixels| pixels > 0)
            .with_context(|| format!("a heatmap of {width} x {height} pixels cannot be drawn"))?;
        ensure!(
            values.len() == pixels,
            "a heatmap of {width} x {height} pixels needs {pixels} values, got {}",
            values.len()
        );
        let mut non_finite = 0;
        for value in values.iter_mut().filter(|value| !value.is_finite()) {
            *value = 0.0;
            non_finite += 1;
        }
        Ok(Self { width, height, values, non_finite })
    }

    /// Sums a relevance tensor of shape `[C, H, W]` or `[H, W, C]` over its channels; signs are kept.
    ///
    /// # Errors
    /// When a height or width is zero or the number of values does not fit the shape.
    pub fn from_relevance(relevance: &[f32], shape: [usize; 3], layout: Layout) -> Result<Self> {
        let [channels, height, width] = match layout {
            Layout::ChannelsFirst => shape,
            Layout::ChannelsLast => [shape[2], shape[0], shape[1]],
        };
        let size = shape.iter().try_fold(1_usize, |size, &axis| size.checked_mul(axis));
        ensure!(
            size == Some(relevance.len()) && channels > 0,
            "relevance of shape {shape:?} cannot have {} values",
            relevance.len()
        );
        let values = match layout {
            Layout::ChannelsFirst => sum_planes(relevance, height * width),
            Layout::ChannelsLast => {
                relevance.chunks_exact(channels).map(|pixel| pixel.iter().sum()).collect()
            }
        };
        Self::new(width, height, values)
    }

    /// Number of pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The relevance of the pixels, row by row; all finite.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Number of pixels whose relevance was NaN or infinite and was replaced by zero.
    pub fn non_finite(&self) -> usize {
        self.non_finite
    }
}

fn sum_planes(relevance: &[f32], plane: usize) -> Vec<f32> {
    let mut sums = vec![0.0; plane];
    // `chunks_exact` needs a length above 0. `Heatmap::new` refuses an empty plane.
    for channel in relevance.chunks_exact(plane.max(1)) {
        for (sum, value) in sums.iter_mut().zip(channel) {
            *sum += value;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_summed_with_their_sign_in_both_layouts() {
        let first = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -10.0, 0.5, 0.0, 1.0, 1.0, 1.0];
        let heatmap = Heatmap::from_relevance(&first, [2, 2, 3], Layout::ChannelsFirst).unwrap();
        assert_eq!((heatmap.width(), heatmap.height()), (3, 2));
        assert_eq!(heatmap.values(), [-9.0, 2.5, 3.0, 5.0, 6.0, 7.0]);

        let last = [1.0, -10.0, 2.0, 0.5, 3.0, 0.0, 4.0, 1.0, 5.0, 1.0, 6.0, 1.0];
        let same = Heatmap::from_relevance(&last, [2, 3, 2], Layout::ChannelsLast).unwrap();
        assert_eq!(same, heatmap);
    }

    #[test]
    fn values_that_are_not_finite_become_zero_and_are_counted() {
        let relevance = [f32::NAN, 1.0, f32::INFINITY, f32::NEG_INFINITY, 2.0, 3.0];
        let heatmap =
            Heatmap::from_relevance(&relevance, [1, 2, 3], Layout::ChannelsFirst).unwrap();
        assert_eq!(heatmap.values(), [0.0, 1.0, 0.0, 0.0, 2.0, 3.0]);
        assert_eq!(heatmap.non_finite(), 3);
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let reduce = |shape, layout| Heatmap::from_relevance(&[0.0; 6], shape, layout);
        for layout in [Layout::ChannelsFirst, Layout::ChannelsLast] {
            assert!(reduce([1, 2, 2], layout).is_err());
            assert!(reduce([0, 2, 3], layout).is_err());
            assert!(reduce([usize::MAX, usize::MAX, 2], layout).is_err());
            assert!(Heatmap::from_relevance(&[], [3, 0, 0], layout).is_err());
            assert!(Heatmap::from_relevance(&[], [0, 0, 3], layout).is_err());
        }
        let error = reduce([1, 2, 2], Layout::ChannelsFirst).unwrap_err();
        assert_eq!(error.to_string(), "relevance of shape [1, 2, 2] cannot have 6 values");
        assert!(Heatmap::new(2, 2, vec![0.0; 3]).is_err());
        assert!(Heatmap::new(usize::MAX, 2, vec![]).is_err());
    }
}
