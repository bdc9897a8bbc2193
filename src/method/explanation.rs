//! The result of a method: relevance, its sums, and what the method measured about itself.

use anyhow::Result;
use serde::Serialize;

use super::adaptation::Adaptation;
use crate::explain::{Attribution, Conservation};
use crate::tensor::{Tensor, Tensors};

/// The explanation of one output for one input.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// One number for every element of every input, in its shape (the batch axis included).
    pub relevance: Tensors,
    /// Its sums.
    pub sums: Sums,
    /// For Integrated Gradients: how close the sum is to the difference of the outputs.
    pub completeness: Option<Completeness>,
    /// For an adaptive σ: the one that was chosen.
    pub adaptation: Option<Adaptation>,
}

/// Sums of relevance: `initial = input_sum + absorbed_by_bias + absorbed_by_stabilizer` where it is conserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sums {
    /// Relevance at the output, where propagation starts.
    pub initial: f64,
    /// Relevance at the inputs, all of them together.
    pub input_sum: f64,
    /// Absorbed by biases, padding and constants.
    pub absorbed_by_bias: f64,
    /// Absorbed by stabilizers.
    pub absorbed_by_stabilizer: f64,
    /// Whether the equation holds: not for gradients.
    #[serde(skip)]
    pub is_conserving: bool,
}

/// Completeness of Integrated Gradients (Sundararajan et al. 2017, proposition 1): Σ R = f(x) − f(x₀).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Completeness {
    /// Σ R.
    pub sum: f64,
    /// f(x) − f(x₀).
    pub difference: f64,
    /// |Σ R − (f(x) − f(x₀))| / |f(x) − f(x₀)|.
    pub relative_error: f64,
}

impl Completeness {
    pub(super) fn new(sum: f64, difference: f64) -> Completeness {
        let relative_error = (sum - difference).abs() / difference.abs().max(f64::MIN_POSITIVE);
        Completeness { sum, difference, relative_error }
    }
}

impl From<&Conservation> for Sums {
    fn from(conservation: &Conservation) -> Sums {
        Sums {
            initial: conservation.initial,
            input_sum: conservation.input_sum,
            absorbed_by_bias: conservation.absorbed_by_bias(),
            absorbed_by_stabilizer: conservation.absorbed_by_stabilizer(),
            is_conserving: conservation.is_conserving(),
        }
    }
}

impl From<Attribution> for Explanation {
    fn from(attribution: Attribution) -> Explanation {
        let sums = Sums::from(&attribution.conservation);
        Explanation { relevance: attribution.relevance, sums, completeness: None, adaptation: None }
    }
}

impl Explanation {
    /// Relevance that is not conserved; `initial` is the sum at the output.
    pub(super) fn unconserved(relevance: impl Into<Tensors>, initial: f64) -> Explanation {
        let relevance = relevance.into();
        let sums = Sums { initial, input_sum: relevance.sum(), ..Sums::default() };
        Explanation { relevance, sums, completeness: None, adaptation: None }
    }

    /// The same explanation with other relevance, which is not conserved.
    pub(super) fn replaced(self, relevance: Tensors) -> Explanation {
        Explanation::unconserved(relevance, self.sums.initial)
    }
}

/// The weighted sum of explanations, accumulated in `f64`.
#[derive(Default)]
pub(super) struct WeightedSum {
    /// Of each input, its shape and its relevance.
    relevance: Vec<(Vec<usize>, Vec<f64>)>,
    sums: Sums,
    is_begun: bool,
}

impl WeightedSum {
    pub fn add(&mut self, explanation: &Explanation, weight: f64) {
        let sums = &explanation.sums;
        if !self.is_begun {
            self.is_begun = true;
            let empty = |part: &Tensor| (part.shape().to_vec(), vec![0.0; part.len()]);
            self.relevance = explanation.relevance.iter().map(empty).collect();
            self.sums.is_conserving = true;
        }
        for ((_, sums), part) in self.relevance.iter_mut().zip(explanation.relevance.iter()) {
            for (sum, &value) in sums.iter_mut().zip(part.data()) {
                *sum += weight * f64::from(value);
            }
        }
        self.sums.initial += weight * sums.initial;
        self.sums.input_sum += weight * sums.input_sum;
        self.sums.absorbed_by_bias += weight * sums.absorbed_by_bias;
        self.sums.absorbed_by_stabilizer += weight * sums.absorbed_by_stabilizer;
        self.sums.is_conserving &= sums.is_conserving;
    }

    pub fn finish(self) -> Result<Explanation> {
        let rounded = |(shape, sums): (Vec<usize>, Vec<f64>)| {
            let mut relevance = Tensor::zeros(&shape)?;
            relevance.data_mut().iter_mut().zip(sums).for_each(|(to, sum)| *to = sum as f32);
            Ok(relevance)
        };
        let relevance = self.relevance.into_iter().map(rounded).collect::<Result<Tensors>>()?;
        Ok(Explanation { relevance, sums: self.sums, completeness: None, adaptation: None })
    }
}

/// `a ⊙ b` of tensors of the same shapes.
pub(super) fn product(a: Tensors, b: &Tensors) -> Result<Tensors> {
    a.combined(b, |a, b| a * b)
}

/// `a − b` of tensors of the same shapes.
pub(super) fn difference(a: &Tensors, b: &Tensors) -> Result<Tensors> {
    a.clone().combined(b, |a, b| a - b)
}
