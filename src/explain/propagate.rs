//! The interpreter: carries relevance from the output to the input, layer by layer, and keeps the books.

use anyhow::{Context, Result, ensure};

use super::Attribution;
use super::conservation::{Books, LayerBooks};
use super::division::Division;
use super::engine::{Activations, Engine, StepKernels};
use super::expansion;
use super::program::{LinearStep, Step};
use super::reads::Reads;
use super::residual;
use crate::blocked::{Image, Packing};
use crate::lanes::Totals;
use crate::network::{LayerId, Op};
use crate::operator::{Concat, GradientReads, Operator};
use crate::rule::Sign;
use crate::tensor::Tensor;

/// Relevance that is on its way, with its sum and the sum of its absolute values.
pub(super) struct Carried {
    pub relevance: Tensor,
    pub sums: [f64; 2],
}

impl Carried {
    fn sum(&self) -> f64 {
        self.sums[0]
    }

    /// Lets a kernel add to the relevance of an input in blocks, or write it where there is none yet: as
    /// the kernel is told.
    pub fn gather(
        sum: &mut Option<Carried>,
        image: Image,
        kernel: impl FnOnce(&mut Tensor, bool) -> Result<Totals>,
    ) -> Result<()> {
        let (mut relevance, adds) = match sum.take() {
            Some(before) => (before.relevance, true),
            None => (Tensor::unwritten(&image.shape())?, false),
        };
        let totals = kernel(&mut relevance, adds)?;
        *sum = Some(Carried { relevance, sums: totals.sums() });
        Ok(())
    }
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
    pub relevance: Vec<Carried>,
    pub absorbed_by_bias: f64,
    pub absorbed_by_stabilizer: f64,
}

impl From<Vec<Carried>> for Handed {
    fn from(relevance: Vec<Carried>) -> Handed {
        Handed { relevance, absorbed_by_bias: 0.0, absorbed_by_stabilizer: 0.0 }
    }
}

impl From<Vec<Tensor>> for Handed {
    fn from(relevance: Vec<Tensor>) -> Handed {
        relevance.into_iter().map(Carried::from).collect::<Vec<Carried>>().into()
    }
}

impl Engine {
    /// Propagates the initial relevance of the output back to the value of layer `end`: 0 is the input.
    pub fn propagate(
        &self,
        mut activations: Activations,
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
        let initial = Carried::from(initial);
        let mut books = Books { initial: initial.sums[0], ..Books::default() };
        let mut carried: Vec<Option<Carried>> = network.layers.iter().map(|_| None).collect();
        carried[network.output] = Some(initial);
        for id in (end + 1..network.layers.len()).rev() {
            let layer = &network.layers[id];
            let Some(arrived) = carried[id].take() else {
                continue;
            };
            let sums = arrived.sums;
            let before = self.added_to(id, &mut carried);
            let sums_before = before.iter().map(|before| before.as_ref().map_or(0.0, Carried::sum));
            let sums_before: Vec<f64> = sums_before.collect();
            let handed = self
                .arrived(id, arrived.relevance)
                .and_then(|relevance| {
                    self.step(id, &activations, Carried { relevance, sums }, before)
                })
                .with_context(|| format!("propagating through the {}", layer.describe()))?;
            let (by_bias, by_stabilizer) = (handed.absorbed_by_bias, handed.absorbed_by_stabilizer);
            let mut layer_books = self.layer_books(id, sums, by_bias, by_stabilizer);
            let parts = handed.relevance.into_iter().zip(sums_before);
            for (&input, (part, sum_before)) in layer.inputs.iter().zip(parts) {
                self.write_down(input, part.sum() - sum_before, &mut layer_books);
                if self.carries(input) {
                    let part = self.arranged(input, part, self.layouts.is_in_blocks(input))?;
                    carried[input] = Some(joined(carried[input].take(), part)?);
                }
            }
            activations.notes[id] = None;
            self.last_steps[id].iter().for_each(|&read| activations.values[read] = None);
            self.balance_padding(id, &mut layer_books);
            books.layers.push(layer_books);
        }
        let arrived = match carried[end].take() {
            Some(arrived) => self.arranged(end, arrived, false)?,
            None => Tensor::zeros(&network.layers[end].shape)?.into(),
        };
        books.input_sum = arrived.sums[0];
        Ok(Attribution { relevance: arrived.relevance, books })
    }

