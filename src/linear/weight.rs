//! The weight of a linear layer: in memory, or where the model is stored.

use std::sync::Arc;

use anyhow::Result;
use onnxplain_kernels::gemv::{WeightSource, WeightView};
use onnxplain_kernels::nchwc::Prepack;

use super::Signs;
use crate::tensor::{StoredTensor, Tensor, View};

/// The weight of a linear layer. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Weight(Numbers);

#[derive(Clone, Debug)]
enum Numbers {
    Held(Tensor),
    Stored(Arc<StoredTensor>),
}

impl Weight {
    /// The length of every axis, outermost first.
    pub fn shape(&self) -> &[usize] {
        match &self.0 {
            Numbers::Held(tensor) => tensor.shape(),
            Numbers::Stored(stored) => stored.shape(),
        }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weight as a tensor, shared or read from where it is stored.
    ///
    /// # Errors
    /// When the model's file cannot be read any more.
    pub fn load(&self) -> Result<Tensor> {
        match &self.0 {
            Numbers::Held(tensor) => Ok(tensor.clone()),
            Numbers::Stored(stored) => stored.load(),
        }
    }

    /// Reads the weight into memory, where it stays.
    ///
    /// # Errors
    /// When the model's file cannot be read any more.
    pub fn hold(&mut self) -> Result<()> {
        if let Numbers::Stored(stored) = &self.0 {
            *self = stored.load_unshared()?.into();
        }
        Ok(())
    }

    /// Changes its numbers, in memory.
    ///
    /// # Errors
    /// When the model's file cannot be read any more.
    pub fn change(&mut self, change: impl FnOnce(&mut [f32])) -> Result<()> {
        let nothing = Numbers::Held(Tensor::zeros(&[0])?);
        let mut tensor = match std::mem::replace(&mut self.0, nothing) {
            Numbers::Held(tensor) => tensor,
            Numbers::Stored(stored) => stored.load_unshared()?,
        };
        change(tensor.data_mut());
        *self = tensor.into();
        Ok(())
    }

    /// What a kernel takes along that reads the weight as it lies: where nothing is kept between passes, the
    /// place where it is stored.
    ///
    /// # Errors
    /// When the model's file cannot be read any more.
    pub(crate) fn taken_along(&self, prepack: Prepack) -> Result<Weight> {
        match prepack {
            Prepack::Once => Ok(self.load()?.into()),
            Prepack::OnTheFly => Ok(self.clone()),
        }
    }

    /// Where it is stored, unless it is in memory.
    pub(crate) fn stored(&self) -> Option<&Arc<StoredTensor>> {
        match &self.0 {
            Numbers::Held(_) => None,
            Numbers::Stored(stored) => Some(stored),
        }
    }

    /// The `len` numbers from place `first` on.
    ///
    /// # Errors
    /// When the model's file cannot be read any more.
    pub(crate) fn view(&self, first: usize, len: usize) -> Result<View<'_>> {
        match &self.0 {
            Numbers::Held(tensor) => {
                Ok(View::Lying(bytemuck::cast_slice(&tensor.data()[first..][..len])))
            }
            Numbers::Stored(stored) => stored.view(first, len),
        }
    }

    /// The signs that occur in it.
    pub fn signs(&self) -> Signs {
        match &self.0 {
            Numbers::Held(tensor) => Signs::of(tensor.data()),
            Numbers::Stored(stored) => {
                let [positive, negative] = stored.signs();
                Signs { positive, negative }
            }
        }
    }
}

impl From<Tensor> for Weight {
    fn from(tensor: Tensor) -> Weight {
        Weight(Numbers::Held(tensor))
    }
}

impl From<Arc<StoredTensor>> for Weight {
    fn from(stored: Arc<StoredTensor>) -> Weight {
        Weight(Numbers::Stored(stored))
    }
}

/// A weight as kernels read it, a few rows at a time.
pub(super) struct Rows<'a>(pub &'a Weight);

impl WeightSource for Rows<'_> {
    type Error = anyhow::Error;
    type View<'a>
        = View<'a>
    where
        Self: 'a;

    fn view(&self, first: usize, len: usize) -> Result<View<'_>> {
        self.0.view(first, len)
    }
}

impl WeightView for View<'_> {
    type Error = anyhow::Error;

    fn bytes(&self, first: usize, len: usize) -> Option<&[u8]> {
        self.lying(first, len)
    }

    fn read(&self, first: usize, weights: &mut [f32]) -> Result<()> {
        View::read(self, first, weights)
    }
}
