//! Relevance as a picture.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result as Checked};
use image::RgbImage;

use super::array::Array;
use super::frame::Frame;
use super::input::{Input, InputPart};
use super::overlay::Overlay;
use crate::error::{Error, Kind, Result};
use crate::heatmap::{self, Rendering, Scale, scaled_picture};
use crate::io::{Overwrite, write_png};

/// The relevance of every pixel of the network's input, summed over its channels, and how it is drawn. Of what is no
/// picture (a signal, a row of a table, a text, a volume), the relevance of every number, and a plot of it.
#[derive(Clone, Debug)]
pub struct Heatmap {
    map: heatmap::Heatmap,
    frame: Arc<Frame>,
    relevance: Array,
    input: InputPart,
    rendering: Rendering,
}

impl Heatmap {
    pub(super) fn new(
        frame: Frame,
        relevance: Array,
        input: InputPart,
        rendering: Rendering,
    ) -> Checked<Heatmap> {
        let map = frame.heatmap(&relevance)?;
        Ok(Heatmap { map, frame: frame.into(), relevance, input, rendering })
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
        let shape = [1, height, width];
        let relevance = Array::new(&shape, values)?;
        let heatmap =
            Heatmap::new(Frame::of_picture(&shape), relevance, input.parts[0].clone(), rendering);
        heatmap.kind(Error::Rendering)
    }

    /// Pixels in a row; of what is no picture, the length of its last axis.
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

    /// The heatmap alone, in the size of the network's input; of what is no picture, a plot of the relevance alone.
    ///
    /// # Errors
    /// [`Error::Rendering`] when the rendering has a number out of range.
    pub fn picture(&self) -> Result<RgbImage> {
        self.draw(None).kind(Error::Rendering)
    }

    /// The heatmap over the picture, in the size that the rendering says; of what is no picture, a plot of the input with
    /// its relevance as colour.
    ///
    /// # Errors
    /// [`Error::Rendering`] when the input is an array in the shape of a picture, or the picture was not kept, or the
    /// rendering has a number out of range.
    pub fn overlay(&self) -> Result<RgbImage> {
        if self.is_plot() {
            return self.draw(Some(self.input.array.values())).kind(Error::Rendering);
        }
        let overlay = self.laid_over()?;
        Ok(overlay.marked(overlay.unmarked()))
    }

    /// Whether it is drawn as a plot of its own, not as a map of pixels.
    #[doc(hidden)]
    pub fn is_plot(&self) -> bool {
        self.frame.shows_values()
    }

    /// Whether there is a picture to lay it over.
    #[doc(hidden)]
    pub fn has_photo(&self) -> bool {
        self.input.photo.is_some() && !self.is_plot()
    }

    /// The heatmap over the picture, to be put on a scale that it shares with others.
    ///
    /// # Errors
    /// As [`Heatmap::overlay`].
    #[doc(hidden)]
    pub fn laid_over(&self) -> Result<Overlay> {
        let lay = || {
            let photo = self.input.photo.as_ref();
            let photo = photo.context("an overlay needs a picture, and the input is a tensor")?;
            Overlay::new(&self.map, photo.sized(self.rendering.overlay_size), &self.rendering)
        };
        lay().kind(Error::Rendering)
    }

    /// The scale of the colours of [`Heatmap::picture`], and of a plot that [`Heatmap::overlay`] draws.
    #[doc(hidden)]
    pub fn scale(&self) -> Scale {
        let Rendering { normalization, level, .. } = self.rendering;
        Scale::fit(&self.frame.drawn(&self.map, &self.relevance), normalization, level)
    }

    /// The heatmap alone, on a scale that it shares with others.
    ///
    /// # Errors
    /// As [`Heatmap::picture`].
    #[doc(hidden)]
    pub fn scaled_picture(&self, scale: Scale) -> Result<RgbImage> {
        scaled_picture(&self.map, scale, &self.rendering).kind(Error::Rendering)
    }

    fn draw(&self, values: Option<&[f32]>) -> Checked<RgbImage> {
        let names = self.input.names.as_deref();
        self.frame.draw(&self.map, &self.relevance, (values, names), &self.rendering)
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
