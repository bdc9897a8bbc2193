//! The one array type of the engine: dense `f32`, row-major, cheap to share.
//!
//! The floats are in our own memory, aligned for the kernels, or in a tensor that tract made. Both are read in the same
//! way. A tensor of ours is copied when tract has to compute with it.

mod blocks;
mod several;
mod stored;

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use onnxplain_kernels::{AlignedBuf, Output, elementwise};
use tract_core::internal::IntoArcTensor;
use tract_core::prelude::{Datum, DatumType, IntoTValue, TValue, Tensor as TractTensor};

pub(crate) use self::blocks::{channel_sums, constant_to_blocks, to_blocks, to_rows};
pub use self::several::Tensors;
#[cfg(test)]
pub(crate) use self::stored::tests::Counting;
pub(crate) use self::stored::{LazyTensor, Store, View};
use crate::parallel::map_chunks;

/// The only number of a tensor of tract's.
///
/// # Errors
/// There is none, or several, or its type cannot be converted.
pub(crate) fn scalar<T: Datum + Copy>(tensor: &TractTensor) -> Result<T> {
    // tract reads the first number of an empty tensor as well.
    ensure!(tensor.len() == 1, "one number is needed where {} are stored", tensor.len());
    tensor.cast_to_scalar::<T>()
}

/// A dense, row-major `f32` array. Cloning shares the storage.
#[derive(Clone, Debug)]
pub struct Tensor {
    shape: Arc<[usize]>,
    storage: Arc<Storage>,
}

/// The floats of a tensor.
#[derive(Debug)]
enum Storage {
    /// In our own memory.
    Own(AlignedBuf),
    /// In a tensor of tract's: `f32`, plain, in main memory.
    Tract(Arc<TractTensor>),
}

impl Storage {
    fn as_slice(&self) -> &[f32] {
        match self {
            Storage::Own(numbers) => numbers,
            Storage::Tract(tensor) => match tensor.as_plain_ram().map(|view| view.as_slice()) {
                Some(Ok(slice)) => slice,
                _ => unreachable!("the storage was checked where the tensor was made"),
            },
        }
    }
}

