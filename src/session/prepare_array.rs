//! One input of the model from a picture, or from numbers of another shape.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;

use anyhow::{Context as _, Result as Checked, bail};
use image::DynamicImage;

use super::array::Array;
use super::context::InputContext;
use super::input::InputPart;
use super::notice::{Notice, Topic};
use super::photo::Photo;
use crate::heatmap::Placement;
use crate::io::ArrayFile;
use crate::picture::Layout;
use crate::tensor::Tensor;

impl InputContext {
    pub(super) fn picture(
        &self,
        picture: Cow<DynamicImage>,
        name: &dyn Display,
    ) -> Checked<InputPart> {
        let preprocessor = self.preprocessor.as_ref().map_err(Clone::clone)?;
        let prepared =
            preprocessor.apply(&picture).with_context(|| format!("cannot preprocess {name}"))?;
        let window = prepared.window;
        let placement =
            Placement { x: window.x, y: window.y, width: window.width, height: window.height };
        let size = [picture.height() as usize, picture.width() as usize];
        let photo = || Photo::new(picture.into_owned().into_rgb8(), placement);
        Ok(InputPart {
            array: Tensor::new(&self.model.shape, &prepared.values)?.into(),
            photo: (!self.drops_pictures).then(|| Arc::new(photo())),
            window: Some((size, placement)),
            names: None,
        })
    }

    /// The numbers of a file.
    pub(super) fn array_file(
        &self,
        file: ArrayFile,
        name: &dyn Display,
        notices: &mut Vec<Notice>,
    ) -> Checked<InputPart> {
        let ArrayFile { shape, values, names, is_table, note } = file;
        notices.extend(note.map(|note| Notice::detail(Topic::Input, note)));
        let names = names.map(Arc::from);
        if let (true, None, [steps, channels]) = (is_table, self.fitted(&shape), &shape[..])
            && let Some(array) = self.reshaped(&[*channels, *steps], &turned(&values, *channels))?
        {
            let text = format!(
                "the {steps} rows of {name} are the steps of the model's {:?}",
                &self.model.shape[1..]
            );
            notices.push(Notice::note(Topic::Input, text));
            return Ok(InputPart { array, photo: None, window: None, names });
        }
        if is_table && self.fitted(&shape).is_none() && self.fitted(&shape[1..]).is_some() {
            bail!(
                "cannot use {name}: it has {} rows, and the model takes {:?}, a single one: say which with {name}:0 for \
                 the first",
                shape[0],
                &self.model.shape[1..]
            );
        }
        let part = self.array(&shape, &values, &format_args!("the tensor {name}"), notices)?;
        Ok(InputPart { names, ..part })
    }

    pub(super) fn array(
        &self,
        shape: &[usize],
        values: &[f32],
        name: &dyn Display,
        notices: &mut Vec<Notice>,
    ) -> Checked<InputPart> {
        let takes = &self.model.shape;
        if let Some(array) = self.reshaped(shape, values)? {
            return Ok(InputPart { array, photo: None, window: None, names: None });
        }
        let without_batch = match shape {
            [1, rest @ ..] if shape.len() == takes.len() => rest,
            rest => rest,
        };
        let Some((array, note)) = self.turned_to_layout(without_batch, values)? else {
            bail!(
                "cannot use {name}: it has the shape {shape:?}, but the model takes {:?} or {takes:?}",
                &takes[1..],
            );
        };
        self.note(notices, note);
        Ok(InputPart { array, photo: None, window: None, names: None })
    }

    /// The model's shape, where a shape is the same but for axes of length one, which hold nothing apart.
    fn fitted(&self, shape: &[usize]) -> Option<&[usize]> {
        let longer = |shape: &[usize]| -> Vec<usize> {
            shape.iter().copied().filter(|&length| length != 1).collect()
        };
        (longer(shape) == longer(&self.model.shape)).then_some(&self.model.shape)
    }

    fn reshaped(&self, shape: &[usize], values: &[f32]) -> Checked<Option<Array>> {
        match self.fitted(shape) {
            Some(takes) => Ok(Some(Tensor::new(takes, values)?.into())),
            None => Ok(None),
        }
    }

    /// An array whose channels are at the other end, turned to the model's layout.
    fn turned_to_layout(
        &self,
        shape: &[usize],
        values: &[f32],
    ) -> Checked<Option<(Array, String)>> {
        let (Some(picture), &[a, b, c]) = (self.model.picture, shape) else {
            return Ok(None);
        };
        let size = (picture.channels, picture.height, picture.width);
        let turned = match picture.layout {
            Layout::Nhwc if (a, b, c) == size => channels_last(values, picture.channels),
            Layout::Nchw if (c, a, b) == size => turned(values, picture.channels),
            _ => return Ok(None),
        };
        let array = Tensor::new(&self.model.shape, &turned)?.into();
        let note = format!(
            "the tensor of shape {shape:?} is turned to the model's {:?}",
            &self.model.shape[1..]
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

/// The last axis, of the given length, becomes the first: `[H, W, C]` to `[C, H, W]`.
fn turned(values: &[f32], length: usize) -> Vec<f32> {
    let of = |channel: usize| values.iter().skip(channel).step_by(length.max(1)).copied();
    (0..length).flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_turn_into_each_other() {
        let first = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let last = channels_last(&first, 2);
        assert_eq!(last, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(turned(&last, 2), first);
    }
}
