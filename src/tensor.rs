//! The one array type of the engine: dense `f32`, row-major, cheap to share.
//!
//! A [`Tensor`] wraps a tract tensor whose element type and storage were
//! checked once, so that a linear map can hand it to a tract kernel without a
//! copy while the rest of the crate reads plain slices.

mod blocks;
mod stored;

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use tract_core::internal::IntoArcTensor;
use tract_core::prelude::{DatumType, IntoTValue, TValue, Tensor as TractTensor};

pub(crate) use self::blocks::{constant_to_blocks, to_blocks, to_rows};
#[cfg(test)]
pub(crate) use self::stored::tests::Counting;
pub(crate) use self::stored::{Store, StoredTensor, View};
use crate::parallel::{for_each_chunk, map_chunks};
use onnxplain_kernels::elementwise;

/// A dense, row-major `f32` array. Cloning shares the storage.
#[derive(Clone, Debug)]
pub struct Tensor(Arc<TractTensor>);

impl Tensor {
    /// An array of zeros.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn zeros(shape: &[usize]) -> Result<Tensor> {
        let tensor = TractTensor::zero_dt(DatumType::F32, shape)
            .with_context(|| format!("no memory for a tensor of shape {shape:?}"))?;
        Tensor::from_tract(tensor)
    }

    /// An array whose elements are still to be written, every one of them, before any is read.
    ///
    /// Filling the results of every kernel with zeros first cost 11 % of a MobileNetV2's time.
    ///
    /// # Errors
    /// When the memory cannot be had.
    #[allow(unsafe_code)]
    pub(crate) fn unwritten(shape: &[usize]) -> Result<Tensor> {
        // SAFETY: any bits are a number; callers write all of them before they read one.
        let tensor = unsafe { TractTensor::uninitialized_dt(DatumType::F32, shape) };
        Tensor::from_tract(tensor.with_context(|| format!("no memory for {shape:?} numbers"))?)
    }

    /// An array with every element equal to `value`.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn filled(shape: &[usize], value: f32) -> Result<Tensor> {
        let mut tensor = Tensor::zeros(shape)?;
        tensor.data_mut().fill(value);
        Ok(tensor)
    }

    /// An array of the given shape, its elements copied from `data` in row-major order.
    ///
    /// # Errors
    /// When `data` does not hold as many elements as `shape` says.
    pub fn new(shape: &[usize], data: &[f32]) -> Result<Tensor> {
        ensure!(
            shape.iter().product::<usize>() == data.len(),
            "a tensor of shape {shape:?} cannot hold {} elements",
            data.len()
        );
        let mut tensor = Tensor::zeros(shape)?;
        tensor.data_mut().copy_from_slice(data);
        Ok(tensor)
    }

    /// Takes over a tract tensor; other number types (float16, float64, integers) are cast to `f32`.
    ///
    /// # Errors
    /// When the tensor holds no numbers.
    pub fn from_tract(tensor: TractTensor) -> Result<Tensor> {
        Tensor::from_shared_tract(Arc::new(tensor))
    }

    /// Like [`Tensor::from_tract`], sharing the storage where no cast is needed.
    ///
    /// # Errors
    /// When the tensor holds no numbers.
    pub fn from_shared_tract(tensor: Arc<TractTensor>) -> Result<Tensor> {
        let is_ready = tensor.datum_type() == DatumType::F32 && tensor.is_plain_ram();
        if is_ready {
            return Ok(Tensor(tensor));
        }
        let cast = tensor.cast_to::<f32>()?.into_owned();
        ensure!(
            cast.is_plain_ram(),
            "a {:?} tensor cannot be read as numbers",
            tensor.datum_type()
        );
        Ok(Tensor(Arc::new(cast)))
    }

    /// What a tract plan produced.
    ///
    /// # Errors
    /// When it is not a number tensor.
    pub fn from_value(value: TValue) -> Result<Tensor> {
        Tensor::from_shared_tract(value.into_arc_tensor())
    }

    /// This tensor as an input of a tract plan, sharing the storage.
    pub fn to_value(&self) -> TValue {
        self.0.clone().into_tvalue()
    }

    /// The tract tensor behind this one.
    pub fn as_tract(&self) -> &Arc<TractTensor> {
        &self.0
    }

    /// The length of every axis, outermost first.
    pub fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements in row-major order.
    pub fn data(&self) -> &[f32] {
        let elements = self.0.as_plain_ram().map(|view| view.as_slice::<f32>());
        match elements {
            Some(Ok(slice)) => slice,
            _ => unreachable!("every constructor checks that the storage is plain f32"),
        }
    }

    /// The elements in row-major order, to be written; copies first where the storage is shared.
    pub fn data_mut(&mut self) -> &mut [f32] {
        if Arc::get_mut(&mut self.0).is_none() {
            self.0 = Arc::new(self.0.deep_clone());
        }
        let view = Arc::get_mut(&mut self.0)
            .and_then(|tensor| tensor.to_plain_array_view_mut::<f32>().ok());
        match view.and_then(|view| view.into_slice()) {
            Some(slice) => slice,
            None => unreachable!("every constructor checks that the storage is plain f32"),
        }
    }

    /// Whether nobody else shares the storage, so that writing into it is free.
    pub fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// The same elements in another shape.
    ///
    /// # Errors
    /// When the number of elements would change.
    pub fn reshaped(self, shape: &[usize]) -> Result<Tensor> {
        if self.shape() == shape {
            return Ok(self);
        }
        ensure!(
            self.len() == shape.iter().product::<usize>(),
            "a tensor of shape {:?} cannot take the shape {shape:?}",
            self.shape()
        );
        let mut tensor = Arc::try_unwrap(self.0).unwrap_or_else(|shared| shared.deep_clone());
        tensor.set_shape(shape)?;
        Ok(Tensor(Arc::new(tensor)))
    }

    /// A new tensor of the same shape with `function` applied to every element.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn map(&self, function: impl Fn(f32) -> f32 + Send + Sync) -> Result<Tensor> {
        let mut result = Tensor::unwritten(self.shape())?;
        for_each_chunk(result.data_mut(), CHUNK, |index, chunk| {
            let from = &self.data()[index * CHUNK..][..chunk.len()];
            elementwise::each_with(chunk, from, |to, from| *to = function(from));
        });
        Ok(result)
    }

    /// The sum of all elements, accumulated in `f64`.
    pub fn sum(&self) -> f64 {
        sum_of(self.data())
    }

    /// The sum of all elements and of all absolute values, accumulated in `f64`.
    pub fn sums(&self) -> [f64; 2] {
        elementwise::sums(self.data())
    }

    /// The largest absolute value; 0 for an empty tensor.
    pub fn max_abs(&self) -> f32 {
        self.data().iter().fold(0.0, |largest, value| largest.max(value.abs()))
    }

    /// The lowest and the highest element; ∞ and −∞ for an empty tensor.
    pub fn extremes(&self) -> (f32, f32) {
        self.data().iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        })
    }

    /// Adds `other`, element by element.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn add_assign(&mut self, other: &Tensor) -> Result<()> {
        self.combine([other], |to, [from]| to + from)
    }

    /// Replaces every element by `function` of it and of those at its place in `others`.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn combine<const N: usize>(
        &mut self,
        others: [&Tensor; N],
        function: impl Fn(f32, [f32; N]) -> f32 + Send + Sync,
    ) -> Result<()> {
        self.combine_chunks(others, function, |_| ()).map(|_| ())
    }

    /// Like [`Tensor::combine`], and adds up the results and their absolute values on the way.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn update<const N: usize>(
        &mut self,
        others: [&Tensor; N],
        function: impl Fn(f32, [f32; N]) -> f32 + Send + Sync,
    ) -> Result<[f64; 2]> {
        let sums = self.combine_chunks(others, function, elementwise::sums)?;
        Ok(elementwise::total(&sums))
    }

    /// Combines chunk by chunk, and returns what `conclude` makes of each.
    fn combine_chunks<T: Send, const N: usize>(
        &mut self,
        others: [&Tensor; N],
        function: impl Fn(f32, [f32; N]) -> f32 + Send + Sync,
        conclude: impl Fn(&[f32]) -> T + Send + Sync,
    ) -> Result<Vec<T>> {
        if let Some(other) = others.iter().find(|other| other.shape() != self.shape()) {
            bail!(
                "tensors of shapes {:?} and {:?} cannot be combined",
                self.shape(),
                other.shape()
            );
        }
        let others = others.map(Tensor::data);
        // A shared tensor is copied chunk by chunk, where it is read anyway.
        let shared = (!self.is_unshared()).then(|| self.clone());
        if shared.is_some() {
            *self = Tensor::unwritten(self.shape())?;
        }
        let source = shared.as_ref().map(Tensor::data);
        Ok(map_chunks(self.data_mut(), CHUNK, |index, chunk| {
            if let Some(source) = source {
                chunk.copy_from_slice(&source[index * CHUNK..][..chunk.len()]);
            }
            let others = others.map(|other| &other[index * CHUNK..][..chunk.len()]);
            elementwise::combine(chunk, others, &function);
            conclude(chunk)
        }))
    }
}

