//! An input as the network takes it.

use std::sync::Arc;

use image::RgbImage;

use super::array::Array;
use super::notice::Notice;
use super::photo::Photo;
use crate::heatmap::Placement;

/// What a model is asked about: the numbers of each of its inputs that is explained, and the picture they were made
/// from. Cloning shares the numbers and the picture.
#[derive(Clone, Debug)]
pub struct Input {
    /// One for each input of the model that is explained, in its order.
    pub(super) parts: Vec<InputPart>,
    pub(super) notices: Vec<Notice>,
}

/// The numbers of one input of the model.
#[derive(Clone, Debug)]
pub(super) struct InputPart {
    pub array: Array,
    pub photo: Option<Arc<Photo>>,
    /// For a picture: its `[height, width]`, and the part of it that the network sees.
    pub window: Option<([usize; 2], Placement)>,
    /// What the elements are called: the columns of a table, the words of a text.
    pub names: Option<Arc<[String]>>,
}

impl InputPart {
    /// The ids called by the words of a text; those behind the last word by themselves.
    pub fn with_words(self, words: &[String]) -> InputPart {
        let ids = self.array.values().iter().enumerate();
        let names =
            ids.map(|(place, id)| words.get(place).cloned().unwrap_or_else(|| id.to_string()));
        InputPart { names: Some(names.collect()), ..self }
    }
}

impl Input {
    /// The values in the model's shape, the batch axis (1) included: of the first input, where there are several.
    pub fn array(&self) -> &Array {
        &self.parts[0].array
    }

    /// The values of every input that is explained, in the model's order.
    pub fn arrays(&self) -> impl Iterator<Item = &Array> {
        self.parts.iter().map(|part| &part.array)
    }

    /// The picture that it was made from; `None` where no input is a picture, or where pictures are not kept.
    pub fn picture(&self) -> Option<&RgbImage> {
        self.parts.iter().find_map(|part| part.photo.as_ref()).map(|photo| &*photo.picture)
    }

    /// For a picture: its `[height, width]`, and the part of it that the network sees.
    #[doc(hidden)]
    pub fn window(&self) -> Option<([usize; 2], Placement)> {
        self.parts.iter().find_map(|part| part.window)
    }

    /// What should be known about it.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }
}
