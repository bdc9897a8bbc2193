//! Rules that treat contributions by their sign (z⁺, αβ, γ), with `W x` and `|W| |x|` in place of parts of weights
//! and inputs.
//!
//! With `W⁺ = (W + |W|) / 2`, `W⁻ = (W − |W|) / 2` and the same of `x`, a [`Split`] needs one forward product,
//! `|W| |x|`, since `W x` is known from the layer's output: gamma would take four, αβ four, z⁺ two. On the way back
//! it needs two products, or one whose weights every input chooses by its sign.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use onnxplain_kernels::nchwc::epilogue::Bias;
use onnxplain_kernels::nchwc::{
    Epilogue, KernelSource, SignBias, TransposedBySign, apply_epilogue,
};
use onnxplain_kernels::simd::SumPair;

use super::StepLayer;
use super::epilogues::{Contributions, SplitQuotient};
use super::relevance::{Absorbed, Relevance, StepOutput};
use super::step_context::StepContext;
use super::transposed::{TransposedKernel, blocked};
use crate::explain::step::{Division, LinearStep, Split, SplitStep};
use crate::linear::{BlockedKernel, Convolution, Forward, Weight, WeightPart};
use crate::network::Op;
use crate::parallel::map_chunks;
use crate::rule::{Group, Stabilizer};
use crate::tensor::{CHUNK, Tensor};

/// Whether a division counts contributions of one sign, on a layer that can have kernels for them: a pointwise
/// convolution, where a denominator that cancels is summed again from a single pixel.
pub(in crate::explain) fn uses_split(op: &Op, step: &LinearStep, division: &Division) -> bool {
    let is_pointwise = matches!(op, Op::Convolution(map) if map.is_pointwise());
    let is_of_one_sign = || Split::of(&division.group).is_some_and(Split::counts_one_sign);
    is_pointwise && step.is_local() && is_of_one_sign()
}

/// The kernels of a signed split.
pub(in crate::explain) struct SplitKernels {
    /// `|W| |x|`.
    magnitude: MagnitudeKernel,
    back: BackKernels,
    /// The layer's bias.
    bias: Option<Tensor>,
    /// The weight `[O, I, 1, 1]`, where denominators that cancel are summed again.
    weight: Option<Weight>,
    /// Whether several groups read `|W| |x|`: then it is kept for the next.
    is_shared: bool,
}

enum MagnitudeKernel {
    Tensors(Forward),
    Blocks(BlockedKernel),
}

/// What hands quotients to the inputs.
enum BackKernels {
    /// `Wᵀ` and `|W|ᵀ`.
    Products(TransposedKernel, TransposedKernel),
    /// One product for whose weights the sign of the input decides, where all outputs favour the same sign.
    SignSelect(SignSelectTransposed),
}

impl SplitKernels {
    /// The kernels of a step.
    ///
    /// # Errors
    /// When the weights cannot be read, or a kernel cannot be built for this geometry.
    pub fn of_step(layer: &StepLayer, step: &SplitStep) -> Result<SplitKernels> {
        let op = layer.op;
        let sign_select = match blocked(op).filter(|_| !step.has_negative_outputs) {
            Some(map) => SignSelectTransposed::new(map, favoured(step.split).0)?,
            None => None,
        };
        let back = match sign_select {
            Some(kernel) => BackKernels::SignSelect(kernel),
            None => BackKernels::Products(
                TransposedKernel::new(op, WeightPart::Plain)?,
                TransposedKernel::new(op, WeightPart::Magnitude)?,
            ),
        };
        let map = layer.map()?;
        let magnitude = match blocked(op) {
            Some(map) => {
                MagnitudeKernel::Blocks(map.kernel_in_blocks(WeightPart::Magnitude, true)?)
            }
            None => MagnitudeKernel::Tensors(map.forward(WeightPart::Magnitude, None)?),
        };
        let bias = map.bias().cloned();
        Ok(SplitKernels { magnitude, back, bias, weight: None, is_shared: false })
    }

    /// The kernels of groups that count contributions of one sign; `None` where there are none for this layout and
    /// geometry.
    ///
    /// # Errors
    /// When the weights cannot be read.
    pub fn of_one_sign(op: &Op, is_shared: bool) -> Result<Option<SplitKernels>> {
        let Some(map) = blocked(op) else { return Ok(None) };
        let Some(back) = SignSelectTransposed::new(map, SignBias::Only)? else { return Ok(None) };
        let magnitude = map.kernel_in_blocks(WeightPart::Magnitude, true)?;
        Ok(Some(SplitKernels {
            magnitude: MagnitudeKernel::Blocks(magnitude),
            back: BackKernels::SignSelect(back),
            bias: map.bias.clone(),
            weight: Some(map.weight.for_kernel(map.in_blocks.unwrap_or_default())?),
            is_shared,
        }))
    }

