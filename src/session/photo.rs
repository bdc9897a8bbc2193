//! The picture that an input was made from, and its size under a heatmap.

use std::sync::{Arc, Mutex, PoisonError};

use image::RgbImage;
use image::imageops::{self, FilterType};

use crate::heatmap::Placement;

/// Pictures that are larger on their longest side are made smaller under a heatmap, where the user does not say.
const MOST: u32 = 1600;

/// Pictures that are smaller on their longest side are enlarged under a heatmap, where the user does not say.
const SMALL: u32 = 200;

/// The least size to which small pictures are enlarged.
const LEAST: u32 = 256;

/// A picture, and the part of it that the network sees.
#[derive(Debug)]
pub(super) struct Photo {
    pub picture: Arc<RgbImage>,
    pub placement: Placement,
    /// It, in the size that was asked for last.
    sized: Mutex<Option<SizedPhoto>>,
}

/// A photo in the size of an overlay.
#[derive(Clone, Debug)]
pub(super) struct SizedPhoto {
    pub picture: Arc<RgbImage>,
    /// As it was read.
    pub original: Arc<RgbImage>,
    /// The part that the network sees.
    pub placement: Placement,
    /// Whether each pixel of the photo became a square of several.
    pub is_enlarged: bool,
}

impl Photo {
    /// A picture, of which the network sees the part at `placement`.
    pub fn new(picture: RgbImage, placement: Placement) -> Photo {
        Photo { picture: Arc::new(picture), placement, sized: Mutex::new(None) }
    }

    /// The photo with a longest side of `longest` pixels; by default as it is, unless that is very small or large.
    pub fn sized(&self, longest: Option<u32>) -> SizedPhoto {
        let size = size([self.picture.width(), self.picture.height()], longest);
        let mut known = self.sized.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sized) = &*known
            && sized.picture.dimensions() == (size[0], size[1])
        {
            return sized.clone();
        }
        known.insert(self.resized(size)).clone()
    }

    fn resized(&self, [width, height]: [u32; 2]) -> SizedPhoto {
        let (from_width, from_height) = self.picture.dimensions();
        let is_enlarged = from_width.max(from_height) < SMALL && width > from_width;
        let picture = match (from_width, from_height) {
            same if same == (width, height) => Arc::clone(&self.picture),
            _ if is_enlarged => {
                imageops::resize(&*self.picture, width, height, FilterType::Nearest).into()
            }
            _ if width > from_width => {
                imageops::resize(&*self.picture, width, height, FilterType::Triangle).into()
            }
            // The mean of the pixels that become one.
            _ => imageops::thumbnail(&*self.picture, width, height).into(),
        };
        let across = f64::from(width) / f64::from(from_width.max(1));
        let down = f64::from(height) / f64::from(from_height.max(1));
        let Placement { x, y, width, height } = self.placement;
        let placement =
            Placement { x: x * across, y: y * down, width: width * across, height: height * down };
        SizedPhoto { picture, original: Arc::clone(&self.picture), placement, is_enlarged }
    }
}

/// The size under a heatmap.
fn size([width, height]: [u32; 2], longest: Option<u32>) -> [u32; 2] {
    let side = width.max(height).max(1);
    let wanted = match longest {
        Some(longest) => longest.max(1),
        None if side > MOST => MOST,
        // By a whole number, so that all pixels become squares of one size.
        None if side < SMALL => side * LEAST.div_ceil(side),
        None => side,
    };
    let scaled = |length: u32| {
        let exact = f64::from(length) * f64::from(wanted) / f64::from(side);
        (exact.round() as u32).max(1)
    };
    [scaled(width), scaled(height)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_photos_shrink_and_tiny_pictures_grow_by_whole_numbers() {
        assert_eq!(size([4032, 3024], None), [1600, 1200]);
        assert_eq!(size([451, 300], None), [451, 300]);
        assert_eq!(size([32, 32], None), [256, 256]);
        assert_eq!(size([28, 14], None), [280, 140]);
        assert_eq!(size([1, 1], None), [256, 256]);
        assert_eq!(size([4000, 1], Some(100)), [100, 1]);
    }

    #[test]
    fn the_part_that_the_network_saw_grows_with_the_photo() {
        let placement = Placement { x: 2.0, y: 0.0, width: 4.0, height: 4.0 };
        let photo = Photo::new(RgbImage::from_fn(8, 4, |x, _| image::Rgb([x as u8; 3])), placement);
        let sized = photo.sized(Some(16));
        assert_eq!(sized.placement, Placement { x: 4.0, y: 0.0, width: 8.0, height: 8.0 });
        assert!(sized.is_enlarged);
        let row: Vec<u8> = (0..16).map(|x| sized.picture.get_pixel(x, 3).0[0]).collect();
        assert_eq!(row, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]);
        // The same size is the same picture; another one is made anew.
        assert!(Arc::ptr_eq(&photo.sized(Some(16)).picture, &sized.picture));
        assert!(Arc::ptr_eq(&photo.sized(Some(8)).picture, &photo.picture));
    }
}
