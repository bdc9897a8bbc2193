//! Render, step 4: the picture of a heatmap, and the settings that it shares with the overlay.

use anyhow::{Context, Result, anyhow};
use image::RgbImage;

use super::{Colormap, CropMark, Heatmap, Normalization, Scale};
use crate::error::Error;

/// How heatmaps are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rendering {
    /// The colours; default `coldnhot`, or `viridis` where only strength is shown.
    pub colormap: Colormap,
    /// How relevance is mapped to 0..=1; default symmetric.
    pub normalization: Normalization,
    /// Opacity of the strongest colour in the overlay, 0..=1; default 0.8, or 0.6 where only strength is shown.
    pub alpha: f32,
    /// Multiplies the normalised relevance before it is clipped, above 0; default 1.
    pub level: f32,
    /// How the part of the picture that the network saw is marked; default a frame.
    pub crop_mark: CropMark,
    /// The longest side of the overlay in pixels; by default that of the picture, but at most 1600, and at least 256
    /// where the picture is smaller than 200.
    pub overlay_size: Option<u32>,
}

impl Default for Rendering {
    fn default() -> Self {
        Self {
            colormap: Colormap::default(),
            normalization: Normalization::default(),
            alpha: 0.8,
            level: 1.0,
            crop_mark: CropMark::default(),
            overlay_size: None,
        }
    }
}

impl Rendering {
    /// Colours and opacity that suit a normalization: where strength alone is shown, the picture below stays visible.
    pub fn suited_to(normalization: Normalization) -> Rendering {
        let alpha = if normalization == Normalization::Symmetric { 0.8 } else { 0.6 };
        let colormap = Colormap::suited_to(normalization);
        Rendering { colormap, normalization, alpha, ..Rendering::default() }
    }

    /// Checks that all numbers are in their ranges.
    ///
    /// # Errors
    /// [`Error::Rendering`] when `alpha` is not within 0..=1 or `level` is not a finite number above 0.
    pub fn check(&self) -> Result<(), Error> {
        let Rendering { alpha, level, .. } = *self;
        let wrong = if !(0.0..=1.0).contains(&alpha) {
            anyhow!("alpha is {alpha}; it must be between 0 and 1")
        } else if !level.is_finite() || level <= 0.0 {
            anyhow!("level is {level}; it must be a number above 0")
        } else {
            return Ok(());
        };
        Err(Error::of(Error::Rendering, wrong))
    }

    /// The colours from the lowest to the highest position, evenly spaced: those of a colour bar.
    pub fn colors(&self, count: usize) -> Vec<[u8; 3]> {
        let table = self.colormap.table();
        let last = count.saturating_sub(1).max(1) as f32;
        let color = |index| table.color(self.color_position(index as f32 / last)).0;
        (0..count).map(color).collect()
    }

    /// The position of a normalised relevance on the colour map.
    ///
    /// With [`Normalization::Absolute`], only the upper half of a diverging map is used, so that zero relevance has the
    /// neutral colour.
    pub(super) fn color_position(&self, position: f32) -> f32 {
        if self.normalization == Normalization::Absolute && self.colormap.is_diverging() {
            0.5 + position / 2.0
        } else {
            position
        }
    }
}

/// Draws a heatmap at its own resolution.
///
/// # Errors
/// When the rendering has a number out of range or the heatmap has more than 2³² pixels a side.
pub fn heatmap_picture(heatmap: &Heatmap, rendering: &Rendering) -> Result<RgbImage> {
    let scale = Scale::fit(heatmap.values(), rendering.normalization, rendering.level);
    scaled_picture(heatmap, scale, rendering)
}

/// Draws a heatmap at its own resolution, on a scale that it may share with others.
///
/// # Errors
/// As [`heatmap_picture`].
pub fn scaled_picture(heatmap: &Heatmap, scale: Scale, rendering: &Rendering) -> Result<RgbImage> {
    rendering.check()?;
    let table = rendering.colormap.table();
    let pixels = heatmap
        .values()
        .iter()
        .flat_map(|&relevance| {
            let position = scale.position(relevance);
            table.color(rendering.color_position(position)).0
        })
        .collect();
    let (width, height) = (heatmap.width(), heatmap.height());
    RgbImage::from_raw(width.try_into()?, height.try_into()?, pixels)
        .with_context(|| format!("a heatmap of {width} x {height} pixels is too large to draw"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(values: &[f32], colormap: Colormap, normalization: Normalization) -> Vec<[u8; 3]> {
        let heatmap = Heatmap::new(values.len(), 1, values.to_vec()).unwrap();
        let rendering = Rendering { colormap, normalization, ..Rendering::default() };
        let picture = heatmap_picture(&heatmap, &rendering).unwrap();
        assert_eq!(picture.dimensions(), (values.len() as u32, 1));
        picture.pixels().map(|pixel| pixel.0).collect()
    }

    #[test]
    fn relevance_is_coloured_by_sign_and_size() {
        assert_eq!(
            draw(&[-2.0, -1.0, 0.0, 2.0], Colormap::ColdNHot, Normalization::Symmetric),
            [[0, 255, 255], [0, 0, 255], [0, 0, 0], [255, 255, 255]]
        );
        assert_eq!(
            draw(&[-2.0, 0.0, 1.0], Colormap::Gray, Normalization::Absolute),
            [[255, 255, 255], [0, 0, 0], [128, 128, 128]]
        );
        assert_eq!(
            draw(&[-2.0, 0.0, 2.0], Colormap::Bwr, Normalization::Unaligned),
            [[0, 0, 255], [255, 255, 255], [255, 0, 0]]
        );
    }

    #[test]
    fn absolute_relevance_takes_the_upper_half_of_a_diverging_map() {
        assert_eq!(
            draw(&[-2.0, 0.0, 1.0], Colormap::Bwr, Normalization::Absolute),
            [[255, 0, 0], [255, 255, 255], [255, 128, 128]]
        );
    }

    #[test]
    fn no_relevance_is_black_in_coldnhot() {
        assert_eq!(draw(&[0.0; 3], Colormap::ColdNHot, Normalization::Symmetric), [[0, 0, 0]; 3]);
    }

    #[test]
    fn settings_out_of_range_are_errors() {
        let heatmap = Heatmap::new(1, 1, vec![1.0]).unwrap();
        let wrong = |alpha, level| Rendering { alpha, level, ..Rendering::default() };
        for (alpha, level) in [(1.5, 1.0), (f32::NAN, 1.0), (0.5, 0.0), (0.5, f32::INFINITY)] {
            assert!(heatmap_picture(&heatmap, &wrong(alpha, level)).is_err());
        }
        let error = wrong(1.5, 1.0).check().unwrap_err();
        assert_eq!(error.to_string(), "alpha is 1.5; it must be between 0 and 1");
    }
}
