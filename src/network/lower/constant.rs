//! Constants of the typed graph, read or not yet.

use std::sync::Arc;

use anyhow::Result;
use tract_core::internal::Tensor;

use crate::linear::Weight;
use crate::tensor::{StoredTensor, Tensor as Array};

/// What does not depend on the picture.
#[derive(Clone)]
pub(super) enum Constant {
    Read(Arc<Tensor>),
    Stored(Arc<StoredTensor>),
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

    /// As tract reads it.
    pub fn tensor(&self) -> Result<Arc<Tensor>> {
        Ok(match self {
            Constant::Read(tensor) => tensor.clone(),
            Constant::Stored(stored) => stored.load()?.to_tract()?,
        })
    }

    /// As layers hold it.
    pub fn array(&self) -> Result<Array> {
        Array::from_shared_tract(self.tensor()?)
    }

    /// As the weight of a linear layer, which need not be read yet.
    pub fn weight(&self) -> Result<Weight> {
        Ok(match self {
            Constant::Read(_) => self.array()?.into(),
            Constant::Stored(stored) => stored.clone().into(),
        })
    }
}
