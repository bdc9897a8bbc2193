//! The divisions of a rule on a linear layer: `z = Σ W_t x_t + b`, `s = R / stab(z)`,
//! `R_in = c Σ x_t ⊙ W_tᵀ s`, one for each group.
//!
//! On images in blocks an epilogue divides where `z` is summed, and multiplies where `Wᵀ s` is: neither sum is
//! written to memory to be read again.

use std::sync::Arc;

use anyhow::{Context, Result};
use onnxplain_kernels::nchwc::epilogue::Bias;

use super::StepLayer;
use super::divide::quotients;
use super::epilogues::Quotient;
use super::relevance::{Absorbed, Relevance, StepOutput};
use super::signed_split::{SplitKernels, uses_split};
use super::step_context::StepContext;
use super::transposed::{SharedTransposed, TransposedKernel, blocked};
use crate::explain::step::{Denominator, Division, LinearStep};
use crate::linear::{BlockedKernel, Forward, part_of_tensor};
use crate::network::Interval;
use crate::rule::{Group, InputPart, Sign, Stabilizer, StabilizerKind, Term};
use crate::tensor::Tensor;

/// A division of a rule, with kernels.
pub(in crate::explain) struct DivisionKernels {
    group: Group,
    /// The part of the bias that takes part.
    bias: Option<Tensor>,
    denominator: DenominatorKernels,
    back: BackKernels,
}

/// What computes denominators.
enum DenominatorKernels {
    /// They are the layer's output.
    Output,
    /// The terms are added up.
    Terms {
        /// The part that is the same for every picture; with kernels on tensors the bias is in it where no term
        /// adds it.
        constant: Option<Tensor>,
        terms: Vec<TermForward>,
    },
    /// From the layer's output and `|W| |x|`.
    Split(Arc<SplitKernels>),
}

/// What hands quotients to the inputs.
enum BackKernels {
    Terms(Vec<TermTransposed>),
    Split(Arc<SplitKernels>),
}

/// Computes `W x` of a term.
struct TermForward {
    input: TermInput,
    kernel: ForwardKernel,
}

enum ForwardKernel {
    /// The first term adds the bias.
    Tensors(Forward),
    Blocks(BlockedKernel),
}

/// Computes `x ⊙ Wᵀ s` of a term.
struct TermTransposed {
    input: TermInput,
    kernel: TransposedKernel,
}

/// What a term reads.
#[derive(Clone)]
struct TermInput {
    part: InputPart,
    /// What is subtracted from each input: its lowest or highest value.
    offsets: Vec<Tensor>,
}

impl TermInput {
    fn new(part: InputPart, ranges: &[Interval]) -> TermInput {
        let offset = |range: &Interval| match part {
            InputPart::AboveLow => range.low.clone(),
            _ => range.high.clone(),
        };
        let ranges = if part.is_relative() { ranges } else { &[] };
        TermInput { part, offsets: ranges.iter().map(offset).collect() }
    }

    fn read(&self, context: &StepContext) -> Result<Vec<Tensor>> {
        context.parts(self.part, &self.offsets)
    }
}

impl DivisionKernels {
    /// The kernels of all divisions of a step.
    ///
    /// # Errors
    /// When the weights cannot be read, or a kernel cannot be built for this geometry.
    pub fn of_step(layer: &StepLayer, step: &LinearStep) -> Result<Vec<DivisionKernels>> {
        let mut shared = SharedTransposed::new(layer.op);
        let uses_split = |division: &&Division| uses_split(layer.op, step, division);
        let split = match step.divisions.iter().filter(uses_split).count() {
            0 => None,
            count => SplitKernels::of_one_sign(layer.op, count > 1)?.map(Arc::new),
        };
        let kernels = |division: &Division| match &split {
            Some(split) if uses_split(&division) => {
                let (group, split) = (division.group.clone(), split.clone());
                let denominator = DenominatorKernels::Split(split.clone());
                let back = BackKernels::Split(split);
                Ok(DivisionKernels { group, bias: None, denominator, back })
            }
            _ => DivisionKernels::of_terms(layer, division, &step.ranges, &mut shared),
        };
        step.divisions.iter().map(kernels).collect()
    }

