//! The interpreter of steps: carries relevance from the output to the inputs, layer by layer, and accounts for it.

use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};
use onnxplain_kernels::nchwc::Prepack;

use super::conservation::{Conservation, LayerConservation};
use super::forward::{Activations, value};
use crate::explain::plan::Plan;
use crate::explain::rules::{
    Relevance, SharedSums, StepContext, StepKernels, StepOutput, propagate_divisions,
    propagate_residual_sum, propagate_taylor, residual_sum, spread,
};
use crate::explain::step::Step;
use crate::network::{LayerId, Network, Op};
use crate::operator::{Concat, GradientReads, Operator};
use crate::tensor::{Tensor, Tensors};

/// Where propagation ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// At the inputs of the network.
    #[default]
    Inputs,
    /// At the value of a layer.
    Layer(LayerId),
}

impl End {
    /// The layers whose values it ends at.
    pub fn layers(self, network: &Network) -> Range<LayerId> {
        match self {
            End::Layer(id) if id >= network.input_count() => id..id + 1,
            _ => 0..network.input_count(),
        }
    }
}

/// Where the relevance of an output went.
#[derive(Clone, Debug)]
pub struct Attribution {
    /// Relevance of every element of every input, or of the value of the layer that propagation ended
    /// at, in its shape (the batch axis included).
    pub relevance: Tensors,
    /// What entered and left every layer.
    pub conservation: Conservation,
}

/// Propagates the initial relevance of the output back to the values at `end`.
///
/// # Errors
/// When `initial` has another shape than the output.
pub(in crate::explain) fn propagate(
    plan: &Plan,
    mut activations: Activations,
    initial: Tensor,
    end: End,
) -> Result<Attribution> {
    let network = plan.network();
    let mut propagation = Propagation::begin(network, initial)?;
    let ends = end.layers(network);
    for id in (ends.end..network.layers.len()).rev() {
        if propagation.arrives_at(id) {
            propagation.pass(plan, id, &activations, None)?;
            plan.liveness.last_steps[id].iter().for_each(|&read| activations.values[read] = None);
        }
    }
    propagation.finish(plan, ends)
}

/// Relevance on its way from the output to the inputs. Cloning shares the tensors: a clone goes on by other steps.
#[derive(Clone)]
pub(in crate::explain) struct Propagation {
    /// What has arrived at the value of each layer.
    relevance: Vec<Option<Relevance>>,
    /// Σ|R| that was put in at the output.
    explained: f64,
    conservation: Conservation,
}

impl Propagation {
    /// At the output.
    ///
    /// # Errors
    /// When `initial` has another shape than the output.
    pub fn begin(network: &Network, initial: Tensor) -> Result<Propagation> {
        ensure!(
            initial.shape() == network.layers[network.output].shape,
            "the initial relevance has the shape {:?}, but the output {:?}",
            initial.shape(),
            network.layers[network.output].shape
        );
        let initial = Relevance::from(initial);
        let [_, explained] = initial.sums;
        let conservation = Conservation { initial: initial.sum(), ..Conservation::default() };
        let mut relevance: Vec<Option<Relevance>> = network.layers.iter().map(|_| None).collect();
        relevance[network.output] = Some(initial);
        Ok(Propagation { relevance, explained, conservation })
    }

    /// Whether any relevance has arrived at the value of a layer.
    pub fn arrives_at(&self, id: LayerId) -> bool {
        self.relevance[id].is_some()
    }

    /// The relevance that has arrived at the value of a layer, in the layout of the value.
    pub fn arrived(&self, id: LayerId) -> Option<&Tensor> {
        self.relevance[id].as_ref().map(|relevance| &relevance.tensor)
    }

