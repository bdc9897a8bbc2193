//! Parts of weights that are tensors.

use anyhow::Result;

use super::WeightPart;
use crate::tensor::Tensor;

/// The part of every element.
///
/// # Errors
/// When the memory cannot be had.
pub(crate) fn part_of_tensor(part: WeightPart, weights: &Tensor) -> Result<Tensor> {
    match part {
        WeightPart::Plain => Ok(weights.clone()),
        _ => {
            let mut result = Tensor::zeros(weights.shape())?;
            part.write(weights.data(), result.data_mut());
            Ok(result)
        }
    }
}