    /// Relevance of the value of a layer, in blocks or row by row.
    fn arranged(&self, id: LayerId, carried: Carried, in_blocks: bool) -> Result<Carried> {
        let relevance = self.layouts.convert(self.network(), id, carried.relevance, in_blocks)?;
        Ok(Carried { relevance, ..carried })
    }

    /// Whether relevance is followed further from a layer: the input, or one with a step.
    fn carries(&self, id: LayerId) -> bool {
        matches!(self.network().layers[id].op, Op::Input) || self.program().steps[id] != Step::End
    }

    /// What others handed to the inputs of a layer, where its step adds to that: nothing is written to
    /// be added later.
    fn added_to(&self, id: LayerId, carried: &mut [Option<Carried>]) -> Vec<Option<Carried>> {
        let layer = &self.network().layers[id];
        let adds = match (&self.steps[id], &layer.op) {
            (StepKernels::Divisions(_) | StepKernels::Gradient(_), _) => layer.inputs.len() == 1,
            (StepKernels::Gamma(kernels), _) => {
                kernels.add_to_relevance() && layer.inputs.len() == 1
            }
            (_, Op::Concat(_)) => self.program().steps[id] == Step::Gradient,
            _ => false,
        };
        let in_blocks = self.steps_in_blocks[id];
        let is_arranged = |input: LayerId| in_blocks == self.layouts.is_in_blocks(input);
        let take = |&input: &LayerId| match adds && is_arranged(input) {
            true => carried[input].take(),
            false => None,
        };
        layer.inputs.iter().map(take).collect()
    }

    /// What layer `id` does with the relevance that arrived at it, in the layout of its step;
    /// `before` is what it adds to, for every input.
    fn step(
        &self,
        id: LayerId,
        activations: &Activations,
        arrived: Carried,
        before: Vec<Option<Carried>>,
    ) -> Result<Handed> {
        let op = self.step_op(id);
        // Where kernels are made for every run, the weight is read once for all of the step.
        let _weight = match op {
            Op::Convolution(map) if map.in_blocks == Some(Packing::PerPass) => {
                Some(map.weight.load()?)
            }
            _ => None,
        };
        let reads = Reads::new(self, id, activations);
        // Only what the operator's gradient reads was kept.
        let read = |op: &dyn Operator| match op.gradient_reads() {
            GradientReads::Nothing => Ok(vec![]),
            GradientReads::Inputs => reads.inputs(),
            GradientReads::Output => Ok(vec![reads.output()?]),
            GradientReads::Note => Ok(vec![reads.note()?]),
        };
        if let (Step::Gradient, Op::Concat(concat)) = (&self.program().steps[id], op) {
            return take_apart(concat, &arrived.relevance, before);
        }
        match (&self.program().steps[id], op.as_operator(), &self.steps[id]) {
            (Step::End, ..) => Ok(Handed::from(Vec::<Carried>::new())),
            (Step::Linear(step), _, StepKernels::Divisions(divisions)) => {
                self.divide(id, step, divisions, &reads, arrived, before)
            }
            (Step::Gamma(step), _, StepKernels::Gamma(kernels)) => {
                let before = before.into_iter().next().flatten();
                let (inputs, output) = (reads.inputs()?, reads.value(step.output)?);
                kernels.propagate(*step, &inputs, &output, arrived, before)
            }
            (&Step::Residual(stabilizer), ..) => match op {
                Op::Sum(sum) => residual::propagate(sum, stabilizer, &reads.inputs()?, arrived),
                _ => anyhow::bail!("only a sum has summands"),
            },
            (Step::Expansion(step), Some(operator), _) => {
                expansion::expand(*step, operator, &reads.inputs()?, &reads.output()?, arrived)
            }
            (Step::Pass, ..) => Ok(vec![arrived].into()),
            (Step::Share, Some(operator), _) => Ok(operator.share(&arrived.relevance)?.into()),
            (Step::Deconvnet, ..) => Ok(vec![positive(arrived.relevance)?].into()),
            (Step::GuidedBackprop, Some(op), _) => {
                Ok(op.gradient(&read(op)?, positive(arrived.relevance)?.relevance)?.into())
            }
            (Step::Gradient, Some(op), _) => Ok(op.gradient(&read(op)?, arrived.relevance)?.into()),
            (Step::Gradient, None, StepKernels::Gradient(kernel)) => {
                let mut sums = before;
                kernel.gather(&arrived.relevance, &[], 1.0, &mut sums)?;
                self.handed_from(id, sums)
            }
            _ => anyhow::bail!("a kernel is missing"),
        }
    }