impl AsRef<[f32]> for Tensor {
    fn as_ref(&self) -> &[f32] {
        self.data()
    }
}

/// Elements that one thread updates at a time.
pub(crate) const CHUNK: usize = 1 << 12;

/// The sum of numbers, accumulated in `f64`.
pub(crate) fn sum_of(data: &[f32]) -> f64 {
    elementwise::sums(data)[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_does_not_touch_a_shared_copy() {
        let original = Tensor::new(&[2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let mut copy = original.clone();
        assert!(!copy.is_unshared());
        copy.data_mut()[0] = 9.0;
        assert_eq!(original.data(), &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(copy.data(), &[9.0, 2.0, 3.0, 4.0]);
        assert!(copy.is_unshared());
    }

    #[test]
    fn shapes_are_checked() {
        assert!(Tensor::new(&[3], &[1.0]).is_err());
        let tensor = Tensor::new(&[2, 3], &[0.0; 6]).unwrap();
        assert_eq!(tensor.clone().reshaped(&[6]).unwrap().shape(), &[6]);
        assert!(tensor.reshaped(&[5]).is_err());
    }

    #[test]
    fn other_number_types_become_f32() {
        let halves = tract_core::prelude::tensor1(&[1i64, 2, 3]);
        assert_eq!(Tensor::from_tract(halves).unwrap().data(), &[1.0, 2.0, 3.0]);
    }
}
