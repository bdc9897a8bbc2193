//! The transposed maps of linear layers: what hands relevance to their inputs.

use std::sync::Arc;

use anyhow::{Context, Result};

use super::propagate::Carried;
use crate::blocked::finish::Share;
use crate::linear::{BlockedKernel, Convolution, LinearMap, Transposed, WeightPart};
use crate::network::Op;
use crate::tensor::Tensor;

/// `Wᵀ s`, shared between groups.
#[derive(Clone)]
pub(super) enum TransposedKernel {
    Tensors(Arc<Transposed>),
    Blocks(BlockedKernel),
}

impl TransposedKernel {
    /// The kernel of a part of a linear layer's weights.
    pub fn new(op: &Op, part: WeightPart) -> Result<TransposedKernel> {
        if let Some(map) = blocked(op) {
            return Ok(TransposedKernel::Blocks(map.kernel_in_blocks(part, false)?));
        }
        let map = op.as_linear().context("only linear layers are transposed")?;
        Ok(TransposedKernel::Tensors(Arc::new(map.transposed(part)?)))
    }

    /// Adds `coefficient · x ⊙ Wᵀ s` to the relevance of every input, without `x` where there are no parts.
    pub fn gather(
        &self,
        quotients: &Tensor,
        parts: &[Tensor],
        coefficient: f32,
        sums: &mut [Option<Carried>],
    ) -> Result<()> {
        match self {
            TransposedKernel::Tensors(transposed) => {
                let shares = transposed(quotients)?;
                for (place, (share, sum)) in shares.into_iter().zip(sums).enumerate() {
                    *sum = Some(gathered(sum.take(), share, parts.get(place), coefficient)?);
                }
            }
            TransposedKernel::Blocks(kernel) => {
                let factors = parts.first().map(Tensor::data);
                Carried::gather(&mut sums[0], kernel.image, |relevance, adds| {
                    kernel.run(quotients, relevance, &Share { coefficient, factors, adds })
                })?;
            }
        }
        Ok(())
    }
}

/// The transposed kernels of one map: one per part of the weights, shared between groups.
pub(super) struct SharedTransposed<'a> {
    pub op: &'a Op,
    pub map: &'a dyn LinearMap,
    kernels: Vec<(WeightPart, TransposedKernel)>,
}

impl<'a> SharedTransposed<'a> {
    pub fn new(op: &'a Op, map: &'a dyn LinearMap) -> SharedTransposed<'a> {
        SharedTransposed { op, map, kernels: vec![] }
    }

    pub fn get(&mut self, part: WeightPart) -> Result<TransposedKernel> {
        if let Some((_, kernel)) = self.kernels.iter().find(|(known, _)| *known == part) {
            return Ok(kernel.clone());
        }
        let kernel = TransposedKernel::new(self.op, part)?;
        self.kernels.push((part, kernel.clone()));
        Ok(kernel)
    }
}

/// `sum + coefficient · share ⊙ part`: what a term of a division adds to the relevance of an input.
fn gathered(
    sum: Option<Carried>,
    mut share: Tensor,
    part: Option<&Tensor>,
    coefficient: f32,
) -> Result<Carried> {
    let (relevance, sums) = match (sum.map(|sum| sum.relevance), part) {
        (None, Some(part)) => {
            let sums = share.update([part], |share, [x]| coefficient * (share * x))?;
            (share, sums)
        }
        (None, None) if coefficient == 1.0 => {
            let sums = share.sums();
            (share, sums)
        }
        (None, None) => {
            let sums = share.update([], |share, []| coefficient * share)?;
            (share, sums)
        }
        (Some(mut sum), Some(part)) => {
            let sums = sum.update([&share, part], |sum, [s, x]| sum + coefficient * (s * x))?;
            (sum, sums)
        }
        (Some(mut sum), None) => {
            let sums = sum.update([&share], |sum, [share]| sum + coefficient * share)?;
            (sum, sums)
        }
    };
    Ok(Carried { relevance, sums })
}

/// The convolution, where it runs on images in blocks.
pub(super) fn blocked(op: &Op) -> Option<&Convolution> {
    match op {
        Op::Convolution(convolution) if convolution.in_blocks.is_some() => Some(convolution),
        _ => None,
    }
}
