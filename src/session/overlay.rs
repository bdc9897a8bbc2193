//! A heatmap over the picture that it belongs to, before it is drawn.

use std::sync::Arc;

use anyhow::Result as Checked;
use image::RgbImage;

use super::photo::SizedPhoto;
use crate::heatmap::{self, CropMark, Layer, Rendering, Scale, draw_frame};

/// A heatmap over its picture: it can be put on the scale of others before it is drawn.
pub struct Overlay {
    photo: SizedPhoto,
    layer: Layer,
    rendering: Rendering,
}

impl Overlay {
    pub(super) fn new(
        map: &heatmap::Heatmap,
        photo: SizedPhoto,
        rendering: &Rendering,
    ) -> Checked<Overlay> {
        let size = [photo.picture.width(), photo.picture.height()];
        let layer = Layer::new(map, photo.placement, size, rendering)?;
        Ok(Overlay { photo, layer, rendering: *rendering })
    }

    /// The scale of its colours.
    pub fn scale(&self) -> Scale {
        self.layer.scale()
    }

    /// The same on another scale.
    pub fn scaled(self, scale: Scale) -> Overlay {
        Overlay { layer: self.layer.scaled(scale), ..self }
    }

    /// The picture under it, with single pixels where it was enlarged.
    pub fn photo(&self) -> &Arc<RgbImage> {
        match self.photo.is_enlarged {
            true => &self.photo.original,
            false => &self.photo.picture,
        }
    }

    /// Whether each pixel of the picture became a square of several.
    pub fn is_enlarged(&self) -> bool {
        self.photo.is_enlarged
    }

    /// The part that the network saw, as shares of the picture's sides (left, top, width, height), where it is to be
    /// framed.
    pub fn frame(&self) -> Option<[f32; 4]> {
        let size = [self.photo.picture.width(), self.photo.picture.height()];
        let part = self.photo.placement.part_of(size);
        part.filter(|_| self.rendering.crop_mark == CropMark::Frame)
    }

    /// It, drawn without a frame.
    pub fn unmarked(&self) -> RgbImage {
        self.layer.over(&self.photo.picture, &self.rendering)
    }

    /// A drawn picture with the frame that the rendering asks for.
    pub fn marked(&self, mut picture: RgbImage) -> RgbImage {
        if self.rendering.crop_mark == CropMark::Frame {
            draw_frame(&mut picture, self.photo.placement);
        }
        picture
    }
}