    /// Hands what has arrived at a layer to its inputs, by the layer's step. Layers above it were passed before. What
    /// other steps of the layer read too is in `shared`.
    ///
    /// # Errors
    /// When a step fails, or relevance is not finite behind it.
    pub fn pass(
        &mut self,
        plan: &Plan,
        id: LayerId,
        activations: &Activations,
        shared: Option<&SharedSums>,
    ) -> Result<()> {
        let layer = &plan.network().layers[id];
        let Some(arrived) = self.relevance[id].take() else { return Ok(()) };
        let sums = arrived.sums;
        let before = added_to(plan, id, &mut self.relevance);
        let sums_before = before.iter().map(|before| before.as_ref().map_or(0.0, Relevance::sum));
        let sums_before: Vec<f64> = sums_before.collect();
        let output = arranged(plan, id, arrived, plan.step_is_in_blocks(id))
            .and_then(|arrived| step(plan, id, (activations, shared), arrived, before))
            .with_context(|| format!("propagating through the {}", layer.describe()))?;
        let are_finite = |part: &Relevance| part.sums.iter().all(|sum| sum.is_finite());
        ensure!(
            output.inputs.iter().flatten().all(are_finite),
            "relevance is not finite any more: the first layer that hands down NaN or infinity is the {}",
            layer.describe()
        );
        let mut account = account_of(plan, id, sums, self.explained);
        account.absorbed_by_bias = output.absorbed.by_bias;
        account.absorbed_by_stabilizer = output.absorbed.by_stabilizer;
        let parts = output.inputs.into_iter().zip(sums_before);
        for (&input, (part, sum_before)) in layer.inputs.iter().zip(parts) {
            let part = match part {
                Some(part) => part,
                None => Tensor::zeros(&plan.step_shape(id, input))?.into(),
            };
            let sum = part.sum() - sum_before;
            if is_followed(plan, input) {
                account.outgoing += sum;
                let part = arranged(plan, input, part, plan.is_in_blocks(input))?;
                let joined = Relevance::joined(self.relevance[input].take(), part)?;
                self.relevance[input] = Some(joined);
            } else {
                // What a constant gets (a class token) is lost as what a bias absorbs.
                account.absorbed_by_bias += sum;
            }
        }
        if let Op::Routing(routing) = &layer.op
            && routing.pads()
        {
            // What padding gets is lost in the same way.
            account.absorbed_by_bias += account.incoming - account.outgoing;
        }
        self.conservation.layers.push(account);
        Ok(())
    }

    /// What has arrived at the values at the end.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn finish(mut self, plan: &Plan, ends: Range<LayerId>) -> Result<Attribution> {
        let mut arrived = Vec::with_capacity(ends.len());
        for end in ends {
            let part = match self.relevance[end].take() {
                Some(part) => arranged(plan, end, part, false)?,
                None => Tensor::zeros(&plan.network().layers[end].shape)?.into(),
            };
            self.conservation.input_sum += part.sum();
            arrived.push(part.tensor);
        }
        Ok(Attribution { relevance: arrived.into(), conservation: self.conservation })
    }
}

/// Relevance of the value of a layer, in blocks or row by row.
fn arranged(plan: &Plan, id: LayerId, relevance: Relevance, in_blocks: bool) -> Result<Relevance> {
    let tensor = plan.convert(id, relevance.tensor, in_blocks)?;
    Ok(Relevance { tensor, ..relevance })
}

/// Whether relevance is followed further from a layer: the input, or one with a step.
fn is_followed(plan: &Plan, id: LayerId) -> bool {
    matches!(plan.network().layers[id].op, Op::Input) || !plan.program().steps[id].is_end()
}

/// Relevance that was already accumulated for the inputs of a layer, where its step adds to it in place.
fn added_to(
    plan: &Plan,
    id: LayerId,
    relevance: &mut [Option<Relevance>],
) -> Vec<Option<Relevance>> {
    let layer = &plan.network().layers[id];
    let adds = match (&*plan.steps[id], &layer.op) {
        (StepKernels::None, Op::Concat(_)) => {
            matches!(plan.program().steps[id], Step::Gradient)
        }
        (StepKernels::None, _) => false,
        // What others handed to the input is not spread with it.
        _ => layer.inputs.len() == 1 && plan.program().cells[id].is_none(),
    };
    let is_arranged = |input: LayerId| plan.step_is_in_blocks(id) == plan.is_in_blocks(input);
    let take = |&input: &LayerId| match adds && is_arranged(input) {
        true => relevance[input].take(),
        false => None,
    };
    layer.inputs.iter().map(take).collect()
}

