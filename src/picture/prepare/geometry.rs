//! Which pixels of a picture the network sees: the resized size, the crop in it, and the way back.
//!
//! Stands before resampling: size of the picture + steps + input shape -> **geometry** -> resized, cropped bytes.

use anyhow::{Result, bail, ensure};

use crate::picture::preprocess::{Crop, InputShape, Preprocessing, Target};
use crate::picture::resample::Region;

/// A rectangle of the original picture, in its pixels; (0, 0) is the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Extent to the right.
    pub width: f64,
    /// Extent downwards.
    pub height: f64,
}

/// What happens to a picture of one size; sizes are [height, width] in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Geometry {
    /// The size of the picture.
    pub(super) original: [usize; 2],
    /// The size it is resized to.
    pub(super) resized: [usize; 2],
    /// The part of the resized picture that the network sees.
    pub(super) region: Region,
}

impl Geometry {
    /// The geometry for a picture of `original` size.
    ///
    /// # Errors
    /// The resized picture does not have, or does not cover, the network's size.
    pub(super) fn new(
        steps: &Preprocessing,
        input: InputShape,
        original: [usize; 2],
    ) -> Result<Self> {
        ensure!(original.iter().all(|side| *side > 0), "the picture has no pixels");
        let resized = resized_size(steps.resize.target, input, original);
        let region = cut(steps.crop, input, resized)?;
        Ok(Self { original, resized, region })
    }

    /// The part of the original picture that the network sees.
    pub(super) fn window(&self) -> Window {
        let down = self.original[0] as f64 / self.resized[0] as f64;
        let across = self.original[1] as f64 / self.resized[1] as f64;
        Window {
            x: self.region.left as f64 * across,
            y: self.region.top as f64 * down,
            width: self.region.width as f64 * across,
            height: self.region.height as f64 * down,
        }
    }
}

fn resized_size(target: Target, input: InputShape, original: [usize; 2]) -> [usize; 2] {
    let [height, width] = original;
    let short_side = |side: usize| {
        if width <= height { [side * height / width, side] } else { [side, side * width / height] }
    };
    match target {
        Target::Unchanged => original,
        Target::Input => [input.height, input.width],
        Target::Exact(size) => size,
        Target::ShortSide(side) => short_side(side),
        Target::CropFraction(fraction) => {
            let covered = |side: usize| (side as f64 / fraction).floor();
            let (tall, wide) = (covered(input.height), covered(input.width));
            if tall == wide {
                short_side(tall as usize)
            } else {
                let ratio = (height as f64 / tall).min(width as f64 / wide);
                original.map(|side| (side as f64 / ratio).round_ties_even() as usize)
            }
        }
    }
}

fn cut(crop: Crop, input: InputShape, resized: [usize; 2]) -> Result<Region> {
    let [height, width] = resized;
    if crop == Crop::None && (height, width) != (input.height, input.width) {
        bail!(
            "after resizing, the picture is {height}x{width} (height x width), but the network takes {}x{} and no \
             crop is set: use a plain resize or a center crop",
            input.height,
            input.width
        );
    }
    ensure!(
        height >= input.height && width >= input.width,
        "after resizing, the picture is {height}x{width} (height x width), which does not cover the network's {}x{}: \
         use a larger short side or a plain resize",
        input.height,
        input.width
    );
    // As torchvision's CenterCrop: Python rounds halves to the even number.
    let margin = |whole: usize, part: usize| ((whole - part) as f64 / 2.0).round_ties_even();
    Ok(Region {
        top: margin(height, input.height) as usize,
        left: margin(width, input.width) as usize,
        height: input.height,
        width: input.width,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::preprocess::{Filter, Layout, Resize};

    fn input(height: usize, width: usize) -> InputShape {
        InputShape { channels: 3, height, width, layout: Layout::Nchw }
    }

    fn resized(target: Target) -> Preprocessing {
        let filter = Filter::Bilinear;
        Preprocessing { resize: Resize { target, filter }, ..Preprocessing::default() }
    }

    #[test]
    fn window_is_the_crop_undone() {
        let window = |target| {
            let geometry = Geometry::new(&resized(target), input(8, 8), [20, 40]).unwrap();
            let Window { x, y, width, height } = geometry.window();
            [x, y, width, height]
        };
        assert_eq!(window(Target::ShortSide(10)), [12.0, 2.0, 16.0, 16.0]);
        assert_eq!(window(Target::Input), [0.0, 0.0, 40.0, 20.0]);
        assert_eq!(window(Target::Exact([10, 16])), [10.0, 2.0, 20.0, 16.0]);
    }

    #[test]
    fn crop_margins_round_halves_to_even() {
        let steps = resized(Target::Unchanged);
        let region = Geometry::new(&steps, input(16, 16), [19, 17]).unwrap().region;
        assert_eq!((region.left, region.top), (0, 2));
    }

    #[test]
    fn resized_sizes() {
        let square = input(224, 224);
        for (target, original, expected) in [
            (Target::ShortSide(256), [300, 451], [256, 384]),
            (Target::ShortSide(256), [451, 300], [384, 256]),
            (Target::CropFraction(0.95), [300, 300], [235, 235]),
        ] {
            assert_eq!(resized_size(target, square, original), expected);
        }
        // As timm: floor(112 / 0.875) = 128 and floor(224 / 0.875) = 256 must both be covered.
        let wide = input(112, 224);
        for (original, expected) in [([300, 400], [192, 256]), ([100, 400], [128, 512])] {
            assert_eq!(resized_size(Target::CropFraction(0.875), wide, original), expected);
        }
    }

    #[test]
    fn a_picture_that_does_not_fit_says_so() {
        let message = |steps: &Preprocessing| {
            let geometry = Geometry::new(steps, input(16, 16), [20, 40]);
            geometry.unwrap_err().to_string()
        };
        assert!(message(&resized(Target::ShortSide(8))).contains("8x16"));
        let uncropped = Preprocessing { crop: Crop::None, ..resized(Target::ShortSide(16)) };
        assert!(
            message(&uncropped).contains("16x32 (height x width), but the network takes 16x16")
        );
        assert!(Geometry::new(&uncropped, input(16, 16), [0, 4]).is_err());
    }
}
