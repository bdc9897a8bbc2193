//! Which output is explained, and the relevance put in there.

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::rule::Initial;
use crate::tensor::Tensor;

/// What is to be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The class with the highest logit.
    Top,
    /// The K classes with the highest logits, one explanation each.
    TopK(usize),
    /// A class.
    Class(usize),
}

/// A class to be explained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TargetClass {
    /// Its place in the output.
    pub index: usize,
    /// Its logit.
    pub logit: f32,
}

impl Target {
    /// The classes that are meant, by the logits of one input.
    ///
    /// # Errors
    /// When a class index is out of range.
    pub fn classes(&self, logits: &Tensor) -> Result<Vec<TargetClass>> {
        let logits = logits.data();
        let class = |index: usize| TargetClass { index, logit: logits[index] };
        let ranked = |count: usize| {
            let mut order: Vec<usize> = (0..logits.len()).collect();
            order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
            order.into_iter().take(count).map(class).collect()
        };
        match *self {
            Target::Top => Ok(ranked(1)),
            Target::TopK(count) => Ok(ranked(count)),
            Target::Class(index) => {
                ensure!(
                    index < logits.len(),
                    "there is no class {index}: the model has {} classes, 0 to {}",
                    logits.len(),
                    logits.len().saturating_sub(1)
                );
                Ok(vec![class(index)])
            }
        }
    }
}

/// The relevance put in at the output: at the target, and with `against` the opposite there.
///
/// # Errors
/// When the memory cannot be had.
pub fn initial_relevance(
    logits: &Tensor,
    target: TargetClass,
    against: Option<TargetClass>,
    initial: Initial,
) -> Result<Tensor> {
    let mut relevance = Tensor::zeros(logits.shape())?;
    let amount = |class: TargetClass| match initial {
        Initial::Logit | Initial::Centred => class.logit,
        Initial::One => 1.0,
    };
    relevance.data_mut()[target.index] += amount(target);
    match (against, initial) {
        // The mean of all logits, which is in both, cancels out.
        (Some(against), _) => relevance.data_mut()[against.index] -= amount(against),
        (None, Initial::Centred) => {
            let share = 1.0 / logits.len() as f32;
            let pairs = relevance.data_mut().iter_mut().zip(logits.data());
            pairs.for_each(|(relevance, logit)| *relevance -= share * logit);
        }
        (None, _) => {}
    }
    Ok(relevance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_ranked_and_checked() {
        let logits = Tensor::new(&[1, 4], &[0.5, 3.0, -1.0, 2.0]).unwrap();
        let indices = |target: Target| -> Vec<usize> {
            target.classes(&logits).unwrap().iter().map(|class| class.index).collect()
        };
        assert_eq!(indices(Target::Top), [1]);
        assert_eq!(indices(Target::TopK(3)), [1, 3, 0]);
        assert_eq!(indices(Target::Class(2)), [2]);
        let error = Target::Class(4).classes(&logits).unwrap_err().to_string();
        assert!(error.contains("4 classes, 0 to 3"), "{error}");
    }

    #[test]
    fn a_contrast_takes_away_the_other_class() {
        let logits = Tensor::new(&[1, 3], &[0.5, 3.0, 2.0]).unwrap();
        let class = |index| Target::Class(index).classes(&logits).unwrap()[0];
        let relevance =
            initial_relevance(&logits, class(1), Some(class(2)), Initial::Logit).unwrap();
        assert_eq!(relevance.data(), &[0.0, 3.0, -2.0]);
        let centred =
            initial_relevance(&logits, class(1), Some(class(2)), Initial::Centred).unwrap();
        assert_eq!(centred.data(), relevance.data());
        let one = initial_relevance(&logits, class(1), None, Initial::One).unwrap();
        assert_eq!(one.data(), &[0.0, 1.0, 0.0]);
    }

    #[test]
    fn what_all_classes_have_in_common_is_taken_away() {
        let class = |logits: &Tensor| Target::Class(1).classes(logits).unwrap()[0];
        let put_in = |numbers: &[f32]| {
            let logits = Tensor::new(&[1, numbers.len()], numbers).unwrap();
            initial_relevance(&logits, class(&logits), None, Initial::Centred).unwrap()
        };
        assert_eq!(put_in(&[1.0, 4.0, -2.0, 1.0]).data(), &[-0.25, 3.0, 0.5, -0.25]);
        // The same number more in every logit puts in no more.
        assert_eq!(put_in(&[9.0, 12.0, 6.0, 9.0]).sum(), put_in(&[1.0, 4.0, -2.0, 1.0]).sum());
    }
}
