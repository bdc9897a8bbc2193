//! A scale and a shift per channel: BatchNormalization at inference, constant `Mul`, `Add`, `Sub`, `Div`.

use anyhow::Result;

use super::Operator;
use super::activation::single;
use crate::tensor::Tensor;

/// `y = scale · x + shift`, both broadcasting to the signal.
#[derive(Clone, Debug)]
pub struct Affine {
    /// The factor; `None` is 1.
    pub scale: Option<Tensor>,
    /// The summand; `None` is 0.
    pub shift: Option<Tensor>,
}

impl Operator for Affine {
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        let mut signal = single(inputs)?;
        if let Some(scale) = &self.scale {
            signal.combine_broadcast(scale, |to, from| *to *= from)?;
        }
        if let Some(shift) = &self.shift {
            signal.combine_broadcast(shift, |to, from| *to += from)?;
        }
        Ok(signal)
    }

    fn gradient(&self, _inputs: &[Tensor], mut relevance: Tensor) -> Result<Vec<Tensor>> {
        if let Some(scale) = &self.scale {
            relevance.combine_broadcast(scale, |to, from| *to *= from)?;
        }
        Ok(vec![relevance])
    }

    fn gradient_reads_inputs(&self) -> bool {
        false
    }
}