    /// The kernels of all terms; what of them is the same for every picture becomes a constant.
    fn of_terms(
        layer: &StepLayer,
        Division { group, denominator }: &Division,
        ranges: &[Interval],
        shared: &mut SharedTransposed,
    ) -> Result<DivisionKernels> {
        let map = layer.map()?;
        let bias = match (group.bias, map.bias()) {
            (Some(part), Some(bias)) => Some(part_of_tensor(part, bias)?),
            _ => None,
        };
        let back = |term: &Term| {
            let input = TermInput::new(term.input, ranges);
            Ok(TermTransposed { input, kernel: shared.get(term.weight)? })
        };
        let back = group.terms.iter().map(back).collect::<Result<_>>()?;
        let denominator = match denominator {
            Denominator::Output => DenominatorKernels::Output,
            Denominator::Terms => terms_forward(layer, group, ranges, bias.clone())?,
        };
        Ok(DivisionKernels {
            group: group.clone(),
            bias,
            denominator,
            back: BackKernels::Terms(back),
        })
    }

    /// Replaces relevance by its quotients.
    fn divide(
        &self,
        stabilizer: Stabilizer,
        relevance: &mut Tensor,
        context: &StepContext,
    ) -> Result<Absorbed> {
        let bias = self.bias.as_ref();
        match &self.denominator {
            DenominatorKernels::Output => {
                quotients(bias, stabilizer, relevance, &context.output()?)
            }
            DenominatorKernels::Split(kernels) => {
                kernels.divide_group(&self.group, stabilizer, relevance, context)
            }
            DenominatorKernels::Terms { constant, terms } => {
                self.divide_by_terms(constant.clone(), terms, stabilizer, relevance, context)
            }
        }
    }

    /// Adds to the relevance of every input what the group hands to it.
    fn hand_down(
        &self,
        quotients: &Tensor,
        context: &StepContext,
        sums: &mut [Option<Relevance>],
    ) -> Result<()> {
        let coefficient = self.group.coefficient;
        match &self.back {
            BackKernels::Split(kernels) => {
                kernels.hand_down_group(&self.group, quotients, context, sums)
            }
            BackKernels::Terms(terms) => terms.iter().try_for_each(|term| {
                let is_constant = term.input.part.is_constant();
                let parts = if is_constant { vec![] } else { term.input.read(context)? };
                term.kernel.hand_down(quotients, &parts, coefficient, sums)
            }),
        }
    }

    fn divide_by_terms(
        &self,
        mut z: Option<Tensor>,
        terms: &[TermForward],
        stabilizer: Stabilizer,
        relevance: &mut Tensor,
        context: &StepContext,
    ) -> Result<Absorbed> {
        let mut terms = terms.iter().peekable();
        while let Some(TermForward { input, kernel }) = terms.next() {
            let is_last = terms.peek().is_none();
            let inputs = input.read(context)?;
            match kernel {
                ForwardKernel::Tensors(forward) => add(&mut z, forward(&inputs)?)?,
                ForwardKernel::Blocks(kernel) => {
                    let input = inputs.first().context("a convolution reads an image")?;
                    // A relative ε is known when all of z is.
                    if is_last && stabilizer.kind != StabilizerKind::Relative {
                        return self.divide_in_epilogue(stabilizer, relevance, kernel, input, z);
                    }
                    let bias = self.bias.as_ref().filter(|_| is_last);
                    add(&mut z, kernel.forward(input, bias, None)?)?;
                }
            }
        }
        let z = match z {
            Some(z) => z,
            None => Tensor::zeros(relevance.shape())?,
        };
        quotients(self.bias.as_ref(), stabilizer, relevance, &z)
    }

    fn divide_in_epilogue(
        &self,
        stabilizer: Stabilizer,
        relevance: &mut Tensor,
        kernel: &BlockedKernel,
        input: &Tensor,
        before: Option<Tensor>,
    ) -> Result<Absorbed> {
        let epilogue = Quotient {
            stabilizer,
            bias: Bias::of(self.bias.as_ref().map(Tensor::data), kernel.image),
            before: before.as_ref().map(Tensor::data),
        };
        let [by_stabilizer, by_bias] =
            kernel.run(input, relevance.data_mut().into(), &epilogue)?.sums();
        Ok(Absorbed { by_bias, by_stabilizer })
    }
}