    /// The divisions of a rule on a linear layer; `sums` is what they add to.
    fn divide(
        &self,
        id: LayerId,
        step: &LinearStep,
        divisions: &[Division],
        reads: &Reads,
        arrived: Carried,
        mut sums: Vec<Option<Carried>>,
    ) -> Result<Handed> {
        let mut absorbed = [0.0; 2];
        let mut taken_up = 0.0;
        let (relevance, [incoming, _]) = (arrived.relevance, arrived.sums);
        let mut relevance = Some(relevance);
        for (index, division) in divisions.iter().enumerate() {
            // The last division writes its quotients over what arrived.
            let is_last = index + 1 == divisions.len();
            let arrived = if is_last { relevance.take() } else { relevance.clone() };
            let mut arrived = arrived.context("relevance was used up")?;
            taken_up += match division.group.gate {
                Some(sign) => close_gate(&mut arrived, sign, &reads.output()?)?,
                None => incoming,
            };
            let coefficient = division.group.coefficient;
            let lost = division.divide(step.stabilizer, &mut arrived, reads)?;
            absorbed[0] += f64::from(coefficient) * lost.by_bias;
            absorbed[1] += f64::from(coefficient) * lost.by_stabilizer;
            division.gather(&arrived, reads, &mut sums)?;
        }
        if divisions.iter().all(|division| division.group.gate.is_some()) {
            // An output of 0 opens no gate: its relevance is dropped.
            absorbed[1] += incoming - taken_up;
        }
        let mut handed = self.handed_from(id, sums)?;
        [handed.absorbed_by_bias, handed.absorbed_by_stabilizer] = absorbed;
        Ok(handed)
    }

    /// What was added up for every input of a layer: zeros where that was nothing.
    fn handed_from(&self, id: LayerId, sums: Vec<Option<Carried>>) -> Result<Handed> {
        let inputs = &self.network().layers[id].inputs;
        let finish = |(sum, &input): (Option<Carried>, &LayerId)| match sum {
            Some(sum) => Ok(sum),
            None => Tensor::zeros(&self.input_shape(id, input)).map(Carried::from),
        };
        Ok(sums.into_iter().zip(inputs).map(finish).collect::<Result<Vec<_>>>()?.into())
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
            (Step::Gradient, op) => match op {
                Op::Routing(_) | Op::Concat(_) | Op::MaxPooling(_) | Op::Choice(_) => true,
                Op::TwoSignals(function) => function.has_winner(),
                _ => false,
            },
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
    let sums = relevance.update([&part.relevance], |sum, [part]| sum + part)?;
    Ok(Carried { relevance, sums })
}

/// Hands the parts of a concatenation to its inputs.
fn take_apart(concat: &Concat, relevance: &Tensor, before: Vec<Option<Carried>>) -> Result<Handed> {
    let before = before.into_iter().map(|before| before.map(|before| before.relevance));
    let parts = concat.add_gradient(relevance, before.collect())?.into_iter();
    let carried = parts.map(|(relevance, sums)| Carried { relevance, sums });
    Ok(carried.collect::<Vec<Carried>>().into())
}

/// Keeps relevance only where the layer's output has the sign of the gate; returns the sum of what is kept.
fn close_gate(relevance: &mut Tensor, gate: Sign, output: &Tensor) -> Result<f64> {
    let kept = match gate {
        Sign::Positive => relevance.update([output], |r, [y]| if y > 0.0 { r } else { 0.0 })?,
        Sign::Negative => relevance.update([output], |r, [y]| if y < 0.0 { r } else { 0.0 })?,
    };
    Ok(kept[0])
}

fn positive(mut relevance: Tensor) -> Result<Carried> {
    let sums = relevance.update([], |value, []| value.max(0.0))?;
    Ok(Carried { relevance, sums })
}
