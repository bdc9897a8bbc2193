//! The divisions of a rule on a linear layer: `z = Σ W_t x_t + b`, `s = R / stab(z)`,
//! `R_in = c Σ x_t ⊙ W_tᵀ s`, one for each group.
//!
//! On images in blocks the quotient is taken where `z` is summed, and the product where `Wᵀ s` is:
//! neither is written to be read again.

use std::sync::Arc;

use anyhow::{Context, Result};

use super::by_sign::ContributionKernels;
use super::engine::Engine;
use super::epilogues::Quotient;
use super::input_range::{InputRange, range_at, spread};
use super::program::LinearStep;
use super::propagate::Carried;
use super::quotient::{Absorbed, quotients};
use super::range_division::RangeDivision;
use super::reads::Reads;
use super::transposed::{SharedTransposed, TransposedKernel, blocked};
use crate::blocked::finish::Bias;
use crate::linear::{BlockedKernel, Dense, Forward, Weight, part_of_tensor};
use crate::network::{LayerId, Op};
use crate::rule::{Group, InputPart, Sign, Stabilizer, StabilizerKind};
use crate::tensor::Tensor;

/// A group of a rule, with kernels.
pub(super) struct Division {
    pub group: Group,
    /// Whether the denominator is the layer's output.
    divides_by_output: bool,
    /// The part of the denominator that is the same for every picture; with kernels on tensors the
    /// bias is in it where no term adds it.
    constant: Option<Tensor>,
    /// The part of the bias that takes part.
    bias: Option<Tensor>,
    kernels: Kernels,
}

/// The kernels of a group.
enum Kernels {
    /// Those of every term.
    Terms(Vec<TermKernels>),
    /// Those for contributions of one sign.
    Contributions(Sign, Arc<ContributionKernels>),
    /// Those of z-box on an image in blocks.
    ByRange(Box<RangeDivision>),
}

/// The kernels of a term.
struct TermKernels {
    input: InputPart,
    /// What is subtracted from the inputs: the lowest or highest values that they can have.
    offsets: Option<Vec<Tensor>>,
    /// Computes the term's part of the denominator.
    forward: Option<TermForward>,
    transposed: TransposedKernel,
}

impl TermKernels {
    /// The term's part of the inputs.
    fn inputs(&self, reads: &Reads) -> Result<Vec<Tensor>> {
        reads.parts(self.input, self.offsets.as_deref())
    }
}

/// `W x` of a term.
enum TermForward {
    /// The first term adds the bias.
    Tensors(Forward),
    /// The weight and the bias of a dense layer: the bias is taken from the output.
    Unbiased(Weight, Tensor),
    Blocks(BlockedKernel),
}

/// The kernels of a rule at layer `id`, in the layout of its step.
pub(super) fn divisions_of(
    engine: &Engine,
    id: LayerId,
    step: &LinearStep,
    range: Option<&InputRange>,
) -> Result<Vec<Division>> {
    let op = engine.step_op(id);
    let map = op.as_linear().context("only linear layers divide")?;
    let mut shared = SharedTransposed::new(op, map);
    let counting = step.groups.iter().filter(|group| step.contributions(group, op).is_some());
    let by_sign = match (op, counting.count()) {
        (_, 0) => None,
        (Op::Convolution(map), groups) => ContributionKernels::new(map, groups > 1)?,
        _ => None,
    };
    step.groups
        .iter()
        .map(|group| {
            let bias = match (group.bias, map.bias()) {
                (Some(part), Some(bias)) => Some(part_of_tensor(part, bias)?),
                _ => None,
            };
            let mut division = Division {
                group: group.clone(),
                divides_by_output: LinearStep::divides_by_output(group, map),
                constant: None,
                bias,
                kernels: Kernels::Terms(vec![]),
            };
            division.kernels = match (step.contributions(group, op), &by_sign) {
                (Some(sign), Some(kernels)) => Kernels::Contributions(sign, kernels.clone()),
                _ if step.reads_range() && blocked(op).is_some() => {
                    let layer = &engine.network().layers[id];
                    let offsets = group.terms.iter().map(|term| {
                        let offsets = offsets(engine, id, term.input, step, range)?;
                        offsets.and_then(|offsets| offsets.into_iter().next()).context("a range")
                    });
                    let offsets = offsets.collect::<Result<Vec<Tensor>>>()?;
                    let division =
                        RangeDivision::new(step, group, &layer.op, &layer.shape, offsets)?;
                    Kernels::ByRange(Box::new(division))
                }
                _ => Kernels::Terms(division.terms(engine, id, step, range, &mut shared)?),
            };
            Ok(division)
        })
        .collect()
}

impl Division {
    /// The kernels of all terms; what of them is the same for every picture becomes the constant.
    fn terms(
        &mut self,
        engine: &Engine,
        id: LayerId,
        step: &LinearStep,
        range: Option<&InputRange>,
        shared: &mut SharedTransposed,
    ) -> Result<Vec<TermKernels>> {
        let mut terms = vec![];
        let in_blocks = blocked(shared.op).is_some();
        let without_bias = LinearStep::subtracts_bias(&self.group, shared.op);
        let mut pending_bias = self.bias.clone().filter(|_| !self.divides_by_output);
        for term in &self.group.terms {
            let forward = match blocked(shared.op) {
                _ if term.input.is_constant() => {
                    let part = shared.map.forward(term.weight, None)?(&ones(engine, id)?)?;
                    add(&mut self.constant, part)?;
                    None
                }
                _ if self.divides_by_output => None,
                Some(map) => Some(TermForward::Blocks(map.kernel_in_blocks(term.weight, true)?)),
                None if let Some((dense, bias)) = without_bias => {
                    Some(TermForward::Unbiased(dense.weight.clone(), bias.clone()))
                }
                None => {
                    let kernel = shared.map.forward(term.weight, pending_bias.take())?;
                    Some(TermForward::Tensors(kernel))
                }
            };
            terms.push(TermKernels {
                input: term.input,
                offsets: offsets(engine, id, term.input, step, range)?,
                forward,
                transposed: shared.get(term.weight)?,
            });
        }
        let is_summed = in_blocks && terms.iter().any(|term| term.forward.is_some());
        if let Some(bias) = pending_bias.filter(|_| !is_summed) {
            let mut constant = match self.constant.take() {
                Some(constant) => constant,
                None => Tensor::zeros(&engine.step_shape(id))?,
            };
            constant.combine_broadcast(&bias, |to, from| *to += from)?;
            self.constant = Some(constant);
        }
        Ok(terms)
    }

