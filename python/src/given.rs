//! What is explained, from Python: a path, the bytes of a file, a picture of Pillow's, an array, or several by their names.

use std::path::PathBuf;

use onnxplain::image::{DynamicImage, ImageBuffer};
use onnxplain::{Array, Session, Source};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::errors::{InputError, raised_plain};

/// An input that is read from Python, and belongs to Rust.
pub struct Given {
    content: Content,
    /// What errors, reports and figures call it.
    pub name: String,
}

enum Content {
    Path(PathBuf),
    Bytes(Vec<u8>),
    Picture(DynamicImage),
    Array(Array),
    Named(Vec<(String, Given)>),
}

impl<'a> From<&'a Given> for Source<'a> {
    fn from(given: &'a Given) -> Source<'a> {
        match &given.content {
            Content::Path(path) => Source::Path(path),
            Content::Bytes(bytes) => Source::Bytes(bytes),
            Content::Picture(picture) => Source::Picture(picture),
            Content::Array(array) => Source::Array(array),
            Content::Named(named) => {
                let sources = named.iter().map(|(name, given)| (name.clone(), given.into()));
                Source::Named(sources.collect())
            }
        }
    }
}

impl Given {
    /// Reads what one input is made of; for a model that takes no pictures, bytes are numbers as others are.
    ///
    /// # Errors
    /// InputError for what is none of these things.
    pub fn read(given: &Bound<'_, PyAny>, takes_pictures: bool) -> PyResult<Given> {
        if let Some(path) = path(given)? {
            let name = path.display().to_string();
            return Ok(Given { content: Content::Path(path), name });
        }
        if let Ok(bytes) = given.cast::<PyBytes>() {
            let content = Content::Bytes(bytes.as_bytes().to_vec());
            return Ok(Given { content, name: "the picture".to_string() });
        }
        if let Ok(named) = given.cast::<PyDict>() {
            let read = |(name, given): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
                Ok((name.extract::<String>()?, Given::read(&given, takes_pictures)?))
            };
            let named = named.iter().map(read).collect::<PyResult<Vec<_>>>()?;
            return Ok(Given { content: Content::Named(named), name: "the inputs".to_string() });
        }
        if is_pillow(given)? {
            let name = pillow_name(given).unwrap_or_else(|| "the picture".to_string());
            return Ok(Given { content: Content::Picture(pillow(given)?), name });
        }
        let array = numpy_array(given)?;
        let shape: Vec<usize> = array.getattr("shape")?.extract()?;
        let is_bytes = array.getattr("dtype")?.getattr("str")?.extract::<String>()? == "|u1";
        let content = match is_bytes && takes_pictures {
            true => Content::Picture(pixels(&array, &shape)?),
            false => Content::Array(Array::new(&shape, &numbers(&array)?).map_err(raised_plain)?),
        };
        let name = match content {
            Content::Picture(_) => "the picture",
            _ => "the array",
        };
        Ok(Given { content, name: name.to_string() })
    }

    /// Reads many inputs: the items of a list or tuple, else the parts along an array's first axis.
    ///
    /// # Errors
    /// As [`Given::read`], naming the place.
    pub fn read_all(given: &Bound<'_, PyAny>, takes_pictures: bool) -> PyResult<Vec<Given>> {
        let is_single = given.cast::<PyString>().is_ok()
            || given.cast::<PyBytes>().is_ok()
            || given.cast::<PyDict>().is_ok()
            || path(given)?.is_some()
            || is_pillow(given)?;
        if is_single {
            return Err(InputError::new_err(
                "a batch is a list of inputs, or an array whose first axis counts them; for one input there is explain()",
            ));
        }
        let items: Bound<'_, PyAny> =
            match given.cast::<PyList>().is_ok() || given.cast::<PyTuple>().is_ok() {
                true => given.clone(),
                false if given.hasattr("__array__")? || given.hasattr("__array_interface__")? => {
                    numpy_array(given)?
                }
                false => given.clone(),
            };
        let read = |(place, item): (usize, PyResult<Bound<'_, PyAny>>)| {
            Given::read(&item?, takes_pictures)
                .map(|given| given.at(place))
                .map_err(|error| at_place(given.py(), place, error))
        };
        items.try_iter()?.enumerate().map(read).collect()
    }

    /// Whether it is a path.
    pub fn is_file(&self) -> bool {
        matches!(self.content, Content::Path(_))
    }

    /// The same as one of a batch.
    fn at(self, place: usize) -> Given {
        match self.is_file() {
            true => self,
            false => Given { name: format!("{} {place}", self.name), ..self },
        }
    }
}

/// Whether the model takes pictures: for others bytes are numbers as others are.
pub fn takes_pictures(session: &Session) -> bool {
    session.preprocessing().is_ok()
}

/// An error of one input of a batch, with its place.
fn at_place(py: Python<'_>, place: usize, error: PyErr) -> PyErr {
    match error.is_instance_of::<InputError>(py) {
        true => InputError::new_err(format!("input {place}: {}", error.value(py))),
        false => error,
    }
}

