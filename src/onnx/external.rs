//! Weights in other files: found beside the model, and nowhere else.
//!
//! A model may come from anywhere, so what it names must not lead out of its folder. Where the model is a link, as in
//! the cache of Hugging Face (`model.onnx -> ../../blobs/1f..`), the folder of the file itself counts as well.

use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Error, Result, bail, ensure};
use tract_onnx::pb::tensor_proto::DataLocation;
use tract_onnx::pb::{GraphProto, TensorProto};

use super::bytes::Bytes;
use super::decode::Span;

/// The files beside a model, each opened once.
pub(super) struct ExternalData {
    /// The real paths of the folder of the model, and of the file that a link to the model leads to.
    folders: Vec<PathBuf>,
    files: HashMap<PathBuf, Arc<Bytes>>,
}

impl ExternalData {
    /// The files beside a model.
    pub fn beside(model: &Path) -> ExternalData {
        let mut folders = vec![];
        let named = folder_of(model).canonicalize();
        let real = model.canonicalize().map(|model| folder_of(&model).to_path_buf());
        for folder in [named, real].into_iter().flatten() {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        ExternalData { folders, files: HashMap::new() }
    }

    /// Where the numbers of a tensor lie, if they do not lie in the model's own file.
    ///
    /// # Errors
    /// When they lie outside the folders, the file cannot be read, or it is too short.
    pub fn place(&mut self, stored: &TensorProto) -> Result<Option<(Arc<Bytes>, Span)>> {
        if !is_external(stored) {
            return Ok(None);
        }
        let mut placed = || -> Result<_> {
            let entry = |key: &str| stored.external_data.iter().find(|entry| entry.key == key);
            let location = entry("location").map_or("", |entry| entry.value.as_str());
            let bytes = self.file(location)?;
            let number = |key: &str, absent: u64| match entry(key) {
                Some(entry) => {
                    entry.value.parse().with_context(|| format!("its {key} is no number"))
                }
                None => Ok(absent),
            };
            let (offset, size) = (number("offset", 0)?, bytes.len()?);
            let rest = size.checked_sub(offset);
            let length = number("length", rest.unwrap_or(0))?;
            ensure!(
                rest.is_some_and(|rest| length <= rest),
                "its {length} bytes from {offset} on reach beyond the end of \"{location}\", which has {size}: the file \
                 is another one, or truncated"
            );
            Ok(Some((bytes, Span { offset, length })))
        };
        placed().with_context(|| format!("the weight \"{}\" lies in another file", stored.name))
    }

    /// Reads what the nodes themselves, and inner graphs, have in other files, so that nobody else looks for it.
    ///
    /// # Errors
    /// As [`ExternalData::place`].
    pub fn read_in_nodes(&mut self, graph: &mut GraphProto) -> Result<()> {
        for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
            for tensor in attribute.t.iter_mut().chain(&mut attribute.tensors) {
                self.read(tensor)?;
            }
            for inner in attribute.g.iter_mut().chain(&mut attribute.graphs) {
                inner.initializer.iter_mut().try_for_each(|tensor| self.read(tensor))?;
                self.read_in_nodes(inner)?;
            }
        }
        Ok(())
    }

    /// Reads the numbers of a tensor that lie in another file.
    ///
    /// # Errors
    /// As [`ExternalData::place`].
    pub fn read(&mut self, tensor: &mut TensorProto) -> Result<()> {
        if let Some((bytes, span)) = self.place(tensor)? {
            tensor.raw_data = vec![0; usize::try_from(span.length)?];
            bytes.read(span.offset, &mut tensor.raw_data)?;
            tensor.data_location = None;
            tensor.external_data.clear();
        }
        Ok(())
    }

    /// The file of a name, opened.
    fn file(&mut self, location: &str) -> Result<Arc<Bytes>> {
        let stays = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
        let outside = || {
            format!(
                "\"{location}\" is outside the model's own folder; this is refused, because a model may name any file"
            )
        };
        ensure!(Path::new(location).components().all(stays), outside());
        let mut missing = io::Error::from(io::ErrorKind::NotFound);
        let mut leads_outside = false;
        for folder in &self.folders {
            match folder.join(location).canonicalize() {
                // Through links too it must not leave the folders.
                Ok(path) if self.folders.iter().any(|folder| path.starts_with(folder)) => {
                    return self.open(path, location);
                }
                Ok(_) => leads_outside = true,
                Err(error) => missing = error,
            }
        }
        ensure!(!leads_outside, outside());
        Err(unreadable(location, missing))
    }

    fn open(&mut self, path: PathBuf, location: &str) -> Result<Arc<Bytes>> {
        if let Some(bytes) = self.files.get(&path) {
            return Ok(bytes.clone());
        }
        // A pipe would be waited for.
        ensure!(
            path.metadata().is_ok_and(|metadata| metadata.is_file()),
            "the model's weights lie in \"{location}\" beside it, which is no regular file"
        );
        let bytes = Bytes::open(&path).map_err(|error| unreadable(location, error))?;
        if let Some(what) = bytes.stands_for_another() {
            bail!(
                "the file \"{location}\" beside the model does not hold its weights: it is {what}"
            );
        }
        let bytes = Arc::new(bytes);
        self.files.insert(path, bytes.clone());
        Ok(bytes)
    }
}

fn unreadable(location: &str, error: io::Error) -> Error {
    Error::new(error).context(format!(
        "the model's weights lie in the file \"{location}\" beside it, which cannot be read: copy it along"
    ))
}

/// Whether the numbers of a tensor lie in another file.
pub(super) fn is_external(stored: &TensorProto) -> bool {
    stored.data_location == Some(DataLocation::External as i32)
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
