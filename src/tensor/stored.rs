//! Tensors whose elements are read from the model file when they are needed.
//!
//! Most of a model is weights, and an explanation needs each of them only for a moment. Weights that are read at that
//! moment, and dropped afterwards, take no memory between layers.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use anyhow::Result;
use memmap2::Mmap;
use onnxplain_kernels::Output;

use super::{Storage, Tensor};
use crate::parallel::locked;

/// Elements that one thread reads at a time: they fit in the second-level cache.
const CHUNK: usize = 1 << 15;

/// Storage from which the elements of a tensor can be read.
pub(crate) trait Store: Debug + Send + Sync {
    /// Reads as many elements as `numbers` has, beginning with element `first`.
    ///
    /// # Errors
    /// When the storage cannot be read any more, or has changed since it was opened.
    fn read(&self, first: usize, numbers: &mut [f32]) -> Result<()>;

    /// The bytes of `len` elements from element `first` on, without a copy; `None` where [`Store::read`] is faster.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    fn bytes(&self, _first: usize, _len: usize) -> Result<Option<View<'_>>> {
        Ok(None)
    }
}

/// Some consecutive elements of a tensor. Their bytes need not be aligned for `f32`.
pub(crate) enum View<'a> {
    /// Bytes in memory.
    Borrowed(&'a [u8]),
    /// Bytes of a file that is mapped into memory.
    Mapped(Mmap),
    /// Elements that are still to be read: the storage, and the index of the first element.
    Stored(&'a dyn Store, usize),
}

impl View<'_> {
    /// The bytes of `len` elements from element `first` of the view on; `None` if they are still to be read.
    pub fn as_bytes(&self, first: usize, len: usize) -> Option<&[u8]> {
        let bytes: &[u8] = match self {
            View::Borrowed(bytes) => bytes,
            View::Mapped(pages) => pages,
            View::Stored(..) => return None,
        };
        Some(&bytes[first * size_of::<f32>()..][..len * size_of::<f32>()])
    }

    /// Copies as many elements as `numbers` has, beginning with element `first` of the view.
    ///
    /// # Errors
    /// When the storage cannot be read any more.
    pub fn read(&self, first: usize, numbers: &mut [f32]) -> Result<()> {
        if let View::Stored(store, start) = self {
            return store.read(start + first, numbers);
        }
        if let Some(bytes) = self.as_bytes(first, numbers.len()) {
            bytemuck::cast_slice_mut(numbers).copy_from_slice(bytes);
        }
        Ok(())
    }
}

/// A tensor whose elements are read when they are needed.
#[derive(Debug)]
pub(crate) struct LazyTensor {
    shape: Vec<usize>,
    store: Box<dyn Store>,
    /// The elements, as long as a [`Tensor`] with them exists.
    held: Mutex<Weak<Storage>>,
    /// Whether an element is above zero, and whether one is below; found when first asked for.
    signs: OnceLock<[bool; 2]>,
}

impl LazyTensor {
    /// A tensor of `shape`, whose elements `store` has in row-major order.
    pub fn new(shape: Vec<usize>, store: Box<dyn Store>) -> LazyTensor {
        LazyTensor { shape, store, held: Mutex::default(), signs: OnceLock::new() }
    }

    /// The length of every axis, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The tensor in memory; shared with earlier results of this function that still exist.
    ///
    /// # Errors
    /// When it cannot be read, or there is no memory for it.
    pub fn load(&self) -> Result<Tensor> {
        let held = || locked(&self.held);
        let known = held().upgrade();
        if let Some(storage) = known {
            return Ok(Tensor { shape: self.shape.as_slice().into(), storage });
        }
        // Read without holding the lock. Reading is a parallel loop, and a thread that waits for it to end may begin a
        // layer with the same weight meanwhile: it would wait for its own lock.
        let tensor = self.load_unshared()?;
        *held() = Arc::downgrade(&tensor.storage);
        Ok(tensor)
    }