/// The path, where it is one.
fn path(given: &Bound<'_, PyAny>) -> PyResult<Option<PathBuf>> {
    let is_path = given.cast::<PyString>().is_ok() || given.hasattr("__fspath__")?;
    is_path.then(|| given.extract::<PathBuf>()).transpose()
}

/// Whether it is one of Pillow's pictures, without importing Pillow.
fn is_pillow(given: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(given.hasattr("mode")? && given.hasattr("tobytes")? && given.hasattr("getbands")?)
}

/// The name of the file that Pillow read.
fn pillow_name(picture: &Bound<'_, PyAny>) -> Option<String> {
    let name: String = picture.getattr("filename").ok()?.extract().ok()?;
    Some(name).filter(|name| !name.is_empty())
}

/// A picture of Pillow's. Its pixels are taken as they are: a rotation that stands in a photo's EXIF data is not made.
fn pillow(picture: &Bound<'_, PyAny>) -> PyResult<DynamicImage> {
    let mode: String = picture.getattr("mode")?.extract()?;
    let has_transparency = || picture.getattr("info")?.contains("transparency");
    let wanted = match mode.as_str() {
        "L" | "LA" | "RGB" | "RGBA" | "I;16" => mode.as_str(),
        "1" => "L",
        "La" => "LA",
        "RGBa" | "PA" => "RGBA",
        "P" if has_transparency()? => "RGBA",
        "P" | "RGBX" | "CMYK" | "YCbCr" | "LAB" | "HSV" => "RGB",
        _ => {
            return Err(InputError::new_err(format!(
                "a picture of Pillow's mode {mode} has no fixed range of values: convert it to L or RGB first"
            )));
        }
    };
    let converted = match wanted == mode {
        true => picture.clone(),
        false => picture.call_method1("convert", (wanted,))?,
    };
    let (width, height): (u32, u32) = converted.getattr("size")?.extract()?;
    let bytes = converted.call_method0("tobytes")?;
    let bytes = bytes.cast::<PyBytes>()?.as_bytes();
    let made = match wanted {
        "I;16" => {
            let values = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            ImageBuffer::from_raw(width, height, values.collect()).map(DynamicImage::ImageLuma16)
        }
        "L" => picture_of(width, height, 1, bytes),
        "LA" => picture_of(width, height, 2, bytes),
        "RGB" => picture_of(width, height, 3, bytes),
        _ => picture_of(width, height, 4, bytes),
    };
    made.ok_or_else(|| InputError::new_err("the picture has not as many bytes as pixels"))
}

/// A picture of so many bytes a pixel: grey, grey with opacity, RGB, RGB with opacity.
fn picture_of(width: u32, height: u32, channels: usize, bytes: &[u8]) -> Option<DynamicImage> {
    let bytes = bytes.to_vec();
    match channels {
        1 => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageLuma8),
        2 => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageLumaA8),
        3 => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageRgb8),
        4 => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageRgba8),
        _ => None,
    }
}

/// An array of bytes as a picture: height x width, or height x width x channels.
fn pixels(array: &Bound<'_, PyAny>, shape: &[usize]) -> PyResult<DynamicImage> {
    let sides = match *shape {
        [height, width] => Some((height, width, 1)),
        [height, width, channels @ 1..=4] => Some((height, width, channels)),
        _ => None,
    };
    let bytes = array.call_method0("tobytes")?;
    let bytes = bytes.cast::<PyBytes>()?.as_bytes();
    let made = sides.and_then(|(height, width, channels)| {
        picture_of(width.try_into().ok()?, height.try_into().ok()?, channels, bytes)
    });
    made.ok_or_else(|| {
        InputError::new_err(format!(
            "an array of bytes (uint8) is a picture: height x width, or height x width x 1 to 4 channels, but this one has \
             the shape {shape:?}; what is the network's input already is given as float32"
        ))
    })
}

/// Anything as an array of NumPy; a tensor of torch's is taken off its graph and its device.
fn numpy_array<'py>(given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let given = match given.hasattr("detach")? && given.hasattr("cpu")? {
        true => given.call_method0("detach")?.call_method0("cpu")?,
        false => given.clone(),
    };
    let array = given.py().import("numpy")?.call_method1("asarray", (given,))?;
    let kind: String = array.getattr("dtype")?.getattr("kind")?.extract()?;
    match kind.as_str() {
        "b" | "i" | "u" | "f" => Ok(array),
        _ => {
            let found = array.getattr("dtype")?.str()?;
            Err(InputError::new_err(format!(
                "an input is a path, a picture, an array of numbers, or a dict of them by name; this is an array of {found}"
            )))
        }
    }
}

/// The numbers of an array in order.
fn numbers(array: &Bound<'_, PyAny>) -> PyResult<Vec<f32>> {
    let numpy = array.py().import("numpy")?;
    let single = numpy.call_method1("ascontiguousarray", (array, "<f4"))?;
    let bytes = single.call_method0("tobytes")?;
    let bytes = bytes.cast::<PyBytes>()?.as_bytes().chunks_exact(4);
    Ok(bytes.map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).collect())
}