impl Tensor {
    /// An array of zeros.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn zeros(shape: &[usize]) -> Result<Tensor> {
        Tensor::filled(shape, 0.0)
    }

    /// An array whose elements `work` writes, all of them, and what `work` returns.
    ///
    /// # Errors
    /// Those of `work`, and when the memory cannot be had.
    pub(crate) fn written<T>(
        shape: &[usize],
        work: impl FnOnce(Output<'_>) -> Result<T>,
    ) -> Result<(Tensor, T)> {
        let len = shape.iter().try_fold(1usize, |len, &axis| len.checked_mul(axis));
        let written = len.and_then(|len| AlignedBuf::try_written(len, work));
        let (numbers, result) =
            written.with_context(|| format!("no memory for a tensor of shape {shape:?}"))??;
        Ok((Tensor::own(shape.into(), numbers), result))
    }

    /// Like [`Tensor::written`], for work that cannot fail.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub(crate) fn written_by(shape: &[usize], work: impl FnOnce(Output<'_>)) -> Result<Tensor> {
        let work = |output: Output<'_>| {
            work(output);
            Ok(())
        };
        Ok(Tensor::written(shape, work)?.0)
    }

    fn own(shape: Arc<[usize]>, numbers: AlignedBuf) -> Tensor {
        Tensor { shape, storage: Arc::new(Storage::Own(numbers)) }
    }

    /// An array with every element equal to `value`.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn filled(shape: &[usize], value: f32) -> Result<Tensor> {
        Tensor::written_by(shape, |output| {
            output.fill(value);
        })
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
        Tensor::written_by(shape, |output| {
            output.copy(data);
        })
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
        let tensor =
            if is_ready { tensor } else { Arc::new(tensor.cast_to::<f32>()?.into_owned()) };
        let is_readable = tensor.as_plain_ram().is_some_and(|view| view.as_slice::<f32>().is_ok());
        let number_type = tensor.datum_type();
        ensure!(is_readable, "a {number_type:?} tensor cannot be read as numbers");
        Ok(Tensor { shape: tensor.shape().into(), storage: Arc::new(Storage::Tract(tensor)) })
    }

    /// What a tract plan produced.
    ///
    /// # Errors
    /// When it is not a number tensor.
    pub fn from_value(value: TValue) -> Result<Tensor> {
        Tensor::from_shared_tract(value.into_arc_tensor())
    }

    /// This tensor as an input of a tract plan: copied, unless tract made it.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn to_value(&self) -> Result<TValue> {
        Ok(self.to_tract()?.into_tvalue())
    }

    /// This tensor as one of tract's: copied, unless tract made it.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn to_tract(&self) -> Result<Arc<TractTensor>> {
        match &*self.storage {
            Storage::Tract(tensor) if tensor.shape() == self.shape() => Ok(tensor.clone()),
            _ => Ok(Arc::new(TractTensor::from_shape(self.shape(), self.data())?)),
        }
    }

    /// The length of every axis, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.data().len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements in row-major order.
    pub fn data(&self) -> &[f32] {
        self.storage.as_slice()
    }

    /// The elements in row-major order, to be written; copies first where the storage is shared, or tract's.
    pub fn data_mut(&mut self) -> &mut [f32] {
        if !matches!(Arc::get_mut(&mut self.storage), Some(Storage::Own(_))) {
            self.storage = Arc::new(Storage::Own(AlignedBuf::copied(self.data())));
        }
        match Arc::get_mut(&mut self.storage) {
            Some(Storage::Own(numbers)) => numbers,
            _ => unreachable!("storage of our own, which nobody shares"),
        }
    }

    /// Whether nobody else shares the storage, so that writing into it is free.
    pub fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.storage) == 1 && matches!(&*self.storage, Storage::Own(_))
    }

    /// The same elements in another shape, sharing the storage.
    ///
    /// # Errors
    /// When the number of elements would change.
    pub fn reshaped(self, shape: &[usize]) -> Result<Tensor> {
        ensure!(
            self.len() == shape.iter().product::<usize>(),
            "a tensor of shape {:?} cannot take the shape {shape:?}",
            self.shape()
        );
        Ok(Tensor { shape: shape.into(), storage: self.storage })
    }

    /// A new tensor of the same shape with `function` applied to every element.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn map(&self, function: impl Fn(f32) -> f32 + Send + Sync) -> Result<Tensor> {
        let data = self.data();
        Tensor::written_by(self.shape(), |output| {
            output.for_each_chunk(CHUNK, 1, |index, chunk| {
                elementwise::map(chunk, &data[index * CHUNK..], &function);
            });
        })
    }

    /// The sum of all elements, accumulated in `f64`.
    pub fn sum(&self) -> f64 {
        sum_of(self.data())
    }

    /// The sum of all elements and of all absolute values, accumulated in `f64`.
    pub fn sums(&self) -> [f64; 2] {
        elementwise::sums(self.data())
    }

    /// The largest absolute value; NaN if an element is NaN, 0 for an empty tensor.
    pub fn max_abs(&self) -> f32 {
        self.data().iter().fold(0.0, |largest, value| elementwise::larger(value.abs(), largest))
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
        let combine = |index: usize, chunk: &mut [f32]| {
            let others = others.map(|other| &other[index * CHUNK..][..chunk.len()]);
            elementwise::combine(chunk, others, &function);
            conclude(chunk)
        };
        if self.is_unshared() {
            return Ok(map_chunks(self.data_mut(), CHUNK, combine));
        }
        // A shared tensor is copied chunk by chunk, where it is read anyway.
        let source = self.data();
        let (result, concluded) = Tensor::written(self.shape(), |output| {
            Ok(output.map_chunks(CHUNK, 1, |index, chunk| {
                let from = &source[index * CHUNK..][..chunk.len()];
                combine(index, chunk.copy(from))
            }))
        })?;
        *self = result;
        Ok(concluded)
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
    fn a_tensor_of_nan_is_not_one_of_zeros() {
        let largest = |numbers: [f32; 3]| Tensor::new(&[3], &numbers).unwrap().max_abs();
        assert_eq!(largest([1.0, -3.0, 2.0]), 3.0);
        assert!(largest([f32::NAN; 3]).is_nan());
        assert!(largest([0.0, f32::NAN, 5.0]).is_nan());
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