/// Runs the step of layer `id` on the relevance that arrived at it, in the layout of the step; `before` is what it
/// adds to, for every input.
fn step(
    plan: &Plan,
    id: LayerId,
    (activations, shared): (&Activations, Option<&SharedSums>),
    arrived: Relevance,
    before: Vec<Option<Relevance>>,
) -> Result<StepOutput> {
    let op = plan.step_op(id);
    // Where kernels are made for every run, the weight is read once for all of the step.
    let _weight = match op {
        Op::Convolution(map) if map.in_blocks == Some(Prepack::OnTheFly) => {
            Some(map.weight.load()?)
        }
        _ => None,
    };
    let inputs = &plan.network().layers[id].inputs;
    let read = |of: LayerId| value(plan, activations, of, plan.step_is_in_blocks(id));
    let context = StepContext::new(inputs, plan.output_ids[id], read, shared.map(|it| it.at(id)));
    let output = match (&plan.program().steps[id], op.as_operator(), &*plan.steps[id]) {
        (Step::End, ..) => Ok(Vec::<Relevance>::new().into()),
        (Step::Linear(step), _, StepKernels::Divisions(divisions)) => {
            propagate_divisions(step, divisions, &context, arrived, before)
        }
        (Step::Linear(step), ..) => {
            let sum = residual_sum(op, step).context("a kernel is missing")?;
            propagate_residual_sum(sum, step.stabilizer, &context.inputs()?, arrived)
        }
        (Step::Split(step), _, StepKernels::Split(kernels)) => {
            kernels.propagate(step, &context, arrived, before)
        }
        (Step::Taylor(step), Some(operator), _) => {
            propagate_taylor(*step, operator, &context.inputs()?, &context.output()?, arrived)
        }
        (Step::Pass, ..) => Ok(vec![arrived].into()),
        (Step::Share, Some(operator), _) => Ok(operator.share(&arrived.tensor)?.into()),
        (Step::Deconvnet, ..) => Ok(vec![positive(arrived.tensor)?].into()),
        (Step::GuidedBackprop, Some(operator), _) => {
            gradient(operator, &context, positive(arrived.tensor)?.tensor)
        }
        (Step::Gradient, Some(operator), _) => match op {
            Op::Concat(concat) => take_apart(concat, &arrived.tensor, before),
            _ => gradient(operator, &context, arrived.tensor),
        },
        (Step::Gradient, None, StepKernels::Gradient(kernel)) => {
            let mut output = StepOutput { inputs: before, absorbed: Default::default() };
            kernel.hand_down(&arrived.tensor, &[], 1.0, &mut output.inputs)?;
            Ok(output)
        }
        _ => bail!("a kernel is missing"),
    }?;
    match &plan.program().cells[id] {
        Some(cells) => spread(cells, plan.step_is_in_blocks(id), &context.input()?, output),
        None => Ok(output),
    }
}

/// The chain rule; only what the gradient reads was kept.
fn gradient(
    operator: &dyn Operator,
    context: &StepContext,
    relevance: Tensor,
) -> Result<StepOutput> {
    let values = match operator.gradient_reads() {
        GradientReads::Nothing => vec![],
        GradientReads::Inputs => context.inputs()?,
        GradientReads::Output => vec![context.output()?],
    };
    Ok(operator.gradient(&values, relevance)?.into())
}

/// Hands the parts of a concatenation to its inputs.
fn take_apart(
    concat: &Concat,
    relevance: &Tensor,
    before: Vec<Option<Relevance>>,
) -> Result<StepOutput> {
    let before = before.into_iter().map(|before| before.map(|before| before.tensor));
    let parts = concat.add_gradient(relevance, before.collect())?.into_iter();
    let parts = parts.map(|(tensor, sums)| Relevance { tensor, sums });
    Ok(parts.collect::<Vec<Relevance>>().into())
}

fn positive(mut relevance: Tensor) -> Result<Relevance> {
    let sums = relevance.update([], |value, []| value.max(0.0))?;
    Ok(Relevance { tensor: relevance, sums })
}

/// The account of a layer at which relevance arrived, before anything is handed down; `explained` is Σ|R| that was put in
/// at the output.
fn account_of(
    plan: &Plan,
    id: LayerId,
    [incoming, arrived]: [f64; 2],
    explained: f64,
) -> LayerConservation {
    let is_conserving = match (&plan.program().steps[id], &plan.network().layers[id].op) {
        (Step::Gradient, op) => match op {
            Op::Routing(_) | Op::Concat(_) | Op::MaxPooling(_) => true,
            Op::Choice(_) | Op::TopElements(_) | Op::Pick(_) => true,
            Op::TwoSignals(function) => function.has_winner(),
            _ => false,
        },
        (Step::GuidedBackprop | Step::Deconvnet, _) => false,
        _ => true,
    };
    LayerConservation {
        layer: id,
        incoming,
        is_conserving,
        magnitude: arrived.max(explained),
        ..LayerConservation::default()
    }
}
