//! What is explained: a file, its bytes, a decoded picture, an array, or an input that is prepared already.

use std::path::{Path, PathBuf};

use image::DynamicImage;

use super::array::Array;
use super::input::Input;

/// What is explained.
///
/// Functions take `impl Into<Source>`, so that a path, a picture or an array can be handed in as it is; a model of several
/// inputs takes a list of them by name:
///
/// ```no_run
/// # fn main() -> Result<(), onnxplain::Error> {
/// use onnxplain::{Array, Session, Source};
///
/// let session = Session::open("patient.onnx")?;
/// let age_and_pulse = Array::new(&[2], &[61.0, 72.0])?;
/// let explanation =
///     session.explain([("scan", Source::from("scan.png")), ("record", Source::from(&age_and_pulse))])?;
/// for (name, relevance) in explanation.inputs() {
///     println!("{name}: {}", relevance.sum());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Source<'a> {
    /// A picture file (PNG, JPEG, WebP, BMP, TIFF, GIF), or a file of numbers (`.npy`, `.npz`, CSV, WAV).
    Path(&'a Path),
    /// The bytes of a picture file, which came over a network or out of an archive.
    Bytes(&'a [u8]),
    /// A decoded picture: it is resized, cropped and normalised as the model wants it.
    Picture(&'a DynamicImage),
    /// The network's input, prepared already, in the model's shape with or without the batch axis.
    Array(&'a Array),
    /// A source for each of several inputs, by name. Those that are left out are what the session was opened with.
    Named(Vec<(String, Source<'a>)>),
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

impl<'a> From<&'a [u8]> for Source<'a> {
    fn from(bytes: &'a [u8]) -> Source<'a> {
        Source::Bytes(bytes)
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

impl<'a, N: Into<String>, const COUNT: usize> From<[(N, Source<'a>); COUNT]> for Source<'a> {
    fn from(sources: [(N, Source<'a>); COUNT]) -> Source<'a> {
        Source::Named(sources.map(|(name, source)| (name.into(), source)).into())
    }
}

impl<'a> From<Vec<(String, Source<'a>)>> for Source<'a> {
    fn from(sources: Vec<(String, Source<'a>)>) -> Source<'a> {
        Source::Named(sources)
    }
}
