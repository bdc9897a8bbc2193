//! The rules of the first derivative, for operators that are no linear maps: epsilon on attention and
//! LayerNormalization, the Taylor expansion of softmax and matrix products.

use anyhow::{Context, Result};

use super::program::ExpansionStep;
use super::propagate::Handed;
use crate::linear::Broadcast;
use crate::operator::Operator;
use crate::tensor::Tensor;

/// `R_in = share · x ⊙ Jᵀ (R / stabilized(z))` (Achtibat et al. 2024, AttnLRP, section 3.3).
pub(super) fn expand(
    step: ExpansionStep,
    operator: &dyn Operator,
    inputs: &[Tensor],
    output: &Tensor,
    arrived: Tensor,
) -> Result<Handed> {
    let incoming = arrived.sum();
    let undivided =
        if step.of_signal { None } else { operator.relative_gradient(inputs, &arrived)? };
    let mut handed = match undivided {
        Some(slopes) => Handed::from(slopes),
        None => divided(step, operator, inputs, output.clone(), &arrived)?,
    };
    for (slope, input) in handed.relevance.iter_mut().zip(inputs) {
        slope.combine_broadcast(input, |slope, x| *slope *= step.share * x)?;
    }
    if !step.of_signal {
        // What a Taylor expansion leaves over is by definition the rest.
        let outgoing: f64 = handed.relevance.iter().map(Tensor::sum).sum();
        handed.absorbed_by_bias = incoming - handed.absorbed_by_stabilizer - outgoing;
    }
    Ok(handed)
}

/// `Jᵀ (R / stabilized(z))`, and what the bias and the stabilizer absorb.
fn divided(
    step: ExpansionStep,
    operator: &dyn Operator,
    inputs: &[Tensor],
    mut z: Tensor,
    arrived: &Tensor,
) -> Result<Handed> {
    let mut absorbed_by_bias = 0.0;
    if let Some(bias) = operator.bias().filter(|_| !step.bias) {
        z.combine_broadcast(bias, |z, bias| *z -= bias)?;
    }
    let absorbed_by_stabilizer = step.stabilizer.divide(arrived.data(), z.data_mut());
    if let Some(bias) = operator.bias().filter(|_| step.bias) {
        let broadcast = Broadcast::between(bias.shape(), z.shape());
        let sums = broadcast.context("the bias does not fit the output")?.sum(z.data());
        let shares = sums.iter().zip(bias.data()).map(|(&s, &b)| f64::from(s) * f64::from(b));
        absorbed_by_bias = shares.sum();
    }
    let relevance = if step.of_signal {
        operator.gradient_of_signal(inputs, z)?
    } else {
        operator.gradient(inputs, z)?
    };
    Ok(Handed { relevance, absorbed_by_bias, absorbed_by_stabilizer })
}
