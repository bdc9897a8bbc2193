//! The rules of the first derivative, for operators that are no linear maps: epsilon on attention and
//! LayerNormalization, the Taylor expansion of softmax and matrix products.

use anyhow::Result;

use super::program::ExpansionStep;
use super::propagate::{Carried, Handed};
use super::quotient::{Absorbed, quotients};
use crate::operator::{GradientReads, Operator};
use crate::tensor::Tensor;

/// `R_in = x ⊙ Jᵀ (R / stabilized(signals · z))` (Achtibat et al. 2024, AttnLRP, section 3.3).
pub(super) fn expand(
    step: ExpansionStep,
    operator: &dyn Operator,
    inputs: &[Tensor],
    output: &Tensor,
    arrived: Carried,
) -> Result<Handed> {
    let incoming = arrived.sums[0];
    let (slopes, absorbed) = slopes(step, operator, inputs, output, arrived.relevance)?;
    let times_input = |(mut slope, input): (Tensor, &Tensor)| {
        // What a mask of −∞ hides has no slope, and gets nothing.
        let share = |slope: f32, [x]: [f32; 1]| if slope == 0.0 { 0.0 } else { slope * x };
        let sums = slope.update([input], share)?;
        Ok(Carried { relevance: slope, sums })
    };
    let relevance = slopes.into_iter().zip(inputs).map(times_input).collect::<Result<Vec<_>>>()?;
    let mut handed = Handed::from(relevance);
    handed.absorbed_by_stabilizer = absorbed.by_stabilizer;
    handed.absorbed_by_bias = match step.of_signal {
        true => absorbed.by_bias,
        // What a Taylor expansion leaves over is by definition the rest.
        false => {
            let outgoing: f64 = handed.relevance.iter().map(|carried| carried.sums[0]).sum();
            incoming - absorbed.by_stabilizer - outgoing
        }
    };
    Ok(handed)
}

/// `Jᵀ (R / stabilized(signals · z))`, and what the bias and the stabilizer absorb.
fn slopes(
    step: ExpansionStep,
    operator: &dyn Operator,
    inputs: &[Tensor],
    output: &Tensor,
    mut arrived: Tensor,
) -> Result<(Vec<Tensor>, Absorbed)> {
    if !step.of_signal
        && let Some(slopes) = operator.relative_gradient(inputs, &arrived)?
    {
        return Ok((slopes, Absorbed { by_bias: 0.0, by_stabilizer: 0.0 }));
    }
    let bias = operator.bias();
    let mut z = output.clone();
    if let Some(bias) = bias.filter(|_| !step.bias) {
        z.combine_broadcast(bias, |z, bias| *z -= bias)?;
    }
    if step.signals > 1 {
        z.data_mut().iter_mut().for_each(|z| *z *= step.signals as f32);
    }
    let absorbed = quotients(bias.filter(|_| step.bias), step.stabilizer, &mut arrived, &z)?;
    let slopes = match step.of_signal {
        true => operator.gradient_of_signal(inputs, arrived)?,
        false if operator.gradient_reads() == GradientReads::Note => {
            operator.gradient(&[operator.note(inputs)?], arrived)?
        }
        false => operator.gradient(inputs, arrived)?,
    };
    Ok((slopes, absorbed))
}
