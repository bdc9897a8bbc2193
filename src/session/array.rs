//! Numbers with a shape: what goes in where it is no picture, and what comes out.

use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::io::{Overwrite, read_npy, write_npy};
use crate::tensor::Tensor;

/// A dense array of `f32`, its last axis the fastest, as NumPy's default order has it. Cloning shares the numbers.
#[derive(Clone, Debug)]
pub struct Array(Tensor);

impl Array {
    /// An array of this shape with these numbers.
    ///
    /// # Errors
    /// [`Error::Input`] when there are more or fewer numbers than the shape has.
    pub fn new(shape: &[usize], values: &[f32]) -> Result<Array> {
        Ok(Array(Tensor::new(shape, values).kind(Error::Input)?))
    }

    /// Reads a `.npy` file; other number types become `f32`.
    ///
    /// # Errors
    /// [`Error::Input`] when it cannot be read or holds no numbers.
    pub fn read(path: impl AsRef<Path>) -> Result<Array> {
        let (shape, values) = read_npy(path.as_ref()).kind(Error::Input)?;
        Array::new(&shape, &values)
    }

    /// Writes a `.npy` file of float32; one that is there already is replaced.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let written = write_npy(path.as_ref(), self.shape(), self.values(), Overwrite::Replace);
        written.kind(Error::Io)
    }

    /// The length of every axis, outermost first.
    pub fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    /// The numbers in order.
    pub fn values(&self) -> &[f32] {
        self.0.data()
    }

    /// The numbers in order, as an owned list.
    pub fn into_values(self) -> Vec<f32> {
        self.0.data().to_vec()
    }

    /// The sum, accumulated in `f64`.
    pub fn sum(&self) -> f64 {
        self.0.sum()
    }

    /// The engine's array.
    #[doc(hidden)]
    pub fn tensor(&self) -> &Tensor {
        &self.0
    }

    /// The magnitudes of its numbers.
    pub(super) fn magnitudes(&self) -> Result<Array> {
        let values: Vec<f32> = self.values().iter().map(|value| value.abs()).collect();
        Array::new(self.shape(), &values)
    }

    /// Without the batch axis in front.
    pub(super) fn without_batch(tensor: Tensor) -> Result<Array> {
        let shape = tensor.shape()[1..].to_vec();
        Ok(Array(tensor.reshaped(&shape).kind(Error::Computation)?))
    }
}

impl From<Tensor> for Array {
    fn from(tensor: Tensor) -> Array {
        Array(tensor)
    }
}

/// Arrays are equal when their shapes and all their numbers are; NaN is not equal to itself.
impl PartialEq for Array {
    fn eq(&self, other: &Array) -> bool {
        self.shape() == other.shape() && self.values() == other.values()
    }
}
