//! An input as the network takes it.

use std::sync::Arc;

use image::RgbImage;

use super::array::Array;
use super::notice::Notice;
use super::photo::Photo;
use crate::heatmap::Placement;

/// An input as the network takes it, with the picture it was made from. Cloning shares the numbers and the picture.
#[derive(Clone, Debug)]
pub struct Input {
    pub(super) array: Array,
    pub(super) photo: Option<Arc<Photo>>,
    /// For a picture: its `[height, width]`, and the part of it that the network sees.
    pub(super) window: Option<([usize; 2], Placement)>,
    pub(super) notices: Vec<Notice>,
}

impl Input {
    /// The values in the model's shape, the batch axis (1) included.
    pub fn array(&self) -> &Array {
        &self.array
    }

    /// The picture that it was made from; `None` for an array, or where pictures are not kept.
    pub fn picture(&self) -> Option<&RgbImage> {
        self.photo.as_ref().map(|photo| &*photo.picture)
    }

    /// For a picture: its `[height, width]`, and the part of it that the network sees.
    #[doc(hidden)]
    pub fn window(&self) -> Option<([usize; 2], Placement)> {
        self.window
    }

    /// What should be known about it.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }
}
