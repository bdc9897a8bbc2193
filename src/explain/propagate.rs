//! The interpreter: carries relevance from the output to the input, layer by layer, and keeps the books.

use anyhow::{Context, Result, ensure};

use super::Attribution;
use super::conservation::{Books, LayerBooks};
use super::engine::{Activations, Division, Engine, TermKernels, add_scaled};
use super::expansion;
use super::program::{LinearStep, Step};
use crate::linear::Broadcast;
use crate::network::{LayerId, Op};
use crate::rule::{InputPart, Sign, Stabilizer};
use crate::tensor::Tensor;

/// Relevance that is on its way, with its sum and the sum of its absolute values.
struct Carried {
    relevance: Tensor,
    sums: [f64; 2],
}

impl From<Tensor> for Carried {
    fn from(relevance: Tensor) -> Carried {
        let sums = relevance.sums();
        Carried { relevance, sums }
    }
}

/// What a layer hands down, and what it absorbed.
pub(super) struct Handed {
    /// Relevance of every input.
    pub relevance: Vec<Tensor>,
    pub absorbed_by_bias: f64,
    pub absorbed_by_stabilizer: f64,
}

impl From<Vec<Tensor>> for Handed {
    fn from(relevance: Vec<Tensor>) -> Handed {
        Handed { relevance, absorbed_by_bias: 0.0, absorbed_by_stabilizer: 0.0 }
    }
}

impl Engine {
    /// Propagates the initial relevance of the output back to the value of layer `end`: 0 is the input.
    pub fn propagate(
        &self,
        activations: &Activations,
        initial: Tensor,
        end: LayerId,
    ) -> Result<Attribution> {
        let network = self.network();
        ensure!(
            initial.shape() == network.layers[network.output].shape,
            "the initial relevance has the shape {:?}, but the output {:?}",
            initial.shape(),
            network.layers[network.output].shape
        );
        let mut books = Books { initial: initial.sum(), ..Books::default() };
        let mut carried: Vec<Option<Carried>> = network.layers.iter().map(|_| None).collect();
        carried[network.output] = Some(initial.into());
        for id in (end + 1..network.layers.len()).rev() {
            let layer = &network.layers[id];
            let Some(Carried { relevance, sums }) = carried[id].take() else {
                continue;
            };
            let handed = self
                .step(id, activations, relevance, sums[0])
                .with_context(|| format!("propagating through the {}", layer.describe()))?;
            let (by_bias, by_stabilizer) = (handed.absorbed_by_bias, handed.absorbed_by_stabilizer);
            let mut layer_books = self.layer_books(id, sums, by_bias, by_stabilizer);
            for (&input, part) in layer.inputs.iter().zip(handed.relevance) {
                let part = Carried::from(part);
                self.write_down(input, part.sums[0], &mut layer_books);
                if self.carries(input) {
                    carried[input] = Some(joined(carried[input].take(), part)?);
                }
            }
            self.balance_padding(id, &mut layer_books);
            books.layers.push(layer_books);
        }
        let relevance = match carried[end].take() {
            Some(carried) => carried.relevance,
            None => Tensor::zeros(&network.layers[end].shape)?,
        };
        books.input_sum = relevance.sum();
        Ok(Attribution { relevance, books })
    }

    /// Whether relevance is followed further from a layer: the input, or one with a step.
    fn carries(&self, id: LayerId) -> bool {
        matches!(self.network().layers[id].op, Op::Input) || self.program().steps[id] != Step::End
    }

