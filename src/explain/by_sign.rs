//! Pointwise convolutions whose inputs have both signs, under rules that favour contributions of one.
//!
//! As products of parts, `W⁺x⁺ + W⁻x⁻` takes two where one will do: the denominator is known from the
//! output and `|W||x|` ([`ContributionQuotient`]), and every input chooses its weights by its sign when
//! relevance is shared out ([`TransposedBySign`]).

use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use super::epilogues::{ContributionQuotient, Contributions, Quotient};
use super::propagate::Carried;
use super::quotient::Absorbed;
use super::reads::Reads;
use crate::blocked::finish::Bias;
use crate::blocked::{Favour, KernelSource, TransposedBySign, finish_all};
use crate::linear::{BlockedKernel, Convolution, Weight, WeightPart};
use crate::rule::{Sign, Stabilizer};
use crate::tensor::Tensor;

/// What a convolution shares out by the signs of its inputs.
pub(super) struct SharesBySign(KernelSource<TransposedBySign, anyhow::Error>);

impl SharesBySign {
    /// The kernel; `None` where the convolution is not a pointwise one on images in blocks.
    ///
    /// # Errors
    /// When the weight cannot be read.
    pub fn new(map: &Convolution, favour: Favour) -> Result<Option<SharesBySign>> {
        let [height, width] = map.window.input_shape()[..] else { return Ok(None) };
        let Some(packing) = map.in_blocks.filter(|_| map.is_pointwise()) else { return Ok(None) };
        if !TransposedBySign::serves(map.weight.shape(), [height, width]) {
            return Ok(None);
        }
        let weight = map.weight.clone();
        let make = move || {
            let weight = weight.load()?;
            let (shape, size) = (weight.shape().to_vec(), [height, width]);
            let kernel = TransposedBySign::new(Arc::new(weight), &shape, favour, packing, size);
            Ok(Arc::new(kernel.context("a convolution of another size")?))
        };
        Ok(Some(SharesBySign(KernelSource::new(packing, make)?)))
    }

    /// Adds to the relevance of the input `coefficient · Σ w x s`, contributions `w x` of `sign` being favoured.
    pub fn gather(
        &self,
        quotients: &Tensor,
        input: &Tensor,
        sign: Sign,
        coefficient: f32,
        sum: &mut Option<Carried>,
    ) -> Result<()> {
        let kernel = self.0.get()?;
        let [inner, outer] = kernel.images();
        Carried::gather(sum, inner, |relevance, adds| {
            let fits = quotients.len() == outer.len() && input.len() == inner.len();
            ensure!(fits && relevance.len() == inner.len(), "images in blocks have other sizes");
            let (quotients, input) = (quotients.data(), input.data());
            let favours_negative = sign == Sign::Negative;
            let relevance = relevance.data_mut();
            Ok(kernel.run(quotients, input, favours_negative, (coefficient, adds), relevance))
        })
    }
}

/// The kernels of a layer's groups, each of which counts contributions of one sign.
pub(super) struct ContributionKernels {
    /// `|W|`.
    magnitude: BlockedKernel,
    shares: SharesBySign,
    /// `[O, I, 1, 1]`.
    weight: Weight,
    /// The layer's bias.
    bias: Option<Tensor>,
    /// Whether several groups divide by what `|W||x|` is part of: then it is kept for the next.
    is_shared: bool,
}

impl ContributionKernels {
    /// The kernels; `None` where there are none for this geometry.
    ///
    /// # Errors
    /// When the images are beyond what 32 bits can address, or the weight cannot be read.
    pub fn new(map: &Convolution, is_shared: bool) -> Result<Option<Arc<ContributionKernels>>> {
        let Some(shares) = SharesBySign::new(map, Favour::Only)? else { return Ok(None) };
        Ok(Some(Arc::new(ContributionKernels {
            magnitude: map.kernel_in_blocks(WeightPart::Magnitude, true)?,
            shares,
            weight: map.weight.taken_along(map.in_blocks.unwrap_or_default())?,
            bias: map.bias.clone(),
            is_shared,
        })))
    }

    /// Replaces relevance by its quotients; `bias` is the part of the bias that takes part.
    pub fn divide(
        &self,
        sign: Sign,
        bias: Option<&Tensor>,
        stabilizer: Stabilizer,
        relevance: &mut Tensor,
        reads: &Reads,
    ) -> Result<Absorbed> {
        let image = self.magnitude.image;
        let weight = self.weight.load()?;
        let (inputs, output) = (reads.inputs()?, reads.output()?);
        let input = inputs.first().context("a convolution reads an image")?;
        let finish = ContributionQuotient {
            contributions: Contributions {
                sign,
                weights: weight.data(),
                inputs: input.data(),
                channels: weight.shape()[1],
                pixels: image.pixels(),
            },
            y: output.data(),
            bias: Bias::of(self.bias.as_ref().map(Tensor::data), image),
            quotient: Quotient {
                stabilizer,
                bias: Bias::of(bias.map(Tensor::data), image),
                before: None,
            },
        };
        let magnitudes = || input.map(f32::abs);
        let totals = match self.is_shared {
            false => self.magnitude.run(&magnitudes()?, relevance, &finish)?,
            true => {
                let sums =
                    reads.magnitudes(|| self.magnitude.forward(&magnitudes()?, None, None))?;
                ensure!(relevance.len() == sums.len(), "relevance has another size");
                finish_all(&finish, image, sums.data(), relevance.data_mut())
            }
        };
        let [by_stabilizer, by_bias] = totals.sums();
        Ok(Absorbed { by_bias, by_stabilizer })
    }

    /// Adds to the relevance of the input what contributions of a sign are given.
    pub fn gather(
        &self,
        sign: Sign,
        quotients: &Tensor,
        reads: &Reads,
        coefficient: f32,
        sum: &mut Option<Carried>,
    ) -> Result<()> {
        let inputs = reads.inputs()?;
        let input = inputs.first().context("a convolution reads an image")?;
        self.shares.gather(quotients, input, sign, coefficient, sum)
    }
}
