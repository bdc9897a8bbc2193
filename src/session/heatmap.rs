//! Relevance as a picture.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result as Checked};
use image::RgbImage;

use super::array::Array;
use super::input::Input;
use super::overlay::Overlay;
use super::photo::Photo;
use crate::error::{Error, Kind, Result};
use crate::heatmap::{self, Positions, Rendering, Scale, heatmap_picture, scaled_picture};
use crate::io::{Overwrite, write_png};
use crate::picture::{InputShape, Layout};

/// The relevance of every pixel of the network's input, summed over its channels, and how it is drawn.
#[derive(Clone, Debug)]
pub struct Heatmap {
    map: heatmap::Heatmap,
    photo: Option<Arc<Photo>>,
    rendering: Rendering,
}

impl Heatmap {
    pub(super) fn new(
        map: heatmap::Heatmap,
        photo: Option<Arc<Photo>>,
        rendering: Rendering,
    ) -> Heatmap {
        Heatmap { map, photo, rendering }
    }

    /// A map of the network's size, row by row, over the picture of an input.
    ///
    /// # Errors
    /// [`Error::Rendering`] when there are more or fewer values than pixels.
    #[doc(hidden)]
    pub fn of_input(
        input: &Input,
        values: &[f32],
        [height, width]: [usize; 2],
        rendering: Rendering,
    ) -> Result<Heatmap> {
        let layout = heatmap::Layout::ChannelsFirst;
        let map = heatmap::Heatmap::from_relevance(values, [1, height, width], layout);
        Ok(Heatmap::new(map.kind(Error::Rendering)?, input.photo.clone(), rendering))
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.map.width()
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.map.height()
    }

    /// The relevance row by row: signed, not normalised, finite.
    pub fn values(&self) -> &[f32] {
        self.map.values()
    }

    /// How it is drawn. Default: as suits the method.
    pub fn rendering(&self) -> Rendering {
        self.rendering
    }

    /// The same, drawn in another way.
    pub fn rendered(mut self, rendering: Rendering) -> Heatmap {
        self.rendering = rendering;
        self
    }

    /// The heatmap alone, in the size of the network's input.
    ///
    /// # Errors
    /// [`Error::Rendering`] when the rendering has a number out of range.
    pub fn picture(&self) -> Result<RgbImage> {
        heatmap_picture(&self.map, &self.rendering).kind(Error::Rendering)
    }

    /// The heatmap over the picture, in the size that the rendering says.
    ///
    /// # Errors
    /// [`Error::Rendering`] when the input was no picture, or it was not kept, or the rendering has a number out of
    /// range.
    pub fn overlay(&self) -> Result<RgbImage> {
        let overlay = self.laid_over()?;
        Ok(overlay.marked(overlay.unmarked()))
    }

    /// Whether there is a picture to lay it over.
    #[doc(hidden)]
    pub fn has_photo(&self) -> bool {
        self.photo.is_some()
    }

    /// The heatmap over the picture, to be put on a scale that it shares with others.
    ///
    /// # Errors
    /// As [`Heatmap::overlay`].
    #[doc(hidden)]
    pub fn laid_over(&self) -> Result<Overlay> {
        let lay = || {
            let photo = self.photo.as_ref();
            let photo = photo.context("an overlay needs a picture, and the input is a tensor")?;
            Overlay::new(&self.map, photo.sized(self.rendering.overlay_size), &self.rendering)
        };
        lay().kind(Error::Rendering)
    }

    /// The scale of the colours of [`Heatmap::picture`].
    #[doc(hidden)]
    pub fn scale(&self) -> Scale {
        let Rendering { normalization, level, .. } = self.rendering;
        Scale::fit(self.map.values(), normalization, level)
    }

    /// The heatmap alone, on a scale that it shares with others.
    ///
    /// # Errors
    /// As [`Heatmap::picture`].
    #[doc(hidden)]
    pub fn scaled_picture(&self, scale: Scale) -> Result<RgbImage> {
        scaled_picture(&self.map, scale, &self.rendering).kind(Error::Rendering)
    }

    /// Writes the heatmap alone as a PNG; a file that is there already is replaced.
    ///
    /// # Errors
    /// [`Error::Rendering`], or [`Error::Io`] when the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_png(path.as_ref(), &self.picture()?, Overwrite::Replace).kind(Error::Io)
    }

    /// Writes the heatmap over the picture as a PNG; a file that is there already is replaced.
    ///
    /// # Errors
    /// [`Error::Rendering`], or [`Error::Io`] when the file cannot be written.
    pub fn save_overlay(&self, path: impl AsRef<Path>) -> Result<()> {
        write_png(path.as_ref(), &self.overlay()?, Overwrite::Replace).kind(Error::Io)
    }
}

/// Where relevance lies on the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canvas {
    picture: Option<InputShape>,
    /// For the relevance of an inner layer's value: its places, where it has any.
    inner: Option<Option<Positions>>,
}

impl Canvas {
    /// For relevance of this shape (without the batch axis), that of an inner layer or of the input.
    pub fn of(picture: Option<InputShape>, shape: &[usize], is_inner: bool) -> Canvas {
        let positions = || Positions::of(shape, picture.map(|it| [it.height, it.width])?);
        Canvas { picture, inner: is_inner.then(positions) }
    }

    /// Whether relevance has a place on the picture.
    pub fn has_positions(self) -> bool {
        !matches!(self.inner, Some(None))
    }

    /// The relevance of every pixel.
    pub fn heatmap(self, relevance: &Array) -> Checked<heatmap::Heatmap> {
        if let (Some(positions), Some(picture)) = (self.inner, self.picture) {
            let positions = positions.context("the layer has no positions")?;
            let heatmap = positions.heatmap(relevance.values())?;
            return heatmap.enlarged(picture.width, picture.height);
        }
        let layout = match self.picture.map(|picture| picture.layout) {
            Some(Layout::Nhwc) => heatmap::Layout::ChannelsLast,
            _ => heatmap::Layout::ChannelsFirst,
        };
        let shape: [usize; 3] = relevance.shape().try_into().context("no picture's shape")?;
        heatmap::Heatmap::from_relevance(relevance.values(), shape, layout)
    }
}
