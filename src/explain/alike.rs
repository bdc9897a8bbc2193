//! Layers whose channels all compute the same under their rule: the first one under flat, where every weight and
//! every input counts as 1.
//!
//! A part of compiling and of propagation: what arrives at such a layer is added up over its channels, and a layer
//! of one channel hands it on.

use anyhow::Result;

use super::program::Step;
use crate::linear::{self, Convolution, WeightPart};
use crate::network::Op;
use crate::rule::{Group, Term};
use crate::tensor::{self, Tensor};

/// The layer with one channel in place of all; `None` where they do not compute the same.
///
/// # Errors
/// When there is no memory for its weight.
pub(super) fn with_one_channel(op: &Op, step: &Step) -> Result<Option<Op>> {
    let (Op::Convolution(map), Step::Linear(step)) = (op, step) else { return Ok(None) };
    let is_one = |term: &Term| term.weight == WeightPart::One && term.input.is_constant();
    let is_alike = |group: &Group| {
        group.bias.is_none() && group.gate.is_none() && group.terms.iter().all(is_one)
    };
    if map.groups != 1 || map.is_transposed || !step.groups.iter().all(is_alike) {
        return Ok(None);
    }
    let mut shape = map.weight.shape().to_vec();
    shape[0] = 1;
    let weight = Tensor::filled(&shape, 1.0)?.into();
    Ok(Some(Op::Convolution(Convolution { weight, bias: None, ..map.clone() })))
}

/// Relevance of a layer of shape `[1, C, ...]`, row by row or in blocks, added up over its channels: `[1, 1, ...]`.
///
/// # Errors
/// When it has not the layer's shape.
pub(super) fn added_up(relevance: &Tensor, shape: &[usize]) -> Result<Tensor> {
    match relevance.shape() == shape {
        true => linear::sum_channels(relevance, 1),
        false => tensor::sum_channels(relevance, shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::quarters;

    #[test]
    fn channels_are_added_up_in_either_layout() {
        let shape = [1, 19, 5, 70];
        let rows = quarters(&shape, 7);
        let sums = added_up(&rows, &shape).unwrap();
        assert_eq!(sums.shape(), [1, 1, 5, 70]);
        for (pixel, &sum) in sums.data().iter().enumerate() {
            let channels = (0..19).map(|channel| rows.data()[channel * 350 + pixel]);
            assert_eq!(sum, channels.sum::<f32>());
        }
        let blocks = tensor::to_blocks(&rows).unwrap();
        assert_eq!(added_up(&blocks, &shape).unwrap().data(), sums.data());
        assert!(added_up(&rows, &[1, 18, 5, 70]).is_err());
    }
}
