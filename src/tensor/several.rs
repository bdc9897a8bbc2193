//! A tensor for each of several values: the inputs of a network, or their relevance.

use std::ops::{Deref, DerefMut};

use anyhow::{Result, ensure};

use super::Tensor;

/// A tensor for each input of a network, in the network's order; mostly there is one.
#[derive(Clone, Debug)]
pub struct Tensors(Vec<Tensor>);

impl Tensors {
    /// The sum of all numbers, accumulated in `f64`.
    pub fn sum(&self) -> f64 {
        self.0.iter().map(Tensor::sum).sum()
    }

    /// `function` of every number.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn map(&self, function: impl Fn(f32) -> f32 + Send + Sync) -> Result<Tensors> {
        self.0.iter().map(|tensor| tensor.map(&function)).collect()
    }

    /// `function(own, other)` of every number and that in the same place of `others`.
    ///
    /// # Errors
    /// When there are more or fewer tensors, or they have other shapes.
    pub fn combined(
        mut self,
        others: &Tensors,
        function: impl Fn(f32, f32) -> f32 + Send + Sync,
    ) -> Result<Tensors> {
        ensure!(
            self.len() == others.len(),
            "{} tensors cannot be combined with {}",
            self.len(),
            others.len()
        );
        for (own, other) in self.iter_mut().zip(others.iter()) {
            own.combine([other], |own, [other]| function(own, other))?;
        }
        Ok(self)
    }
}

impl Deref for Tensors {
    type Target = [Tensor];

    fn deref(&self) -> &[Tensor] {
        &self.0
    }
}

impl DerefMut for Tensors {
    fn deref_mut(&mut self) -> &mut [Tensor] {
        &mut self.0
    }
}

impl AsRef<[Tensor]> for Tensors {
    fn as_ref(&self) -> &[Tensor] {
        &self.0
    }
}

/// One value stands for a list of one.
impl AsRef<[Tensor]> for Tensor {
    fn as_ref(&self) -> &[Tensor] {
        std::slice::from_ref(self)
    }
}

impl From<Tensor> for Tensors {
    fn from(tensor: Tensor) -> Tensors {
        Tensors(vec![tensor])
    }
}

impl From<Vec<Tensor>> for Tensors {
    fn from(tensors: Vec<Tensor>) -> Tensors {
        Tensors(tensors)
    }
}

impl FromIterator<Tensor> for Tensors {
    fn from_iter<I: IntoIterator<Item = Tensor>>(tensors: I) -> Tensors {
        Tensors(tensors.into_iter().collect())
    }
}

impl IntoIterator for Tensors {
    type Item = Tensor;
    type IntoIter = std::vec::IntoIter<Tensor>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
