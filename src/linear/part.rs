//! Parts of weights that are tensors, or lie in the model's file.

use anyhow::Result;

use super::WeightPart;
use crate::tensor::{Tensor, View};

impl WeightPart {
    /// The part of every element.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn of_tensor(self, weights: &Tensor) -> Result<Tensor> {
        match self {
            WeightPart::Plain => Ok(weights.clone()),
            _ => {
                let mut part = Tensor::zeros(weights.shape())?;
                self.write(weights.data(), part.data_mut());
                Ok(part)
            }
        }
    }

    /// The part of as many weights as there is room for, from place `first` of a view on, as bytes: themselves where
    /// they lie, or written to the room.
    ///
    /// # Errors
    /// When they cannot be read any more.
    pub(crate) fn of_view<'a>(
        self,
        view: &'a View,
        first: usize,
        room: &'a mut [f32],
    ) -> Result<&'a [u8]> {
        match view.lying(first, room.len()) {
            Some(bytes) if self == WeightPart::Plain => Ok(bytes),
            _ => {
                view.read(first, room)?;
                self.apply(room);
                Ok(bytemuck::cast_slice(room))
            }
        }
    }
}
