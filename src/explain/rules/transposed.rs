//! Transposed linear maps: the second half of every rule, which hands relevance to the inputs.

use std::sync::Arc;

use anyhow::{Context, Result};
use onnxplain_kernels::nchwc::epilogue::Share;

use super::relevance::Relevance;
use crate::linear::{BlockedKernel, Convolution, Transposed, WeightPart};
use crate::network::Op;
use crate::tensor::Tensor;

/// `Wᵀ s`, shared between groups.
#[derive(Clone)]
pub(in crate::explain) enum TransposedKernel {
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
    pub fn hand_down(
        &self,
        quotients: &Tensor,
        parts: &[Tensor],
        coefficient: f32,
        sums: &mut [Option<Relevance>],
    ) -> Result<()> {
        match self {
            TransposedKernel::Tensors(transposed) => {
                let shares = transposed(quotients)?;
                for (place, (share, sum)) in shares.into_iter().zip(sums).enumerate() {
                    *sum = Some(accumulated(sum.take(), share, parts.get(place), coefficient)?);
                }
            }
            TransposedKernel::Blocks(kernel) => {
                let factors = parts.first().map(Tensor::data);
                Relevance::accumulate(&mut sums[0], kernel.image, |relevance| {
                    kernel.run(quotients, relevance, &Share { coefficient, factors })
                })?;
            }
        }
        Ok(())
    }
}

/// The transposed kernels of one map: one per part of the weights, shared between groups.
pub(super) struct SharedTransposed<'a> {
    op: &'a Op,
    kernels: Vec<(WeightPart, TransposedKernel)>,
}

impl<'a> SharedTransposed<'a> {
    pub fn new(op: &'a Op) -> SharedTransposed<'a> {
        SharedTransposed { op, kernels: vec![] }
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
fn accumulated(
    sum: Option<Relevance>,
    mut share: Tensor,
    part: Option<&Tensor>,
    coefficient: f32,
) -> Result<Relevance> {
    let (tensor, sums) = match (sum.map(|sum| sum.tensor), part) {
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
    Ok(Relevance { tensor, sums })
}

/// The convolution, where it runs on images in blocks.
pub(super) fn blocked(op: &Op) -> Option<&Convolution> {
    match op {
        Op::Convolution(convolution) if convolution.in_blocks.is_some() => Some(convolution),
        _ => None,
    }
}