/// What adds up the terms of a group; `bias` is the part that takes part.
fn terms_forward(
    layer: &StepLayer,
    group: &Group,
    ranges: &[Interval],
    bias: Option<Tensor>,
) -> Result<DenominatorKernels> {
    let map = layer.map()?;
    let in_blocks = blocked(layer.op);
    let (mut constant, mut pending_bias) = (None, bias);
    let mut terms = vec![];
    for term in &group.terms {
        if term.input.is_constant() {
            add(&mut constant, map.forward(term.weight, None)?(&layer.ones()?)?)?;
            continue;
        }
        let kernel = match in_blocks {
            Some(map) => ForwardKernel::Blocks(map.kernel_in_blocks(term.weight, true)?),
            None => ForwardKernel::Tensors(map.forward(term.weight, pending_bias.take())?),
        };
        terms.push(TermForward { input: TermInput::new(term.input, ranges), kernel });
    }
    // In blocks the epilogue of the last term adds the bias.
    let is_added = in_blocks.is_some() && !terms.is_empty();
    if let Some(bias) = pending_bias.filter(|_| !is_added) {
        let mut sum = constant.map_or_else(|| Tensor::zeros(&layer.output_shape), Ok)?;
        sum.combine_broadcast(&bias, |to, from| *to += from)?;
        constant = Some(sum);
    }
    Ok(DenominatorKernels::Terms { constant, terms })
}

/// `sum += part`, starting the sum where there is none.
fn add(sum: &mut Option<Tensor>, part: Tensor) -> Result<()> {
    match sum {
        Some(sum) => sum.add_assign(&part),
        None => {
            *sum = Some(part);
            Ok(())
        }
    }
}

/// Distributes the relevance that arrived at a layer by all divisions of its step; `sums` is what they add to.
pub(in crate::explain) fn propagate(
    step: &LinearStep,
    divisions: &[DivisionKernels],
    context: &StepContext,
    arrived: Relevance,
    mut sums: Vec<Option<Relevance>>,
) -> Result<StepOutput> {
    let mut absorbed = Absorbed::default();
    let mut taken_up = 0.0;
    let (relevance, [incoming, _]) = (arrived.tensor, arrived.sums);
    let mut relevance = Some(relevance);
    for (index, division) in divisions.iter().enumerate() {
        // The last division writes its quotients over what arrived.
        let is_last = index + 1 == divisions.len();
        let arrived = if is_last { relevance.take() } else { relevance.clone() };
        let mut arrived = arrived.context("relevance was used up")?;
        taken_up += match division.group.gate {
            Some(sign) => close_gate(&mut arrived, sign, &context.output()?)?,
            None => incoming,
        };
        let coefficient = f64::from(division.group.coefficient);
        let lost = division.divide(step.stabilizer, &mut arrived, context)?;
        absorbed.by_bias += coefficient * lost.by_bias;
        absorbed.by_stabilizer += coefficient * lost.by_stabilizer;
        division.hand_down(&arrived, context, &mut sums)?;
    }
    if divisions.iter().all(|division| division.group.gate.is_some()) {
        // An output of 0 opens no gate: its relevance is dropped.
        absorbed.by_stabilizer += incoming - taken_up;
    }
    Ok(StepOutput { inputs: sums, absorbed })
}

/// Keeps relevance only where the layer's output has the sign of the gate; returns the sum of what is kept.
fn close_gate(relevance: &mut Tensor, gate: Sign, output: &Tensor) -> Result<f64> {
    let kept = match gate {
        Sign::Positive => relevance.update([output], |r, [y]| if y > 0.0 { r } else { 0.0 })?,
        Sign::Negative => relevance.update([output], |r, [y]| if y < 0.0 { r } else { 0.0 })?,
    };
    Ok(kept[0])
}
