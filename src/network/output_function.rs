//! What a model's output means: the function that it applies to its logits at the end, which is not explained, or what
//! the output itself is.

use std::fmt;

use anyhow::Result;

use crate::operator::{Operator, Softmax, Unary};
use crate::tensor::Tensor;

/// The function that the model applies to the logits at the end; it is not explained.
#[derive(Clone, Debug)]
pub enum OutputFunction {
    /// Probabilities of classes that exclude each other.
    Softmax(Softmax),
    /// Logarithms of probabilities of classes that exclude each other.
    LogSoftmax(Softmax),
    /// Independent probabilities.
    Sigmoid,
    /// None: the output itself is explained, and it is not a logit.
    Identity(Quantity),
}

/// What the explained value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// An unnormalised score, from which a softmax or a sigmoid makes probabilities.
    Logit,
    /// The logarithm of a probability.
    LogProbability,
    /// A probability.
    Probability,
    /// One of several numbers that add up to one, but need not be between 0 and 1.
    Score,
}

impl Quantity {
    /// Its name in reports.
    pub fn word(self) -> &'static str {
        match self {
            Quantity::Logit => "logit",
            Quantity::LogProbability => "log-probability",
            Quantity::Probability => "probability",
            Quantity::Score => "score",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl OutputFunction {
    /// The name of the operator in ONNX.
    pub fn name(&self) -> &'static str {
        match self {
            OutputFunction::Softmax(_) => "Softmax",
            OutputFunction::LogSoftmax(_) => "LogSoftmax",
            OutputFunction::Sigmoid => "Sigmoid",
            OutputFunction::Identity(_) => "Identity",
        }
    }

    /// What the value before this function means, which is explained.
    pub fn explained(&self) -> Quantity {
        match self {
            OutputFunction::Identity(quantity) => *quantity,
            _ => Quantity::Logit,
        }
    }

    /// The model's output for these logits.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn apply(&self, logits: &Tensor) -> Result<Tensor> {
        match self {
            OutputFunction::Softmax(softmax) | OutputFunction::LogSoftmax(softmax) => {
                softmax.forward(vec![logits.clone()])
            }
            OutputFunction::Sigmoid => logits.map(|logit| Unary::Sigmoid.value(logit)),
            OutputFunction::Identity(_) => Ok(logits.clone()),
        }
    }

    /// The probabilities of all classes, computed by the model's own function. If the output is normalised already, it is
    /// returned; if the model has no such function, the sigmoid is used for a single logit, and the softmax for several.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn probabilities(function: Option<&OutputFunction>, logits: &Tensor) -> Result<Tensor> {
        let count = logits.len();
        match function {
            Some(OutputFunction::LogSoftmax(softmax)) => {
                let softmax = Softmax { is_logarithm: false, ..softmax.clone() };
                softmax.forward(vec![logits.clone()])
            }
            Some(OutputFunction::Identity(Quantity::LogProbability)) => logits.map(f32::exp),
            Some(function) => function.apply(logits),
            None if count == 1 => OutputFunction::Sigmoid.apply(logits),
            None => Softmax::new(&[1, count], 1, false).forward(vec![logits.clone()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_follow_the_function() {
        let of = |logits: &[f32], function: Option<&OutputFunction>| {
            let logits = Tensor::new(&[1, logits.len()], logits).unwrap();
            OutputFunction::probabilities(function, &logits).unwrap().data().to_vec()
        };
        let sum: f32 = of(&[1.0, 2.0, 3.0], None).iter().sum();
        assert!((sum - 1.0).abs() < 1e-6);
        assert_eq!(of(&[0.0], None), [0.5]);
        assert_eq!(of(&[0.0, 0.0], Some(&OutputFunction::Sigmoid)), [0.5, 0.5]);
        let softmax = Softmax::new(&[1, 2], 1, true);
        assert_eq!(of(&[3.0, 3.0], Some(&OutputFunction::LogSoftmax(softmax))), [0.5, 0.5]);
        let is = OutputFunction::Identity;
        assert_eq!(of(&[0.75, 0.25], Some(&is(Quantity::Probability))), [0.75, 0.25]);
        assert_eq!(of(&[1.5, -0.5], Some(&is(Quantity::Score))), [1.5, -0.5]);
        assert_eq!(of(&[0.0, f32::NEG_INFINITY], Some(&is(Quantity::LogProbability))), [1.0, 0.0]);
    }
}
