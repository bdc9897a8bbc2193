//! Numbers that stay where the model is stored until they are needed.
//!
//! A model is mostly weights, and an explanation needs each of them for a moment: read then, they take neither
//! memory nor the time that it takes to get it.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use anyhow::Result;
use memmap2::Mmap;

use super::{Storage, Tensor};
use crate::parallel::{locked, map_chunks};

/// Numbers that are read at once: they pass through the second cache.
const CHUNK: usize = 1 << 15;

/// Where numbers are stored.
pub(crate) trait Store: Debug + Send + Sync {
    /// Reads the numbers from place `first` on.
    ///
    /// # Errors
    /// When they cannot be read any more, or are not what they were.
    fn read(&self, first: usize, numbers: &mut [f32]) -> Result<()>;

    /// The bytes of `len` numbers from place `first` on where they lie, if that is quicker than to read them.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    fn lying(&self, _first: usize, _len: usize) -> Result<Option<View<'_>>> {
        Ok(None)
    }
}

/// A part of the numbers of a tensor in row-major order, as bytes: they need not begin where a number may begin in
/// memory.
pub(crate) enum View<'a> {
    /// In memory.
    Lying(&'a [u8]),
    /// In pages that the system holds of a file.
    Mapped(Mmap),
    /// Still to be read, from this place on.
    Stored(&'a dyn Store, usize),
}

impl View<'_> {
    /// The bytes of `len` numbers from place `first` of the view on; `None` where they are to be read.
    pub fn lying(&self, first: usize, len: usize) -> Option<&[u8]> {
        let bytes: &[u8] = match self {
            View::Lying(bytes) => bytes,
            View::Mapped(pages) => pages,
            View::Stored(..) => return None,
        };
        Some(&bytes[first * size_of::<f32>()..][..len * size_of::<f32>()])
    }

    /// Writes as many numbers as there is room for to it, from place `first` of the view on.
    ///
    /// # Errors
    /// When they cannot be read any more.
    pub fn read(&self, first: usize, room: &mut [f32]) -> Result<()> {
        if let View::Stored(store, start) = self {
            return store.read(start + first, room);
        }
        if let Some(bytes) = self.lying(first, room.len()) {
            bytemuck::cast_slice_mut(room).copy_from_slice(bytes);
        }
        Ok(())
    }
}

/// A tensor whose numbers are stored.
#[derive(Debug)]
pub(crate) struct StoredTensor {
    shape: Vec<usize>,
    store: Box<dyn Store>,
    /// The numbers, while somebody holds them.
    held: Mutex<Weak<Storage>>,
    /// Whether a number is above, and whether one is below zero.
    signs: OnceLock<[bool; 2]>,
}

impl StoredTensor {
    /// A tensor of `shape` whose numbers `store` holds in row-major order.
    pub fn new(shape: Vec<usize>, store: Box<dyn Store>) -> StoredTensor {
        StoredTensor { shape, store, held: Mutex::default(), signs: OnceLock::new() }
    }

    /// The length of every axis, outermost first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The tensor itself, shared with those who hold it already.
    ///
    /// # Errors
    /// When it cannot be read, or there is no memory for it.
    pub fn load(&self) -> Result<Tensor> {
        let held = || locked(&self.held);
        let known = held().upgrade();
        if let Some(storage) = known {
            return Ok(Tensor { shape: self.shape.as_slice().into(), storage });
        }
        // Not under the lock: a thread that waits for others to read may meanwhile begin a layer with the same weight.
        let tensor = self.load_unshared()?;
        *held() = Arc::downgrade(&tensor.storage);
        Ok(tensor)
    }

    /// The tensor for nobody else, so that it can be written without a copy.
    ///
    /// # Errors
    /// When it cannot be read, or there is no memory for it.
    pub fn load_unshared(&self) -> Result<Tensor> {
        let mut tensor = Tensor::unwritten(&self.shape)?;
        let read = |index: usize, numbers: &mut [f32]| self.read(index * CHUNK, numbers);
        map_chunks(tensor.data_mut(), CHUNK, read).into_iter().collect::<Result<()>>()?;
        Ok(tensor)
    }

    /// Reads the numbers from place `first` on.
    ///
    /// # Errors
    /// When they cannot be read any more.
    pub fn read(&self, first: usize, numbers: &mut [f32]) -> Result<()> {
        self.store.read(first, numbers)
    }

    /// The `len` numbers from place `first` on.
    ///
    /// # Errors
    /// When they cannot be read any more.
    pub fn view(&self, first: usize, len: usize) -> Result<View<'_>> {
        let lying = self.store.lying(first, len)?;
        Ok(lying.unwrap_or(View::Stored(&*self.store, first)))
    }

    /// Whether a number is above, and whether one is below zero; where they cannot be read, both may be.
    pub fn signs(&self) -> [bool; 2] {
        *self.signs.get_or_init(|| self.find_signs().unwrap_or([true; 2]))
    }

    fn find_signs(&self) -> Result<[bool; 2]> {
        let mut found = [false; 2];
        let mut numbers = vec![0.0; CHUNK.min(self.len())];
        // Both are found among the first few, as a rule.
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

    /// Numbers from -1 on, which end after so many, and how many of them were read.
    #[derive(Debug)]
    pub(crate) struct Counting(pub usize, pub Arc<AtomicUsize>);

    impl Store for Counting {
        fn read(&self, first: usize, numbers: &mut [f32]) -> Result<()> {
            anyhow::ensure!(first + numbers.len() <= self.0, "it ends before");
            let places = first..first + numbers.len();
            numbers.iter_mut().zip(places).for_each(|(number, place)| *number = place as f32 - 1.0);
            self.1.fetch_add(numbers.len(), Ordering::Relaxed);
            Ok(())
        }
    }

    #[test]
    fn what_somebody_holds_is_not_read_again() {
        let read = Arc::new(AtomicUsize::new(0));
        let len = CHUNK + 10;
        let stored = StoredTensor::new(vec![2, len / 2], Box::new(Counting(len, read.clone())));
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
        let stored = |len, end| StoredTensor::new(vec![len], Box::new(Counting(end, read.clone())));
        assert_eq!(stored(3 * CHUNK, 3 * CHUNK).signs(), [true, true]);
        assert_eq!(read.load(Ordering::Relaxed), 256);
        assert_eq!(stored(2, 2).signs(), [false, true]);
        assert_eq!(stored(2, 1).signs(), [true, true]);
        assert!(stored(2, 1).load().is_err());
    }
}