    /// Distributes the relevance that arrived at a layer; `sums` is what is added to.
    pub fn propagate(
        &self,
        step: &SplitStep,
        context: &StepContext,
        arrived: Relevance,
        mut sums: Vec<Option<Relevance>>,
    ) -> Result<StepOutput> {
        let (inputs, output) = (context.inputs()?, context.output()?);
        let magnitudes: Vec<Tensor> = match step.has_negative_inputs {
            true => magnitudes_of(&inputs)?,
            false => inputs.clone(),
        };
        let mut quotient = arrived.tensor;
        let SplitStep { split, stabilizer, bias: with_bias, .. } = *step;
        let division = SplitDivision { split, stabilizer, with_bias };
        let known = || Ok(magnitudes.clone());
        let absorbed = self.divide(division, (known, &output), None, &mut quotient, context)?;
        match &self.back {
            BackKernels::SignSelect(kernel) => {
                let (_, coefficient) = favoured(split);
                let input = inputs.first().context("a convolution reads an image")?;
                kernel.hand_down(&quotient, input, false, coefficient, &mut sums[0])?;
            }
            BackKernels::Products(plain, magnitude) => {
                plain.hand_down(&quotient, &inputs, split.plain, &mut sums)?;
                if step.has_negative_outputs {
                    quotient.combine([&output], |s, [y]| if y < 0.0 { -s } else { s })?;
                }
                magnitude.hand_down(&quotient, &magnitudes, split.magnitude, &mut sums)?;
            }
        }
        Ok(StepOutput { inputs: sums, absorbed })
    }

    /// Replaces relevance by the quotients of a group that counts contributions of one sign.
    pub fn divide_group(
        &self,
        group: &Group,
        stabilizer: Stabilizer,
        relevance: &mut Tensor,
        context: &StepContext,
    ) -> Result<Absorbed> {
        let split = Split::of(group).context("the group is no split")?;
        let division = SplitDivision { split, stabilizer, with_bias: group.bias.is_some() };
        let (inputs, output) = (context.inputs()?, context.output()?);
        let compute = || magnitudes_of(&inputs);
        self.divide(division, (compute, &output), inputs.first(), relevance, context)
    }

    /// Adds to the relevance of the input what contributions of the sign of a group are given.
    pub fn hand_down_group(
        &self,
        group: &Group,
        quotients: &Tensor,
        context: &StepContext,
        sums: &mut [Option<Relevance>],
    ) -> Result<()> {
        let split = Split::of(group).context("the group is no split")?;
        let BackKernels::SignSelect(kernel) = &self.back else {
            anyhow::bail!("contributions of one sign are handed down by one product");
        };
        let (input, favours_negative) = (context.input()?, split.magnitude < 0.0);
        kernel.hand_down(quotients, &input, favours_negative, group.coefficient, &mut sums[0])
    }

    /// Replaces relevance by its quotients. `magnitudes` computes `|x|`; `input` is the image that contributions are
    /// summed from where `σ` is 1.
    fn divide(
        &self,
        SplitDivision { split, stabilizer, with_bias }: SplitDivision,
        (magnitudes, output): (impl Fn() -> Result<Vec<Tensor>>, &Tensor),
        input: Option<&Tensor>,
        relevance: &mut Tensor,
        context: &StepContext,
    ) -> Result<Absorbed> {
        ensure!(relevance.len() == output.len(), "the relevance has another size than the output");
        let weight = self.weight.as_ref().map(Weight::load).transpose()?;
        let contributions = match (&weight, input, &self.magnitude) {
            (Some(weight), Some(input), MagnitudeKernel::Blocks(kernel)) => Some(Contributions {
                are_negative: split.magnitude < 0.0,
                weights: weight.data(),
                inputs: input.data(),
                channels: weight.shape()[1],
                pixels: kernel.image.pixels(),
            }),
            _ => None,
        };
        let y = output.data();
        let epilogue =
            |bias| SplitQuotient { split, stabilizer, y, bias, with_bias, contributions };
        let totals = match &self.magnitude {
            MagnitudeKernel::Blocks(kernel) => {
                let epilogue =
                    epilogue(Bias::of(self.bias.as_ref().map(Tensor::data), kernel.image));
                let magnitudes = || magnitudes()?.pop().context("a convolution reads an image");
                match self.is_shared || context.has_shared_sums() {
                    false => kernel.run(&magnitudes()?, relevance.data_mut().into(), &epilogue)?,
                    true => {
                        let sums = || kernel.forward(&magnitudes()?, None, None);
                        let sums = context.magnitude_sums(sums)?;
                        ensure!(relevance.len() == sums.len(), "the sums have another size");
                        let relevance = relevance.data_mut().into();
                        apply_epilogue(&epilogue, kernel.image, sums.data(), relevance)
                    }
                }
            }
            MagnitudeKernel::Tensors(forward) => {
                let compute = || forward(&magnitudes()?);
                let sums = match context.has_shared_sums() {
                    true => context.magnitude_sums(compute)?.clone(),
                    false => compute()?,
                };
                let bias = self.bias.as_ref().map(|bias| spread(bias, sums.shape())).transpose()?;
                let bias = bias.as_ref().map_or(Bias::None, |bias| Bias::Map(bias.data()));
                divide_rows(&epilogue(bias), &sums, relevance)?
            }
        };
        let [by_stabilizer, by_bias] = totals.sums();
        Ok(Absorbed { by_bias, by_stabilizer })
    }
}

