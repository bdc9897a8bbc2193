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
//! Nothing cancels: both summands of `z` have the sign of `y`. With the shares 1/2 and 1/2 it is the
//! z⁺ rule at positive outputs. Where only those receive relevance (`σ = 1`), `R_in` is one product
//! for whose weights the sign of `x` decides ([`by_sign`](super::by_sign)).

use std::slice;

use anyhow::{Context, Result};

use super::by_sign::SharesBySign;
use super::epilogues::GammaQuotient;
use super::propagate::{Carried, Handed};
use super::quotient::{quotients, spread_over, weighted_sum};
use super::transposed::TransposedKernel;
use crate::blocked::Favour;
use crate::blocked::finish::Bias;
use crate::linear::{
    BlockedKernel, Convolution, Forward, LinearMap, Transposed, WeightPart, part_of_tensor,
};
use crate::network::{LayerId, Op};
use crate::rule::{Sign, Stabilizer, StabilizerKind};
use crate::tensor::Tensor;

/// The gamma rule on one layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GammaStep {
    /// The share of the contributions as they are: `1 + γ/2`.
    pub share: f32,
    /// How much contributions of the output's own sign are favoured: `γ/2`.
    pub favour: f32,
    /// Whether relevance arrives at outputs below 0.
    pub has_negative: bool,
    /// Whether no input can be below 0: they are their own magnitudes.
    pub nonnegative_inputs: bool,
    /// The layer whose value is `y` wherever relevance arrives: the layer itself, or a ReLU behind it.
    pub output: LayerId,
    /// Whether the bias takes part.
    pub bias: bool,
    /// What keeps `z` from zero.
    pub stabilizer: Stabilizer,
}

impl GammaStep {
    /// `|x|`.
    fn magnitude(self, input: &Tensor) -> Result<Tensor> {
        if self.nonnegative_inputs { Ok(input.clone()) } else { input.map(f32::abs) }
    }

    /// How positive contributions are favoured at positive outputs, and the coefficient: they count `share + favour`
    /// times, negative ones `share − favour` times.
    fn favoured(self) -> (Favour, f32) {
        let negative = self.share - self.favour;
        match negative > 0.0 {
            true => (Favour::More(2.0 * self.favour / negative), negative),
            false => (Favour::Only, self.share + self.favour),
        }
    }
}

/// The kernels of a layer with this step.
pub(super) enum GammaKernels {
    Tensors(OnTensors),
    Blocks(InBlocks),
}

impl GammaKernels {
    /// The kernels of a linear layer.
    pub fn new(step: GammaStep, op: &Op) -> Result<GammaKernels> {
        match op {
            // A relative ε is known when all of z is.
            Op::Convolution(map)
                if map.in_blocks.is_some() && step.stabilizer.kind != StabilizerKind::Relative =>
            {
                InBlocks::new(step, op, map).map(GammaKernels::Blocks)
            }
            _ => {
                let map = op.as_linear().context("the gamma rule is for linear layers")?;
                OnTensors::new(step, map).map(GammaKernels::Tensors)
            }
        }
    }

    /// Whether [`GammaKernels::propagate`] adds to the relevance that the only input already has.
    pub fn add_to_relevance(&self) -> bool {
        matches!(self, GammaKernels::Blocks(_))
    }

    /// Relevance of the inputs; `output` is the value of [`GammaStep::output`], and `before` what is added to.
    pub fn propagate(
        &self,
        step: GammaStep,
        inputs: &[Tensor],
        output: &Tensor,
        arrived: Carried,
        before: Option<Carried>,
    ) -> Result<Handed> {
        match self {
            GammaKernels::Tensors(kernels) => kernels.propagate(step, inputs, output, arrived),
            GammaKernels::Blocks(kernels) => {
                let input = inputs.first().context("a convolution reads an image")?;
                kernels.propagate(step, input, output, arrived.relevance, before)
            }
        }
    }
}

/// The kernels of a convolution on images in blocks.
pub(super) struct InBlocks {
    /// `|W| |x|`.
    magnitude: BlockedKernel,
    shares: Shares,
    /// The layer's bias.
    bias: Option<Tensor>,
}

/// What shares relevance out.
enum Shares {
    /// `Wᵀ` and `|W|ᵀ`.
    Products(TransposedKernel, TransposedKernel),
    /// `Wᵀ`, where outputs that receive relevance have one sign: only the input's sign decides.
    BySign(SharesBySign),
}

