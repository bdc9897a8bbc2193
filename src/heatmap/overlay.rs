//! Render, overlay part 2: blend a heatmap onto the original picture.

use anyhow::Result;
use image::{Rgb, RgbImage};
use rayon::prelude::*;

use super::resample::{Window, resample};
use super::{ColorTable, CropMark, Heatmap, Placement, Rendering, Scale};

/// The overlay saturates at this quantile of |R|. A few pixels have much more relevance than the others: scaled to the
/// maximum, the overlays of photos would be almost empty.
const SATURATION_QUANTILE: f64 = 0.995;

/// How the photo is faded, so that colours show relevance.
struct Fading {
    /// Share of the photo's colour that is removed, 0..=1.
    desaturation: f32,
    /// Share of the colour map's neutral brightness that is mixed in, 0..=1.
    neutral: f32,
}

const FADED: Fading = Fading { desaturation: 0.7, neutral: 0.25 };

/// What the network did not see, where that is marked by brightness.
const DIMMED: Fading = Fading { desaturation: 0.85, neutral: 0.6 };

/// A heatmap at the resolution of a picture, where it lies on it, with the scale of its colours.
pub struct Layer {
    window: Window,
    scale: Scale,
}

impl Layer {
    /// Brings `heatmap` to the resolution of a picture of `width` x `height` pixels.
    ///
    /// `placement` says which part of the picture the network saw. The overlay is for reading: the heatmap is smoothed
    /// by about one of its pixels, and for [`Normalization::Symmetric`](super::Normalization::Symmetric) and `Absolute`
    /// the colours saturate at the 99.5 % quantile of |R| in the window (never below max|R| / 10) instead of the
    /// maximum. [`heatmap_picture`](super::heatmap_picture) does neither.
    ///
    /// # Errors
    /// When the rendering has a number out of range or the placement covers no pixel of the picture.
    pub fn new(
        heatmap: &Heatmap,
        placement: Placement,
        [width, height]: [u32; 2],
        rendering: &Rendering,
    ) -> Result<Layer> {
        rendering.check()?;
        let window = resample(heatmap, placement, width as usize, height as usize)?;
        let Rendering { normalization, level, .. } = *rendering;
        let scale =
            Scale::fit_to_quantile(&window.values, SATURATION_QUANTILE, normalization, level);
        Ok(Layer { window, scale })
    }

    /// The scale of its colours.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The same on another scale, which it may share with others.
    pub fn scaled(self, scale: Scale) -> Layer {
        Layer { scale, ..self }
    }

    /// Blends it onto a picture of the size that it was made for. What the network did not see is kept, but faded.
    ///
    /// Opacity grows with the strength of the relevance: where there is none the photo shows, somewhat desaturated.
    pub fn over(&self, picture: &RgbImage, rendering: &Rendering) -> RgbImage {
        let Layer { window, scale, .. } = self;
        let blend = Blend::new(*scale, rendering);
        let width = picture.width() as usize;
        let mut overlay = picture.clone();
        let rows = overlay.par_chunks_exact_mut(3 * width.max(1)).enumerate();
        rows.for_each(|(y, row)| {
            if !window.rows.contains(&y) {
                blend.fade_outside(row);
                return;
            }
            let (left, rest) = row.split_at_mut(3 * window.columns.start);
            let (inside, right) = rest.split_at_mut(3 * window.columns.len());
            blend.fade_outside(left);
            blend.fade_outside(right);
            let first = (y - window.rows.start) * window.columns.len();
            blend.color_inside(inside, &window.values[first..]);
        });
        overlay
    }
}

/// The settings that all pixels of an overlay share.
struct Blend<'a> {
    rendering: &'a Rendering,
    scale: Scale,
    table: ColorTable,
    neutral: [f32; 3],
}

impl<'a> Blend<'a> {
    fn new(scale: Scale, rendering: &'a Rendering) -> Self {
        let table = rendering.colormap.table();
        let neutral = table.color(rendering.color_position(rendering.normalization.neutral()));
        Self { rendering, scale, table, neutral: neutral.0.map(f32::from) }
    }

    fn fade_outside(&self, pixels: &mut [u8]) {
        let fading = if self.rendering.crop_mark == CropMark::Dim { &DIMMED } else { &FADED };
        for pixel in pixels.chunks_exact_mut(3) {
            let faded = fade(pixel, fading, luma(self.neutral));
            for (to, value) in pixel.iter_mut().zip(faded) {
                *to = to_byte(value);
            }
        }
    }