    /// Replaces relevance by its quotients.
    pub fn divide(
        &self,
        stabilizer: Stabilizer,
        relevance: &mut Tensor,
        reads: &Reads,
    ) -> Result<Absorbed> {
        let bias = self.bias.as_ref();
        match &self.kernels {
            _ if self.divides_by_output => quotients(bias, stabilizer, relevance, &reads.output()?),
            Kernels::Contributions(sign, kernels) => {
                kernels.divide(*sign, bias, stabilizer, relevance, reads)
            }
            Kernels::ByRange(kernels) => kernels.divide(stabilizer, relevance, reads),
            Kernels::Terms(terms) => self.divide_by_terms(terms, stabilizer, relevance, reads),
        }
    }

    /// Adds to the relevance of every input what the group hands to it.
    pub fn gather(
        &self,
        quotients: &Tensor,
        reads: &Reads,
        sums: &mut [Option<Carried>],
    ) -> Result<()> {
        let coefficient = self.group.coefficient;
        match &self.kernels {
            Kernels::Contributions(sign, kernels) => {
                kernels.gather(*sign, quotients, reads, coefficient, &mut sums[0])
            }
            Kernels::ByRange(kernels) => kernels.gather(quotients, reads, coefficient, sums),
            Kernels::Terms(terms) => terms.iter().try_for_each(|term| {
                let parts = if term.input.is_constant() { vec![] } else { term.inputs(reads)? };
                term.transposed.gather(quotients, &parts, coefficient, sums)
            }),
        }
    }

    fn divide_by_terms(
        &self,
        terms: &[TermKernels],
        stabilizer: Stabilizer,
        relevance: &mut Tensor,
        reads: &Reads,
    ) -> Result<Absorbed> {
        let mut z = self.constant.clone();
        let mut terms = terms.iter().filter(|term| term.forward.is_some()).peekable();
        while let Some(term) = terms.next() {
            let is_last = terms.peek().is_none();
            match &term.forward {
                Some(TermForward::Tensors(forward)) => add(&mut z, forward(&term.inputs(reads)?)?)?,
                Some(TermForward::Unbiased(weight, bias)) => {
                    let (inputs, output) = (term.inputs(reads)?, reads.output()?);
                    let input = inputs.first().context("a dense layer has an input")?;
                    add(&mut z, Dense::unbiased(weight, bias, input, &output)?)?;
                }
                Some(TermForward::Blocks(kernel)) => {
                    let inputs = term.inputs(reads)?;
                    let input = inputs.first().context("a convolution reads an image")?;
                    // A relative ε is known when all of z is.
                    if is_last && stabilizer.kind != StabilizerKind::Relative {
                        return self.divide_where_summed(stabilizer, relevance, kernel, input, z);
                    }
                    let bias = self.bias.as_ref().filter(|_| is_last);
                    add(&mut z, kernel.forward(input, bias, None)?)?;
                }
                None => {}
            }
        }
        let z = match z {
            Some(z) => z,
            None => Tensor::zeros(relevance.shape())?,
        };
        quotients(self.bias.as_ref(), stabilizer, relevance, &z)
    }

    fn divide_where_summed(
        &self,
        stabilizer: Stabilizer,
        relevance: &mut Tensor,
        kernel: &BlockedKernel,
        input: &Tensor,
        before: Option<Tensor>,
    ) -> Result<Absorbed> {
        let finish = Quotient {
            stabilizer,
            bias: Bias::of(self.bias.as_ref().map(Tensor::data), kernel.image),
            before: before.as_ref().map(Tensor::data),
        };
        let totals = kernel.run(input, relevance, &finish)?;
        let [by_stabilizer, by_bias] = totals.sums();
        Ok(Absorbed { by_bias, by_stabilizer })
    }
}

/// A layer's inputs with 1 in place of every value.
fn ones(engine: &Engine, id: LayerId) -> Result<Vec<Tensor>> {
    let inputs = &engine.network().layers[id].inputs;
    inputs.iter().map(|&input| Tensor::filled(&engine.input_shape(id, input), 1.0)).collect()
}

/// The lowest or highest values of a layer's inputs, where a part of the input is relative to them.
fn offsets(
    engine: &Engine,
    id: LayerId,
    part: InputPart,
    step: &LinearStep,
    range: Option<&InputRange>,
) -> Result<Option<Vec<Tensor>>> {
    let network = engine.network();
    let offset = |&input: &LayerId| {
        let shape = &network.layers[input].shape;
        match (part, &step.range) {
            (InputPart::AboveLow, Some((low, _))) => spread(low, shape, 1),
            (_, Some((_, high))) => spread(high, shape, 1),
            (InputPart::AboveLow, None) => range_at(network, input, range).map(|[low, _]| low),
            (_, None) => range_at(network, input, range).map(|[_, high]| high),
        }
    };
    match part.is_relative() {
        true => network.layers[id].inputs.iter().map(offset).collect::<Result<_>>().map(Some),
        false => Ok(None),
    }
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
