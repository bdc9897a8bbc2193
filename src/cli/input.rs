//! Reading what is to be explained: a picture, or a tensor that is preprocessed already.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use image::RgbImage;

use onnxplain::heatmap::Placement;
use onnxplain::io::read_npy;
use onnxplain::onnx::ModelInput;
use onnxplain::picture::{InputShape, Layout, Preprocessor, decode};
use onnxplain::tensor::Tensor;

/// Reads inputs for one model.
pub struct InputReader {
    /// Shape of the model's input, the batch axis included.
    shape: Vec<usize>,
    picture: Option<InputShape>,
    /// Needed for pictures only.
    preprocessor: Option<Preprocessor>,
}

/// An input as the network takes it.
pub struct Input {
    pub tensor: Tensor,
    /// The picture it was made from, and which part of it the network sees; `None` for a tensor.
    pub photo: Option<(RgbImage, Placement)>,
    /// What should be said about it.
    pub notes: Vec<String>,
}

/// Whether a path names a tensor; everything else is read as a picture.
pub fn is_tensor(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

impl InputReader {
    /// A reader for a model; `preprocessor` may be missing where no input is a picture.
    pub fn new(model: &ModelInput, preprocessor: Option<Preprocessor>) -> InputReader {
        InputReader { shape: model.shape.clone(), picture: model.picture, preprocessor }
    }

    /// The preprocessing of pictures.
    pub fn preprocessor(&self) -> Option<&Preprocessor> {
        self.preprocessor.as_ref()
    }

    /// Whether relevance has the shape of a picture.
    pub fn is_drawable(&self) -> bool {
        self.shape.len() == 4
    }

    /// Reads one input; the photo is kept where `needs_photo` says so.
    pub fn read(&self, path: &Path, needs_photo: bool) -> Result<Input> {
        let input = match is_tensor(path) {
            true => self.read_tensor(path),
            false => self.read_picture(path, needs_photo),
        }?;
        ensure_finite(&input.tensor)
            .with_context(|| format!("cannot explain {}", path.display()))?;
        Ok(input)
    }

    fn read_picture(&self, path: &Path, needs_photo: bool) -> Result<Input> {
        let preprocessor = self.preprocessor.as_ref();
        let preprocessor = preprocessor.context("there is no preprocessing for pictures")?;
        let picture = decode(path)?;
        let prepared = preprocessor
            .apply(&picture)
            .with_context(|| format!("cannot preprocess {}", path.display()))?;
        let window = prepared.window;
        let placement =
            Placement { x: window.x, y: window.y, width: window.width, height: window.height };
        Ok(Input {
            tensor: Tensor::new(&self.shape, &prepared.values)?,
            photo: needs_photo.then(|| (picture.into_rgb8(), placement)),
            notes: vec![],
        })
    }

    fn read_tensor(&self, path: &Path) -> Result<Input> {
        let (shape, values) = read_npy(path)?;
        let without_batch = match shape.as_slice() {
            [1, rest @ ..] if shape.len() == self.shape.len() => rest,
            rest => rest,
        };
        let photo = None;
        if without_batch == &self.shape[1..] {
            let tensor = Tensor::new(&self.shape, &values)?;
            let notes = vec![];
            return Ok(Input { tensor, photo, notes });
        }
        let Some((tensor, note)) = self.turned_to_layout(without_batch, &values)? else {
            bail!(
                "cannot use the tensor {}: it has the shape {shape:?}, but the model takes {:?} or {:?}",
                path.display(),
                &self.shape[1..],
                self.shape
            );
        };
        Ok(Input { tensor, photo, notes: vec![format!("{}: {note}", path.display())] })
    }

    /// A tensor whose channels are at the other end, turned to the model's layout.
    fn turned_to_layout(
        &self,
        shape: &[usize],
        values: &[f32],
    ) -> Result<Option<(Tensor, String)>> {
        let (Some(picture), &[a, b, c]) = (self.picture, shape) else {
            return Ok(None);
        };
        let size = (picture.channels, picture.height, picture.width);
        let turned = match picture.layout {
            Layout::Nhwc if (a, b, c) == size => channels_last(values, picture.channels),
            Layout::Nchw if (c, a, b) == size => channels_first(values, picture.channels),
            _ => return Ok(None),
        };
        let tensor = Tensor::new(&self.shape, &turned)?;
        let note = format!(
            "the tensor of shape {shape:?} is turned to the model's {:?}",
            &self.shape[1..]
        );
        Ok(Some((tensor, note)))
    }
}

/// `[C, H, W]` to `[H, W, C]`.
fn channels_last(values: &[f32], channels: usize) -> Vec<f32> {
    let plane = values.len() / channels.max(1);
    let pixel = |index: usize| (0..channels).map(move |channel| values[channel * plane + index]);
    (0..plane).flat_map(pixel).collect()
}

/// `[H, W, C]` to `[C, H, W]`.
fn channels_first(values: &[f32], channels: usize) -> Vec<f32> {
    let of = |channel: usize| values.iter().skip(channel).step_by(channels.max(1)).copied();
    (0..channels).flat_map(of).collect()
}

fn ensure_finite(tensor: &Tensor) -> Result<()> {
    let is_bad = |value: &&f32| !value.is_finite();
    let count = tensor.data().iter().filter(is_bad).count();
    ensure!(
        count == 0,
        "the tensor holds {count} values that are NaN or infinite; a network can make nothing of them"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_turn_into_each_other() {
        let first = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let last = channels_last(&first, 2);
        assert_eq!(last, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(channels_first(&last, 2), first);
    }
}