    fn color_inside(&self, pixels: &mut [u8], relevance: &[f32]) {
        for (pixel, &relevance) in pixels.chunks_exact_mut(3).zip(relevance) {
            let photo = fade(pixel, &FADED, luma(self.neutral));
            self.color(photo, relevance, pixel);
        }
    }

    /// Blends the photo with the colour of a pixel, by its opacity and by alpha.
    ///
    /// Both the photo and the colour are taken as distances from the neutral colour. So weak
    /// relevance glows on the photo in a map with a black middle and tints it in one with a
    /// white middle, instead of covering it with the near-black or near-white of the map.
    fn color(&self, photo: [f32; 3], relevance: f32, pixel: &mut [u8]) {
        let normalization = self.rendering.normalization;
        let position = self.scale.position(relevance);
        // The square root makes weak relevance visible.
        let opacity = self.rendering.alpha * normalization.strength(position).sqrt();
        let Rgb(color) = self.table.color(self.rendering.color_position(position));
        for (channel, to) in pixel.iter_mut().enumerate() {
            let neutral = self.neutral[channel];
            let from_photo = (1.0 - opacity) * (photo[channel] - neutral);
            let from_color = self.rendering.alpha * (f32::from(color[channel]) - neutral);
            *to = to_byte(neutral + from_photo + from_color);
        }
    }
}

/// Removes colour, and moves the brightness towards that of the neutral colour: the photo becomes dark for a map with a
/// black middle, and pale for one with a white middle.
fn fade(pixel: &[u8], fading: &Fading, neutral: f32) -> [f32; 3] {
    let mut faded = [0.0; 3];
    for (to, &from) in faded.iter_mut().zip(pixel) {
        *to = f32::from(from);
    }
    let gray = luma(faded);
    for value in &mut faded {
        let grayish = *value + fading.desaturation * (gray - *value);
        *value = grayish + fading.neutral * (neutral - grayish);
    }
    faded
}

