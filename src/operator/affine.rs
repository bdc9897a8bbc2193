//! A scale and a shift per channel: BatchNormalization at inference, constant `Mul`, `Add`, `Sub`, `Div`.

use anyhow::Result;

use super::activation::single;
use super::{Binary, Function, GradientReads, Operator};
use crate::tensor::Tensor;

/// `y = scale · x + shift`, both broadcasting to the signal.
#[derive(Clone, Debug)]
pub struct Affine {
    /// The factor; `None` is 1.
    pub scale: Option<Tensor>,
    /// The summand; `None` is 0.
    pub shift: Option<Tensor>,
}

impl Affine {
    /// `outer(self(x))` as one scale and shift, for a signal of the given shape:
    /// `g₂ (g₁ x + h₁) + h₂ = (g₂ g₁) x + (g₂ h₁ + h₂)`.
    ///
    /// # Errors
    /// When a constant does not broadcast to `shape`.
    pub fn then(&self, outer: &Affine, shape: &[usize]) -> Result<Affine> {
        let combine =
            |a: &Option<Tensor>, b: &Option<Tensor>, function: fn(&mut f32, f32)| match (a, b) {
                (Some(a), Some(b)) => a.combined(b, shape, function).map(Some),
                _ => Ok(a.clone().or_else(|| b.clone())),
            };
        let multiply: fn(&mut f32, f32) = |to, from| *to *= from;
        let scale = combine(&self.scale, &outer.scale, multiply)?;
        let shift = match &self.shift {
            Some(_) => combine(&self.shift, &outer.scale, multiply)?,
            None => None,
        };
        let shift = combine(&shift, &outer.shift, |to, from| *to += from)?;
        Ok(Affine { scale, shift })
    }
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

    fn gradient_reads(&self) -> GradientReads {
        GradientReads::Nothing
    }

    fn is_linear_in_signal(&self) -> bool {
        true
    }

    fn bias(&self) -> Option<&Tensor> {
        self.shift.as_ref()
    }
}

impl From<&Affine> for Function {
    fn from(affine: &Affine) -> Function {
        let mut function = Function::identity();
        if let Some(scale) = &affine.scale {
            function = function.then(&Function::with_constant(Binary::Mul, scale, false));
        }
        if let Some(shift) = &affine.shift {
            function = function.then(&Function::with_constant(Binary::Add, shift, false));
        }
        function
    }
}
