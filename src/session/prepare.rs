//! From what a user hands in to the network's input.

use std::borrow::Cow;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result as Checked, bail, ensure};
use image::DynamicImage;

use super::array::Array;
use super::context::Context;
use super::input::Input;
use super::notice::{Notice, Topic};
use super::photo::Photo;
use super::source::Source;
use crate::error::{Error, Kind, Result};
use crate::heatmap::Placement;
use crate::io::read_npy;
use crate::picture::{Layout, PictureFile, read_picture};
use crate::tensor::Tensor;

/// Whether a path names an array (`.npy`); everything else is read as a picture.
pub fn is_array_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

impl Context {
    /// Reads, resizes, crops and normalises a picture; checks an array.
    pub fn prepare(&self, source: Source) -> Result<Input> {
        match source {
            Source::Input(input) => self.checked(input),
            Source::Array(array) => {
                let prepared = match array.shape() == self.input.shape {
                    true => Ok(Input {
                        array: array.clone(),
                        photo: None,
                        window: None,
                        notices: vec![],
                    }),
                    false => self.array(array.shape(), array.values(), &"the array"),
                };
                finite(prepared, &"the array").kind(Error::Input)
            }
            Source::Picture(picture) => {
                let prepared = self.picture(Cow::Borrowed(picture), &"the picture");
                finite(prepared, &"the picture").kind(Error::Input)
            }
            Source::Path(path) => self.read(path),
        }
    }

    fn read(&self, path: &Path) -> Result<Input> {
        let name = path.display();
        let read = || match is_array_file(path) {
            true => {
                let (shape, values) = read_npy(path)?;
                self.array(&shape, &values, &format_args!("the tensor {name}"))
            }
            false => {
                self.preprocessor.as_ref().map_err(Clone::clone)?;
                let PictureFile { picture, doubts } = read_picture(path)?;
                let mut input = self.picture(Cow::Owned(picture), &name)?;
                let doubts = doubts.into_iter().map(|text| Notice::warning(Topic::Input, text));
                input.notices.extend(doubts);
                Ok(input)
            }
        };
        finite(read(), &name).kind(Error::Input)
    }

    /// An input that was prepared, by this session or another one.
    fn checked(&self, input: Input) -> Result<Input> {
        let (shape, expected) = (input.array.shape(), &self.input.shape);
        if shape != expected {
            let error = anyhow::anyhow!(
                "the input was prepared for another model: it has the shape {shape:?}, but the model takes {expected:?}"
            );
            return Err(Error::of(Error::Input, error));
        }
        Ok(input)
    }

    fn picture(&self, picture: Cow<DynamicImage>, name: &dyn Display) -> Checked<Input> {
        let preprocessor = self.preprocessor.as_ref().map_err(Clone::clone)?;
        let prepared =
            preprocessor.apply(&picture).with_context(|| format!("cannot preprocess {name}"))?;
        let window = prepared.window;
        let placement =
            Placement { x: window.x, y: window.y, width: window.width, height: window.height };
        let size = [picture.height() as usize, picture.width() as usize];
        let photo = || Photo::new(picture.into_owned().into_rgb8(), placement);
        Ok(Input {
            array: Tensor::new(&self.input.shape, &prepared.values)?.into(),
            photo: (!self.drops_pictures).then(|| Arc::new(photo())),
            window: Some((size, placement)),
            notices: vec![],
        })
    }

    fn array(&self, shape: &[usize], values: &[f32], name: &dyn Display) -> Checked<Input> {
        let takes = &self.input.shape;
        let without_batch = match shape {
            [1, rest @ ..] if shape.len() == takes.len() => rest,
            rest => rest,
        };
        if without_batch == &takes[1..] {
            let array = Tensor::new(takes, values)?.into();
            return Ok(Input { array, photo: None, window: None, notices: vec![] });
        }
        let Some((array, note)) = self.turned_to_layout(without_batch, values)? else {
            bail!(
                "cannot use {name}: it has the shape {shape:?}, but the model takes {:?} or {takes:?}",
                &takes[1..],
            );
        };
        let notices = vec![Notice::warning(Topic::Input, note)];
        Ok(Input { array, photo: None, window: None, notices })
    }

    /// An array whose channels are at the other end, turned to the model's layout.
    fn turned_to_layout(
        &self,
        shape: &[usize],
        values: &[f32],
    ) -> Checked<Option<(Array, String)>> {
        let (Some(picture), &[a, b, c]) = (self.input.picture, shape) else {
            return Ok(None);
        };
        let size = (picture.channels, picture.height, picture.width);
        let turned = match picture.layout {
            Layout::Nhwc if (a, b, c) == size => channels_last(values, picture.channels),
            Layout::Nchw if (c, a, b) == size => channels_first(values, picture.channels),
            _ => return Ok(None),
        };
        let array = Tensor::new(&self.input.shape, &turned)?.into();
        let note = format!(
            "the tensor of shape {shape:?} is turned to the model's {:?}",
            &self.input.shape[1..]
        );
        Ok(Some((array, note)))
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

/// The input, unless it holds numbers that are none.
fn finite(input: Checked<Input>, name: &dyn Display) -> Checked<Input> {
    let input = input?;
    let is_bad = |value: &&f32| !value.is_finite();
    let count = input.array.values().iter().filter(is_bad).count();
    let checked = || {
        ensure!(
            count == 0,
            "the tensor holds {count} values that are NaN or infinite; a network can make nothing of them"
        );
        Ok(())
    };
    checked().with_context(|| format!("cannot explain {name}"))?;
    Ok(input)
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