/// Brightness with the weights of ITU-R BT.601, as in JPEG.
fn luma([red, green, blue]: [f32; 3]) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// Rounds to 0..=255.
fn to_byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::super::{Colormap, Normalization};
    use super::*;

    fn overlay(
        picture: &RgbImage,
        heatmap: &Heatmap,
        placement: Placement,
        rendering: &Rendering,
    ) -> Result<RgbImage> {
        let size = [picture.width(), picture.height()];
        Ok(Layer::new(heatmap, placement, size, rendering)?.over(picture, rendering))
    }

    fn gray(width: u32, height: u32) -> RgbImage {
        RgbImage::from_pixel(width, height, Rgb([100; 3]))
    }

    fn constant(relevance: f32) -> Heatmap {
        Heatmap::new(4, 4, vec![relevance; 16]).unwrap()
    }

    fn rendering(colormap: Colormap) -> Rendering {
        Rendering { colormap, alpha: 0.8, ..Rendering::default() }
    }

    /// The pixel that gray 100 becomes under constant relevance.
    fn pixel(relevance: f32, rendering: &Rendering) -> [u8; 3] {
        let whole = Placement::whole(6, 6);
        let overlay = overlay(&gray(6, 6), &constant(relevance), whole, rendering).unwrap();
        assert!(overlay.pixels().all(|pixel| pixel == overlay.get_pixel(0, 0)));
        overlay.get_pixel(0, 0).0
    }

    #[test]
    fn no_relevance_shows_the_faded_photo() {
        // 25 % of the way from gray 100 to black, to white.
        assert_eq!(pixel(0.0, &rendering(Colormap::ColdNHot)), [75; 3]);
        assert_eq!(pixel(0.0, &rendering(Colormap::Bwr)), [139; 3]);
    }

    #[test]
    fn full_relevance_shows_the_colour_with_the_opacity_asked_for() {
        // 20 % of the faded photo, 80 % of the colour.
        let dark = rendering(Colormap::ColdNHot);
        assert_eq!(pixel(3.0, &dark), [219, 219, 219]);
        assert_eq!(pixel(-3.0, &dark), [15, 219, 219]);
        assert_eq!(pixel(3.0, &rendering(Colormap::Bwr)), [232, 28, 28]);
        let transparent = Rendering { alpha: 0.0, ..dark };
        assert_eq!(pixel(3.0, &transparent), [75; 3]);
        let opaque = Rendering { alpha: 1.0, ..dark };
        assert_eq!(pixel(-3.0, &opaque), [0, 255, 255]);
    }

    #[test]
    fn weak_relevance_glows_on_the_photo() {
        // Strength 1/4, so half of alpha is the opacity: 0.6 * 75 of the photo stay, and
        // 0.8 of coldnhot's colour at 0.625, which is (191, 0, 0), comes on top.
        let mut values = vec![4.0; 8];
        values.extend([1.0; 24]);
        let heatmap = Heatmap::new(1, 32, values).unwrap();
        let overlay = overlay(
            &gray(3, 32),
            &heatmap,
            Placement::whole(3, 32),
            &rendering(Colormap::ColdNHot),
        )
        .unwrap();
        assert_eq!(overlay.get_pixel(1, 2).0, [219; 3]);
        assert_eq!(overlay.get_pixel(1, 28).0, [198, 45, 45]);
    }

    #[test]
    fn colours_of_the_photo_are_toned_down() {
        let red = RgbImage::from_pixel(2, 2, Rgb([255, 0, 0]));
        let show = |placement| {
            let crop_mark = CropMark::Dim;
            let rendering = Rendering { crop_mark, ..rendering(Colormap::ColdNHot) };
            let overlay = overlay(&red, &constant(0.0), placement, &rendering).unwrap();
            overlay.get_pixel(0, 0).0
        };
        assert_eq!(show(Placement::whole(2, 2)), [97, 40, 40]);
        let right_half = Placement { x: 1.0, width: 1.0, ..Placement::whole(2, 2) };
        assert_eq!(show(right_half), [41, 26, 26]);
    }

    #[test]
    fn the_picture_outside_the_window_is_kept_but_faded() {
        let placement = Placement { x: 2.0, y: 1.0, width: 3.0, height: 2.0 };
        for (crop_mark, outside) in [(CropMark::Dim, 40), (CropMark::None, 75)] {
            let rendering = Rendering { crop_mark, ..rendering(Colormap::ColdNHot) };
            let overlay = overlay(&gray(8, 5), &constant(0.0), placement, &rendering).unwrap();
            assert_eq!(overlay.dimensions(), (8, 5));
            for (x, y, pixel) in overlay.enumerate_pixels() {
                let inside = (2..5).contains(&x) && (1..3).contains(&y);
                assert_eq!(pixel.0, [if inside { 75 } else { outside }; 3], "{x} {y}");
            }
        }
    }

    #[test]
    fn a_padded_window_is_cut_at_the_picture() {
        let placement = Placement { x: -2.0, y: -2.0, width: 12.0, height: 12.0 };
        // Relevance in the padding, left and above, does not reach far into the picture.
        let values = (0..144).map(|index| f32::from(u8::from(index % 12 < 2 || index < 24)));
        let heatmap = Heatmap::new(12, 12, values.collect()).unwrap();
        let rendering = rendering(Colormap::ColdNHot);
        let overlay = overlay(&gray(8, 8), &heatmap, placement, &rendering).unwrap();
        assert_eq!(overlay.get_pixel(7, 7).0, [75; 3]);
        assert!(overlay.get_pixel(0, 0).0[0] > 150);
    }

    #[test]
    fn absolute_relevance_ignores_the_sign() {
        let absolute =
            Rendering { normalization: Normalization::Absolute, ..rendering(Colormap::ColdNHot) };
        assert_eq!(pixel(-3.0, &absolute), [219; 3]);
        assert_eq!(pixel(0.0, &absolute), [75; 3]);
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        let whole = Placement::whole(6, 6);
        let wrong = Rendering { alpha: -0.1, ..Rendering::default() };
        assert!(overlay(&gray(6, 6), &constant(1.0), whole, &wrong).is_err());
        let fine = Rendering::default();
        assert!(overlay(&gray(0, 0), &constant(1.0), whole, &fine).is_err());
        let beside = Placement { x: 6.0, ..whole };
        let error = overlay(&gray(6, 6), &constant(1.0), beside, &fine).unwrap_err();
        assert!(error.to_string().contains("covers no pixel"), "{error}");
    }
}
