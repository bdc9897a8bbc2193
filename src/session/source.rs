//! What is explained: a file, a decoded picture, an array, or an input that is prepared already.

use std::path::{Path, PathBuf};

use image::DynamicImage;

use super::array::Array;
use super::input::Input;

/// What is explained.
///
/// Functions take `impl Into<Source>`, so that a path, a picture or an array can be handed in as it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source<'a> {
    /// A picture file (PNG, JPEG, WebP, BMP, TIFF, GIF), or a `.npy` file of an array.
    Path(&'a Path),
    /// A decoded picture: it is resized, cropped and normalised as the model wants it.
    Picture(&'a DynamicImage),
    /// The network's input, prepared already, in the model's shape with or without the batch axis.
    Array(&'a Array),
    /// What [`Session::prepare`](crate::Session::prepare) made.
    Input(Input),
}

impl<'a> From<&'a Path> for Source<'a> {
    fn from(path: &'a Path) -> Source<'a> {
        Source::Path(path)
    }
}

impl<'a> From<&'a PathBuf> for Source<'a> {
    fn from(path: &'a PathBuf) -> Source<'a> {
        Source::Path(path)
    }
}

impl<'a> From<&'a str> for Source<'a> {
    fn from(path: &'a str) -> Source<'a> {
        Source::Path(Path::new(path))
    }
}

impl<'a> From<&'a &str> for Source<'a> {
    fn from(path: &'a &str) -> Source<'a> {
        Source::Path(Path::new(*path))
    }
}

impl<'a> From<&'a String> for Source<'a> {
    fn from(path: &'a String) -> Source<'a> {
        Source::Path(Path::new(path))
    }
}

impl<'a> From<&'a DynamicImage> for Source<'a> {
    fn from(picture: &'a DynamicImage) -> Source<'a> {
        Source::Picture(picture)
    }
}

impl<'a> From<&'a Array> for Source<'a> {
    fn from(array: &'a Array) -> Source<'a> {
        Source::Array(array)
    }
}

impl From<Input> for Source<'_> {
    fn from(input: Input) -> Self {
        Source::Input(input)
    }
}

impl From<&Input> for Source<'_> {
    fn from(input: &Input) -> Self {
        Source::Input(input.clone())
    }
}
