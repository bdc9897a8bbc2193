//! Constants of the typed graph: in memory, or still in the model file.

use std::sync::Arc;

use anyhow::Result;
use tract_core::internal::Tensor;

use crate::linear::Weight;
use crate::tensor::{LazyTensor, Tensor as Array};

/// A value that does not depend on the picture.
#[derive(Clone)]
pub(super) enum Constant {
    Read(Arc<Tensor>),
    Stored(Arc<LazyTensor>),
}

impl Constant {
    /// A parameter of the network.
    pub fn of(parameter: &Weight) -> Result<Constant> {
        Ok(match parameter.stored() {
            Some(stored) => Constant::Stored(stored.clone()),
            None => Constant::Read(parameter.load()?.to_tract()?),
        })
    }

    /// The length of every axis.
    pub fn shape(&self) -> &[usize] {
        match self {
            Constant::Read(tensor) => tensor.shape(),
            Constant::Stored(stored) => stored.shape(),
        }
    }

    /// As a tensor of tract's.
    pub fn tensor(&self) -> Result<Arc<Tensor>> {
        Ok(match self {
            Constant::Read(tensor) => tensor.clone(),
            Constant::Stored(stored) => stored.load()?.to_tract()?,
        })
    }

    /// As a tensor of ours.
    pub fn array(&self) -> Result<Array> {
        Array::from_shared_tract(self.tensor()?)
    }

    /// As the weight of a linear layer, which is not read yet if it is in the model file.
    pub fn weight(&self) -> Result<Weight> {
        Ok(match self {
            Constant::Read(_) => self.array()?.into(),
            Constant::Stored(stored) => stored.clone().into(),
        })
    }
}