    /// What layer `id` does with the relevance that arrived at it, whose sum is `incoming`.
    fn step(
        &self,
        id: LayerId,
        activations: &Activations,
        arrived: Tensor,
        incoming: f64,
    ) -> Result<Handed> {
        let layer = &self.network().layers[id];
        let inputs = || -> Result<Vec<Tensor>> {
            // Only operators whose gradient reads its inputs had them kept.
            let kept = layer.op.as_operator().is_some_and(|op| op.gradient_reads_inputs());
            let inputs = layer.inputs.iter().filter(|_| kept);
            inputs.map(|&input| activations.value(input).cloned()).collect()
        };
        match (&self.program().steps[id], layer.op.as_operator()) {
            (Step::End, _) => Ok(Handed::from(vec![])),
            (Step::Linear(step), _) => self.divide(id, step, activations, &arrived, incoming),
            (Step::Expansion(step), Some(operator)) => {
                let values = layer.inputs.iter().map(|&input| activations.value(input).cloned());
                let inputs: Vec<Tensor> = values.collect::<Result<_>>()?;
                expansion::expand(*step, operator, &inputs, activations.value(id)?, arrived)
            }
            (Step::Expansion(_), None) => anyhow::bail!("only an operator is expanded"),
            (Step::Pass, _) => Ok(vec![arrived].into()),
            (Step::Share, _) => match &layer.op {
                Op::Product(product) => Ok(product.share(&arrived)?.into()),
                _ => anyhow::bail!("only a product shares relevance"),
            },
            (Step::Deconvnet, _) => Ok(vec![positive(arrived)].into()),
            (Step::GuidedBackprop, Some(op)) => {
                Ok(op.gradient(&inputs()?, positive(arrived))?.into())
            }
            (Step::Gradient, Some(op)) => Ok(op.gradient(&inputs()?, arrived)?.into()),
            (Step::GuidedBackprop | Step::Gradient, None) => {
                let transposed = self.gradients[id].as_ref().context("a kernel is missing")?;
                Ok(transposed(&arrived)?.into())
            }
        }
    }

    /// The divisions of a rule on a linear layer.
    fn divide(
        &self,
        id: LayerId,
        step: &LinearStep,
        activations: &Activations,
        arrived: &Tensor,
        incoming: f64,
    ) -> Result<Handed> {
        let layer = &self.network().layers[id];
        let mut sums: Vec<Option<Tensor>> = vec![None; layer.inputs.len()];
        let mut handed = Handed::from(vec![]);
        let mut taken_up = 0.0;
        for division in &self.divisions[id] {
            let inputs = |term: &TermKernels| -> Result<Vec<Tensor>> {
                let parts = layer.inputs.iter().enumerate().map(|(place, &input)| {
                    let offset = term.offsets.as_ref().map(|offsets| &offsets[place]);
                    part_of(activations.value(input)?.clone(), term.input, offset)
                });
                parts.collect()
            };
            let output = || activations.value(id);
            let mut quotient = denominator(division, inputs, output, arrived.shape())?;
            let arrived = gated(arrived, division.group.gate, output)?;
            taken_up += if division.group.gate.is_some() { arrived.sum() } else { incoming };
            let coefficient = division.group.coefficient;
            let (bias, stabilizer) = quotients(division, step.stabilizer, &arrived, &mut quotient)?;
            handed.absorbed_by_bias += f64::from(coefficient) * bias;
            handed.absorbed_by_stabilizer += f64::from(coefficient) * stabilizer;
            for term in &division.terms {
                let shares = (term.transposed)(&quotient)?;
                let parts = if term.input.is_constant() { vec![] } else { inputs(term)? };
                for (place, (mut share, sum)) in shares.into_iter().zip(&mut sums).enumerate() {
                    if let Some(part) = parts.get(place) {
                        share.combine_broadcast(part, |to, x| *to *= x)?;
                    }
                    add_scaled(sum, share, coefficient)?;
                }
            }
        }
        if self.divisions[id].iter().all(|division| division.group.gate.is_some()) {
            // An output of 0 opens no gate: its relevance is dropped.
            handed.absorbed_by_stabilizer += incoming - taken_up;
        }
        let finish = |(sum, &input): (Option<Tensor>, &LayerId)| match sum {
            Some(sum) => Ok(sum),
            None => Tensor::zeros(&self.network().layers[input].shape),
        };
        handed.relevance =
            sums.into_iter().zip(&layer.inputs).map(finish).collect::<Result<_>>()?;
        Ok(handed)
    }

    /// The books of a layer before anything was handed down.
    fn layer_books(
        &self,
        id: LayerId,
        [incoming, magnitude]: [f64; 2],
        absorbed_by_bias: f64,
        absorbed_by_stabilizer: f64,
    ) -> LayerBooks {
        let is_conserving = match (&self.program().steps[id], &self.network().layers[id].op) {
            (Step::Gradient, op) => {
                matches!(op, Op::Routing(_) | Op::Concat(_) | Op::MaxPooling(_))
            }
            (Step::GuidedBackprop | Step::Deconvnet, _) => false,
            _ => true,
        };
        LayerBooks {
            layer: id,
            incoming,
            outgoing: 0.0,
            absorbed_by_bias,
            absorbed_by_stabilizer,
            is_conserving,
            magnitude,
        }
    }