/// A division by a signed split.
#[derive(Clone, Copy)]
struct SplitDivision {
    split: Split,
    stabilizer: Stabilizer,
    with_bias: bool,
}

/// `|x|` of every input.
fn magnitudes_of(inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    inputs.iter().map(|input| input.map(f32::abs)).collect()
}

/// A bias as a number for every output.
fn spread(bias: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let mut map = Tensor::zeros(shape)?;
    map.combine_broadcast(bias, |to, from| *to = from)?;
    Ok(map)
}

/// Runs an epilogue over sums that lie row by row.
fn divide_rows(epilogue: &SplitQuotient, sums: &Tensor, relevance: &mut Tensor) -> Result<SumPair> {
    ensure!(relevance.len() == sums.len(), "the sums have another size");
    let sums = sums.data();
    Ok(SumPair::of(map_chunks(relevance.data_mut(), CHUNK, |index, relevance| {
        let (mut totals, at) = (SumPair::default(), index * CHUNK);
        let sums = &sums[at..][..relevance.len()];
        epilogue.apply(0, at, sums, relevance.into(), &mut totals);
        totals
    })))
}

/// How a split favours contributions of one sign, and the factor of all: those of the favoured sign count
/// `plain + |magnitude|` times, the others `plain − |magnitude|` times.
fn favoured(Split { plain, magnitude }: Split) -> (SignBias, f32) {
    let favour = magnitude.abs();
    let others = plain - favour;
    match others > 0.0 {
        true => (SignBias::More(2.0 * favour / others), others),
        false => (SignBias::Only, plain + favour),
    }
}

/// The transposed map of a pointwise convolution whose weights every input chooses by its sign.
struct SignSelectTransposed(KernelSource<TransposedBySign, anyhow::Error>);

impl SignSelectTransposed {
    /// The kernel; `None` where the convolution is not a pointwise one on images in blocks.
    ///
    /// # Errors
    /// When the weight cannot be read.
    fn new(map: &Convolution, favour: SignBias) -> Result<Option<SignSelectTransposed>> {
        let [height, width] = map.window.input_shape()[..] else { return Ok(None) };
        let Some(prepack) = map.in_blocks.filter(|_| map.is_pointwise()) else { return Ok(None) };
        if !TransposedBySign::serves(map.weight.shape(), [height, width]) {
            return Ok(None);
        }
        let weight = map.weight.clone();
        let make = move || {
            let weight = weight.load()?;
            let (shape, size) = (weight.shape().to_vec(), [height, width]);
            let kernel = TransposedBySign::new(Arc::new(weight), &shape, favour, prepack, size);
            Ok(Arc::new(kernel.context("a convolution of another size")?))
        };
        Ok(Some(SignSelectTransposed(KernelSource::new(prepack, make)?)))
    }

    /// Adds `coefficient · Σ w x s` to the relevance of the input, contributions `w x` of one sign being favoured.
    fn hand_down(
        &self,
        quotients: &Tensor,
        input: &Tensor,
        favours_negative: bool,
        coefficient: f32,
        sum: &mut Option<Relevance>,
    ) -> Result<()> {
        let kernel = self.0.get()?;
        let [inner, outer] = kernel.images();
        Relevance::accumulate(sum, inner, |relevance| {
            let fits = quotients.len() == outer.len() && input.len() == inner.len();
            ensure!(fits && relevance.len() == inner.len(), "images in blocks have other sizes");
            let (quotients, input) = (quotients.data(), input.data());
            Ok(kernel.run(quotients, input, favours_negative, coefficient, relevance))
        })
    }
}
