//! The rules of the first derivative, for operators that are no linear maps: epsilon on attention and
//! LayerNormalization, the Taylor expansion of softmax and matrix products.

use anyhow::Result;

use super::divide::quotients;
use super::relevance::{Absorbed, Relevance, StepOutput};
use crate::explain::step::TaylorStep;
use crate::operator::Operator;
use crate::tensor::Tensor;

/// `R_in = x ⊙ Jᵀ (R / stabilized(signals · z))` (Achtibat et al. 2024, AttnLRP, section 3.3).
pub(in crate::explain) fn propagate(
    step: TaylorStep,
    operator: &dyn Operator,
    inputs: &[Tensor],
    output: &Tensor,
    arrived: Relevance,
) -> Result<StepOutput> {
    let incoming = arrived.sums[0];
    let (slopes, absorbed) = slopes(step, operator, inputs, output, arrived.tensor)?;
    let times_input = |(mut slope, input): (Tensor, &Tensor)| {
        // What a mask of −∞ hides has no slope, and gets nothing.
        let share = |slope: f32, [x]: [f32; 1]| if slope == 0.0 { 0.0 } else { slope * x };
        let sums = slope.update([input], share)?;
        Ok(Relevance { tensor: slope, sums })
    };
    let relevance = slopes.into_iter().zip(inputs).map(times_input).collect::<Result<Vec<_>>>()?;
    let outgoing: f64 = relevance.iter().map(Relevance::sum).sum();
    let by_bias = match step.of_signal {
        true => absorbed.by_bias,
        // The remainder of a Taylor expansion is by definition the rest.
        false => incoming - absorbed.by_stabilizer - outgoing,
    };
    Ok(StepOutput { absorbed: Absorbed { by_bias, ..absorbed }, ..relevance.into() })
}

/// `Jᵀ (R / stabilized(signals · z))`, and what the bias and the stabilizer absorb.
fn slopes(
    step: TaylorStep,
    operator: &dyn Operator,
    inputs: &[Tensor],
    output: &Tensor,
    mut arrived: Tensor,
) -> Result<(Vec<Tensor>, Absorbed)> {
    if !step.of_signal
        && let Some(slopes) = operator.relative_gradient(inputs, &arrived)?
    {
        return Ok((slopes, Absorbed::default()));
    }
    let bias = operator.bias();
    let mut z = output.clone();
    if let Some(bias) = bias.filter(|_| !step.bias) {
        z.combine_broadcast(bias, |z, bias| *z -= bias)?;
    }
    // What a mask of −∞ hides gets no relevance, whatever that is divided by.
    z.data_mut().iter_mut().filter(|z| z.is_infinite()).for_each(|z| *z = 1.0);
    if step.signals > 1 {
        z.data_mut().iter_mut().for_each(|z| *z *= step.signals as f32);
    }
    let absorbed = quotients(bias.filter(|_| step.bias), step.stabilizer, &mut arrived, &z)?;
    let slopes = match step.of_signal {
        true => operator.gradient_of_signal(inputs, arrived)?,
        false => operator.gradient(inputs, arrived)?,
    };
    Ok((slopes, absorbed))
}
