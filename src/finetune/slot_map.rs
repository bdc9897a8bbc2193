//! How a tensor of the network is made of the parameters of the file.

use anyhow::Result;

use super::slot::Slot;
use crate::tensor::Tensor;

/// A part of a tensor of the network: `factor · parameter` for every element.
pub(super) struct Term {
    /// For each element, the place of its parameter among all; [`NONE`] where it has none.
    pub places: Vec<u32>,
    /// `None`: 1.
    pub factors: Option<Vec<f32>>,
    /// The first place, where the elements are parameters as they lie in the file: most weights are.
    pub first: Option<usize>,
}

impl Term {
    /// Finds out whether the elements lie as in the file.
    pub fn new(places: Vec<u32>, factors: Option<Vec<f32>>) -> Term {
        let is_run = factors.is_none()
            && !places.contains(&NONE)
            && places.windows(2).all(|two| two[0] + 1 == two[1]);
        let first = places.first().filter(|_| is_run).map(|&place| place as usize);
        Term { places, factors, first }
    }

    /// The factor of an element.
    pub fn factor(&self, index: usize) -> f32 {
        self.factors.as_ref().map_or(1.0, |factors| factors[index])
    }
}

/// An element that no parameter stands for.
pub(super) const NONE: u32 = u32::MAX;

/// How a tensor of the network is made of parameters.
pub(super) struct SlotMap {
    pub slot: Slot,
    pub shape: Vec<usize>,
    /// What is added; `None`: 0.
    pub constant: Option<Vec<f32>>,
    pub terms: Vec<Term>,
}

impl SlotMap {
    /// It, where the parameters have these numbers.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn tensor(&self, values: &[f32]) -> Result<Tensor> {
        if let ([Term { first: Some(first), places, .. }], None) = (&self.terms[..], &self.constant)
        {
            return Tensor::new(&self.shape, &values[*first..][..places.len()]);
        }
        let mut numbers = match &self.constant {
            Some(constant) => constant.clone(),
            None => vec![0.0; self.shape.iter().product()],
        };
        for term in &self.terms {
            for (index, (number, &place)) in numbers.iter_mut().zip(&term.places).enumerate() {
                if place != NONE {
                    *number += term.factor(index) * values[place as usize];
                }
            }
        }
        Tensor::new(&self.shape, &numbers)
    }
}