    /// The tensor in memory, shared with nobody, so that it can be changed without a copy.
    ///
    /// # Errors
    /// When it cannot be read, or there is no memory for it.
    pub fn load_unshared(&self) -> Result<Tensor> {
        let (tensor, ()) = Tensor::written(&self.shape, |output| {
            let read = |index: usize, chunk: Output<'_>| self.read(index * CHUNK, chunk.fill(0.0));
            output.map_chunks(CHUNK, 1, read).into_iter().collect()
        })?;
        Ok(tensor)
    }

    /// Reads as many elements as `numbers` has, beginning with element `first`.
    ///
    /// # Errors
    /// When the storage cannot be read any more.
    pub fn read(&self, first: usize, numbers: &mut [f32]) -> Result<()> {
        self.store.read(first, numbers)
    }

    /// `len` elements from element `first` on.
    ///
    /// # Errors
    /// When the storage cannot be read any more.
    pub fn view(&self, first: usize, len: usize) -> Result<View<'_>> {
        let bytes = self.store.bytes(first, len)?;
        Ok(bytes.unwrap_or(View::Stored(&*self.store, first)))
    }

    /// Whether an element is above zero, and whether one is below. Both are true if the elements cannot be read.
    pub fn signs(&self) -> [bool; 2] {
        *self.signs.get_or_init(|| self.find_signs().unwrap_or([true; 2]))
    }

    fn find_signs(&self) -> Result<[bool; 2]> {
        let mut found = [false; 2];
        let mut numbers = vec![0.0; CHUNK.min(self.len())];
        // Most weights have both signs among their first elements.
        let (mut first, mut count) = (0, 256);
        while first < self.len() && found != [true; 2] {
            let end = count.min(self.len() - first).min(numbers.len());
            let numbers = &mut numbers[..end];
            self.read(first, numbers)?;
            found[0] |= numbers.iter().any(|number| *number > 0.0);
            found[1] |= numbers.iter().any(|number| *number < 0.0);
            (first, count) = (first + numbers.len(), CHUNK);
        }
        Ok(found)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// The elements −1, 0, 1, ..., as many as the first field says, and a count of those that were read.
    #[derive(Debug)]
    pub(crate) struct Counting(pub usize, pub Arc<AtomicUsize>);

    impl Store for Counting {
        fn read(&self, first: usize, numbers: &mut [f32]) -> Result<()> {
            anyhow::ensure!(first + numbers.len() <= self.0, "there are only {} elements", self.0);
            let places = first..first + numbers.len();
            numbers.iter_mut().zip(places).for_each(|(number, place)| *number = place as f32 - 1.0);
            self.1.fetch_add(numbers.len(), Ordering::Relaxed);
            Ok(())
        }
    }

    #[test]
    fn elements_in_memory_are_not_read_again() {
        let read = Arc::new(AtomicUsize::new(0));
        let len = CHUNK + 10;
        let stored = LazyTensor::new(vec![2, len / 2], Box::new(Counting(len, read.clone())));
        let tensor = stored.load().unwrap();
        assert_eq!(tensor.shape(), [2, len / 2]);
        assert!(tensor.data().iter().enumerate().all(|(at, number)| *number == at as f32 - 1.0));
        assert_eq!(stored.load().unwrap().data().as_ptr(), tensor.data().as_ptr());
        assert_eq!(read.load(Ordering::Relaxed), len);
        drop(tensor);
        stored.load().unwrap();
        assert_eq!(read.load(Ordering::Relaxed), 2 * len);
    }

    #[test]
    fn signs_are_found_without_reading_everything() {
        let read = Arc::new(AtomicUsize::new(0));
        let stored = |len, end| LazyTensor::new(vec![len], Box::new(Counting(end, read.clone())));
        assert_eq!(stored(3 * CHUNK, 3 * CHUNK).signs(), [true, true]);
        assert_eq!(read.load(Ordering::Relaxed), 256);
        assert_eq!(stored(2, 2).signs(), [false, true]);
        assert_eq!(stored(2, 1).signs(), [true, true]);
        assert!(stored(2, 1).load().is_err());
    }
}