    /// Notes what is handed to an input; what a constant gets (a class token) is lost as what a bias absorbs.
    fn write_down(&self, input: LayerId, sum: f64, books: &mut LayerBooks) {
        let place =
            if self.carries(input) { &mut books.outgoing } else { &mut books.absorbed_by_bias };
        *place += sum;
    }

    /// Notes what was handed to the padding of a layer, which is lost in the same way.
    fn balance_padding(&self, id: LayerId, books: &mut LayerBooks) {
        if let Op::Routing(routing) = &self.network().layers[id].op
            && routing.pads()
        {
            books.absorbed_by_bias += books.incoming - books.outgoing;
        }
    }
}

/// Relevance that several consumers hand to one value.
fn joined(before: Option<Carried>, part: Carried) -> Result<Carried> {
    let Some(before) = before else {
        return Ok(part);
    };
    let mut relevance = before.relevance;
    relevance.combine_broadcast(&part.relevance, |to, from| *to += from)?;
    Ok(relevance.into())
}

/// `z` of a division: from the forward pass, or computed anew.
fn denominator<'a>(
    division: &Division,
    inputs: impl Fn(&TermKernels) -> Result<Vec<Tensor>>,
    output: impl Fn() -> Result<&'a Tensor>,
    shape: &[usize],
) -> Result<Tensor> {
    if division.divides_by_output {
        return output().cloned();
    }
    let mut sum = None;
    for term in &division.terms {
        if let Some(forward) = &term.forward {
            add_scaled(&mut sum, forward(&inputs(term)?)?, 1.0)?;
        }
    }
    match (sum, &division.constant) {
        (Some(mut sum), Some(constant)) => {
            sum.add_assign(constant)?;
            Ok(sum)
        }
        (Some(sum), None) => Ok(sum),
        (None, Some(constant)) => Ok(constant.clone()),
        (None, None) => Tensor::zeros(shape),
    }
}

/// Relevance where the layer's output has the sign of the gate, else 0.
fn gated<'a>(
    relevance: &Tensor,
    gate: Option<Sign>,
    output: impl Fn() -> Result<&'a Tensor>,
) -> Result<Tensor> {
    let Some(sign) = gate else {
        return Ok(relevance.clone());
    };
    let mut gated = relevance.clone();
    let is_open = move |output: f32| match sign {
        Sign::Positive => output > 0.0,
        Sign::Negative => output < 0.0,
    };
    gated.combine_broadcast(output()?, |r, y| *r = if is_open(y) { *r } else { 0.0 })?;
    Ok(gated)
}

/// Divides; returns what the bias and the stabilizer absorb.
fn quotients(
    division: &Division,
    stabilizer: Stabilizer,
    arrived: &Tensor,
    denominator: &mut Tensor,
) -> Result<(f64, f64)> {
    let by_stabilizer = stabilizer.divide(arrived.data(), denominator.data_mut());
    let by_bias = match &division.bias {
        Some(bias) => {
            let broadcast = Broadcast::between(bias.shape(), denominator.shape());
            let broadcast = broadcast.context("the bias does not fit the output")?;
            let per_channel = broadcast.sum(denominator.data());
            per_channel.iter().zip(bias.data()).map(|(&s, &b)| f64::from(s) * f64::from(b)).sum()
        }
        None => 0.0,
    };
    Ok((by_bias, by_stabilizer))
}

fn part_of(mut value: Tensor, part: InputPart, offset: Option<&Tensor>) -> Result<Tensor> {
    match (part, offset) {
        (InputPart::Positive, _) => value.map(|x| x.max(0.0)),
        (InputPart::Negative, _) => value.map(|x| x.min(0.0)),
        (_, Some(offset)) => {
            value.combine_broadcast(offset, |x, offset| *x -= offset)?;
            Ok(value)
        }
        _ => Ok(value),
    }
}

fn positive(mut relevance: Tensor) -> Tensor {
    relevance.data_mut().iter_mut().for_each(|value| *value = value.max(0.0));
    relevance
}
