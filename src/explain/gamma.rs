//! The gamma rule on inputs of both signs, with two transposed products instead of four and one forward instead of four.
//!
//! With `W⁺ = (W + |W|) / 2`, `W⁻ = (W − |W|) / 2`, the same of `x`, and `σ` the sign of the output `y`,
//! the two groups of the rule, of which every output has one, are
//!
//! ```text
//! z    = (1 + γ/2) y + σ γ/2 (|W| |x| + |b|)
//! R_in = (1 + γ/2) x ⊙ Wᵀ s + γ/2 |x| ⊙ |W|ᵀ (σ s),    s = R / stabilized(z)
//! ```
//!
//! Nothing cancels: both summands of `z` have the sign of `y`.

use anyhow::Result;

use super::propagate::{Carried, Handed, quotients, spread_over, weighted_sum};
use crate::linear::{Forward, LinearMap, Transposed, WeightPart};
use crate::rule::Stabilizer;
use crate::tensor::Tensor;

/// The gamma rule on one layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GammaStep {
    /// How much contributions of the output's own sign are favoured.
    pub gamma: f32,
    /// Whether the bias takes part.
    pub bias: bool,
    /// What keeps `z` from zero.
    pub stabilizer: Stabilizer,
}

/// The kernels of a layer with this step.
pub(super) struct GammaKernels {
    /// `|W| |x| + |b|`.
    magnitude: Forward,
    /// `Wᵀ`.
    plain: Transposed,
    /// `|W|ᵀ`.
    magnitude_transposed: Transposed,
    /// The layer's bias.
    bias: Option<Tensor>,
    /// `|b|`, where the bias takes part.
    bias_magnitude: Option<Tensor>,
}

impl GammaKernels {
    pub fn new(step: GammaStep, map: &dyn LinearMap) -> Result<GammaKernels> {
        let bias = map.bias().filter(|_| step.bias);
        let bias_magnitude = bias.map(|bias| WeightPart::Magnitude.of_tensor(bias)).transpose()?;
        Ok(GammaKernels {
            magnitude: map.forward(WeightPart::Magnitude, bias_magnitude.clone())?,
            plain: map.transposed(WeightPart::Plain)?,
            magnitude_transposed: map.transposed(WeightPart::Magnitude)?,
            bias: map.bias().cloned(),
            bias_magnitude,
        })
    }

    /// Relevance of the inputs; `output` is the layer's value.
    pub fn propagate(
        &self,
        step: GammaStep,
        inputs: &[Tensor],
        output: &Tensor,
        arrived: Carried,
    ) -> Result<Handed> {
        let (plain_share, favour) = (1.0 + 0.5 * step.gamma, 0.5 * step.gamma);
        let incoming = arrived.sums[0];
        let mut quotient = arrived.relevance;
        // An output of 0 has no sign: its relevance is dropped.
        let taken_up = quotient.update([output], |r, [y]| if y == 0.0 { 0.0 } else { r })?[0];
        let magnitudes: Vec<Tensor> =
            inputs.iter().map(|input| input.map(f32::abs)).collect::<Result<_>>()?;
        let mut z = (self.magnitude)(&magnitudes)?;
        let mut unbiased = output.clone();
        if let Some(bias) = self.bias.as_ref().filter(|_| !step.bias) {
            unbiased.combine_broadcast(bias, |y, bias| *y -= bias)?;
        }
        z.update([&unbiased, output], |magnitude, [z, y]| {
            plain_share * z + favour * magnitude.copysign(y)
        })?;
        let bias = self.bias.as_ref().filter(|_| step.bias);
        let absorbed = quotients(bias, step.stabilizer, &mut quotient, &z)?;
        let mut signed = quotient.clone();
        signed.update([output], |s, [y]| if y < 0.0 { -s } else { s })?;
        let by_favour = match &self.bias_magnitude {
            Some(bias) => weighted_sum(spread_over(&signed, bias)?, &signed, bias),
            None => 0.0,
        };
        let shares = (self.plain)(&quotient)?.into_iter();
        let favours = (self.magnitude_transposed)(&signed)?;
        let joined = |((mut share, favoured), input): ((Tensor, Tensor), &Tensor)| {
            let sums = share.update([&favoured, input], |share, [favoured, x]| {
                plain_share * x * share + favour * x.abs() * favoured
            })?;
            Ok(Carried { relevance: share, sums })
        };
        let relevance = shares.zip(favours).zip(inputs).map(joined).collect::<Result<Vec<_>>>()?;
        let mut handed = Handed::from(relevance);
        handed.absorbed_by_bias =
            f64::from(plain_share) * absorbed.by_bias + f64::from(favour) * by_favour;
        handed.absorbed_by_stabilizer = absorbed.by_stabilizer + incoming - taken_up;
        Ok(handed)
    }
}
