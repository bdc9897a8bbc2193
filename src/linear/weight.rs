//! The weight of a linear layer: in memory, or still in the model file.

use std::fmt::{self, Debug};
use std::sync::Arc;

use anyhow::Result;
use onnxplain_kernels::gemv::{WeightSource, WeightView};

use super::Signs;
use crate::tensor::{LazyTensor, Store, Tensor, View};
use onnxplain_kernels::nchwc::Prepack;

/// The weight of a linear layer. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Weight(Numbers);

#[derive(Clone, Debug)]
enum Numbers {
    Held(Tensor),
    Stored(Arc<LazyTensor>),
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

    /// The weight as a tensor: shared if it is in memory, otherwise read from the model file.
    ///
    /// # Errors
    /// When the model's file cannot be read any more.
    pub fn load(&self) -> Result<Tensor> {
        match &self.0 {
            Numbers::Held(tensor) => Ok(tensor.clone()),
            Numbers::Stored(stored) => stored.load(),
        }
    }

    /// Reads the weight into memory, and keeps it there.
    ///
    /// # Errors
    /// When the model's file cannot be read any more.
    pub fn hold(&mut self) -> Result<()> {
        if let Numbers::Stored(stored) = &self.0 {
            *self = stored.load_unshared()?.into();
        }
        Ok(())
    }

    /// Changes the elements. The weight is in memory afterwards.
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

    /// Multiplies runs of `run` consecutive elements by one factor each; `factor` gets the index of the run. A weight that
    /// is not in memory stays in the model file, and is scaled whenever it is read.
    pub fn scale(&mut self, run: usize, factor: impl Fn(usize) -> f32 + Send + Sync + 'static) {
        match &mut self.0 {
            Numbers::Held(tensor) => scale(tensor.data_mut(), 0, run, &factor),
            Numbers::Stored(stored) => {
                let (source, factor) = (stored.clone(), Box::new(factor));
                let shape = source.shape().to_vec();
                let scaled = LazyTensor::new(shape, Box::new(Scaled { source, run, factor }));
                *stored = Arc::new(scaled);
            }
        }
    }

    /// The weight as a kernel holds it that does not pack it: in memory for repeated passes, otherwise as it is, to be
    /// read in every pass.
    ///
    /// # Errors
    /// When the model's file cannot be read any more.
    pub(crate) fn for_kernel(&self, prepack: Prepack) -> Result<Weight> {
        match prepack {
            Prepack::Once => Ok(self.load()?.into()),
            Prepack::OnTheFly => Ok(self.clone()),
        }
    }

    /// Where the elements are: the same for clones, and different for weights that exist at the same time.
    pub(crate) fn identity(&self) -> usize {
        match &self.0 {
            Numbers::Held(tensor) => tensor.data().as_ptr() as usize,
            Numbers::Stored(stored) => Arc::as_ptr(stored) as usize,
        }
    }

    /// The storage to read it from; `None` if it is in memory.
    pub(crate) fn stored(&self) -> Option<&Arc<LazyTensor>> {
        match &self.0 {
            Numbers::Held(_) => None,
            Numbers::Stored(stored) => Some(stored),
        }
    }

    /// `len` elements from element `first` on.
    ///
    /// # Errors
    /// When the model's file cannot be read any more.
    pub(crate) fn view(&self, first: usize, len: usize) -> Result<View<'_>> {
        match &self.0 {
            Numbers::Held(tensor) => {
                Ok(View::Borrowed(bytemuck::cast_slice(&tensor.data()[first..][..len])))
            }
            Numbers::Stored(stored) => stored.view(first, len),
        }
    }

    /// The signs that its elements have.
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

/// A stored weight whose elements are scaled when they are read.
struct Scaled {
    source: Arc<LazyTensor>,
    run: usize,
    factor: Box<dyn Fn(usize) -> f32 + Send + Sync>,
}

impl Store for Scaled {
    fn read(&self, first: usize, numbers: &mut [f32]) -> Result<()> {
        self.source.read(first, numbers)?;
        scale(numbers, first, self.run, &self.factor);
        Ok(())
    }
}

impl Debug for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scaled").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Multiplies consecutive elements of a weight by the factors of their runs; `first` is the index of the first one.
fn scale(mut numbers: &mut [f32], first: usize, run: usize, factor: impl Fn(usize) -> f32) {
    let run = run.max(1);
    let mut place = first;
    while !numbers.is_empty() {
        let len = (run - place % run).min(numbers.len());
        let (same, others) = numbers.split_at_mut(len);
        let factor = factor(place / run);
        same.iter_mut().for_each(|number| *number *= factor);
        (numbers, place) = (others, place + len);
    }
}

impl From<Tensor> for Weight {
    fn from(tensor: Tensor) -> Weight {
        Weight(Numbers::Held(tensor))
    }
}

impl From<Arc<LazyTensor>> for Weight {
    fn from(stored: Arc<LazyTensor>) -> Weight {
        Weight(Numbers::Stored(stored))
    }
}

/// A weight for kernels that read a few rows at a time.
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
        self.as_bytes(first, len)
    }

    fn read(&self, first: usize, weights: &mut [f32]) -> Result<()> {
        View::read(self, first, weights)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::tensor::Counting;

    #[test]
    fn a_stored_weight_is_scaled_where_it_is_read() {
        let read = Arc::new(AtomicUsize::new(0));
        let (shape, store) = (vec![3, 4], Box::new(Counting(12, read.clone())));
        let mut weight = Weight::from(Arc::new(LazyTensor::new(shape, store)));
        let mut held = Weight::from(weight.load().unwrap());
        let before = read.load(Ordering::Relaxed);
        for weight in [&mut weight, &mut held] {
            weight.scale(4, |row| [1.0, -2.0, 0.5][row]);
            weight.scale(2, |pair| if pair % 2 == 0 { 1.0 } else { 3.0 });
        }
        assert_eq!(read.load(Ordering::Relaxed), before);
        let expected = [-1.0, 0.0, 3.0, 6.0, -6.0, -8.0, -30.0, -36.0, 3.5, 4.0, 13.5, 15.0];
        assert_eq!(weight.load().unwrap().data(), expected);
        assert_eq!(held.load().unwrap().data(), expected);
        // A part that begins inside of a run.
        let mut part = [0.0; 5];
        weight.view(3, 5).unwrap().read(0, &mut part).unwrap();
        assert_eq!(part, expected[3..8]);
    }
}