impl InBlocks {
    fn new(step: GammaStep, op: &Op, map: &Convolution) -> Result<InBlocks> {
        let by_sign = match step.has_negative {
            true => None,
            false => SharesBySign::new(map, step.favoured().0)?,
        };
        Ok(InBlocks {
            magnitude: map.kernel_in_blocks(WeightPart::Magnitude, true)?,
            shares: match by_sign {
                Some(by_sign) => Shares::BySign(by_sign),
                None => Shares::Products(
                    TransposedKernel::new(op, WeightPart::Plain)?,
                    TransposedKernel::new(op, WeightPart::Magnitude)?,
                ),
            },
            bias: map.bias.clone(),
        })
    }

    fn propagate(
        &self,
        step: GammaStep,
        input: &Tensor,
        output: &Tensor,
        mut quotient: Tensor,
        before: Option<Carried>,
    ) -> Result<Handed> {
        let GammaStep { share, favour, .. } = step;
        let magnitudes = step.magnitude(input)?;
        let finish = GammaQuotient {
            stabilizer: step.stabilizer,
            share,
            favour,
            y: output.data(),
            bias: Bias::of(self.bias.as_ref().map(Tensor::data), self.magnitude.image),
            with_bias: step.bias,
        };
        let absorbed = self.magnitude.run(&magnitudes, &mut quotient, &finish)?.sums();
        let mut sums = [before];
        match &self.shares {
            Shares::BySign(shares) => {
                let (_, coefficient) = step.favoured();
                shares.gather(&quotient, input, Sign::Positive, coefficient, &mut sums[0])?;
            }
            Shares::Products(plain, magnitude) => {
                plain.gather(&quotient, slice::from_ref(input), share, &mut sums)?;
                if step.has_negative {
                    quotient.combine([output], |s, [y]| if y < 0.0 { -s } else { s })?;
                }
                magnitude.gather(&quotient, &[magnitudes], favour, &mut sums)?;
            }
        }
        let mut handed = Handed::from(sums.into_iter().flatten().collect::<Vec<Carried>>());
        [handed.absorbed_by_stabilizer, handed.absorbed_by_bias] = absorbed;
        Ok(handed)
    }
}

/// The kernels of any other linear layer.
pub(super) struct OnTensors {
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

impl OnTensors {
    fn new(step: GammaStep, map: &dyn LinearMap) -> Result<OnTensors> {
        let bias = map.bias().filter(|_| step.bias);
        let bias_magnitude =
            bias.map(|bias| part_of_tensor(WeightPart::Magnitude, bias)).transpose()?;
        Ok(OnTensors {
            magnitude: map.forward(WeightPart::Magnitude, bias_magnitude.clone())?,
            plain: map.transposed(WeightPart::Plain)?,
            magnitude_transposed: map.transposed(WeightPart::Magnitude)?,
            bias: map.bias().cloned(),
            bias_magnitude,
        })
    }

    fn propagate(
        &self,
        step: GammaStep,
        inputs: &[Tensor],
        output: &Tensor,
        arrived: Carried,
    ) -> Result<Handed> {
        let GammaStep { share: plain_share, favour, .. } = step;
        let incoming = arrived.sums[0];
        let mut quotient = arrived.relevance;
        // An output of 0 has no sign: its relevance is dropped.
        let taken_up = quotient.update([output], |r, [y]| if y == 0.0 { 0.0 } else { r })?[0];
        let magnitudes = inputs.iter().map(|input| step.magnitude(input));
        let magnitudes = magnitudes.collect::<Result<Vec<Tensor>>>()?;
        let mut z = (self.magnitude)(&magnitudes)?;
        let mut unbiased = output.clone();
        if let Some(bias) = self.bias.as_ref().filter(|_| !step.bias) {
            unbiased.combine_broadcast(bias, |y, bias| *y -= bias)?;
        }
        z.combine([&unbiased, output], |magnitude, [z, y]| {
            plain_share * z + favour * magnitude.copysign(y)
        })?;
        let bias = self.bias.as_ref().filter(|_| step.bias);
        let absorbed = quotients(bias, step.stabilizer, &mut quotient, &z)?;
        let mut signed = quotient.clone();
        signed.combine([output], |s, [y]| if y < 0.0 { -s } else { s })?;
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
