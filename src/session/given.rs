//! An input that a session is opened with.

use std::path::PathBuf;
use std::sync::Arc;

use image::DynamicImage;

use super::array::Array;
use super::input::Input;
use super::source::Source;
use crate::error::{Error, Kind, Result};
use crate::io::{is_array_file, read_array};
use crate::onnx::GivenInput;
use crate::tensor::Tensor;

/// An input by its name.
#[derive(Clone, Debug)]
pub(super) struct GivenSource {
    pub name: String,
    data: Data,
}

/// A source that is kept.
#[derive(Clone, Debug)]
enum Data {
    Path(PathBuf),
    Bytes(Arc<[u8]>),
    Picture(Arc<DynamicImage>),
    Array(Array),
    Input(Input),
}

impl GivenSource {
    /// Keeps a source; of several by name, each under its own.
    pub fn new(name: String, source: Source) -> Vec<GivenSource> {
        let data = match source {
            Source::Path(path) => Data::Path(path.to_path_buf()),
            Source::Bytes(bytes) => Data::Bytes(bytes.into()),
            Source::Picture(picture) => Data::Picture(Arc::new(picture.clone())),
            Source::Array(array) => Data::Array(array.clone()),
            Source::Input(input) => Data::Input(input),
            Source::Named(sources) => {
                let all = sources.into_iter();
                return all.flat_map(|(name, source)| GivenSource::new(name, source)).collect();
            }
        };
        vec![GivenSource { name, data }]
    }

    /// The source.
    pub fn source(&self) -> Source<'_> {
        match &self.data {
            Data::Path(path) => path.into(),
            Data::Bytes(bytes) => (&**bytes).into(),
            Data::Picture(picture) => (&**picture).into(),
            Data::Array(array) => array.into(),
            Data::Input(input) => input.into(),
        }
    }

    /// Its numbers, for loading the model; `None` for a picture, which becomes numbers only as the model wants it.
    pub fn array(&self) -> Result<Option<GivenInput>> {
        let given = |shape: Vec<usize>, values: Tensor, is_table| {
            Some(GivenInput {
                name: Some(self.name.clone()),
                shape,
                values: Some(values),
                is_table,
            })
        };
        match &self.data {
            Data::Path(path) if is_array_file(path) => {
                let file = read_array(path).kind(Error::Input)?;
                let values = Tensor::new(&file.shape, &file.values).kind(Error::Input)?;
                Ok(given(file.shape, values, file.is_table))
            }
            Data::Array(array) => Ok(given(array.shape().to_vec(), array.tensor().clone(), false)),
            Data::Input(input) if input.parts.len() == 1 => {
                let array = input.array();
                Ok(given(array.shape().to_vec(), array.tensor().clone(), false))
            }
            _ => Ok(None),
        }
    }
}
