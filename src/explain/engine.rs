//! The kernels of a program, built once, and the forward pass.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use rayon::prelude::*;

use super::division::{Division, divisions_of};
use super::gamma::GammaKernels;
use super::input_range::InputRange;
use super::layout::Layouts;
use super::program::{Program, Step};
use super::transposed::TransposedKernel;
use crate::blocked::finish::{self, Elementwise};
use crate::blocked::{Finish, Image, Packing, has_few_channels};
use crate::lanes::Totals;
use crate::linear::{BlockedKernel, Forward, Weight, WeightPart};
use crate::network::{Layer, LayerId, Network, Op};
use crate::operator::Pointwise;
use crate::tensor::Tensor;

/// A program with its kernels.
pub(super) struct Engine {
    program: Program,
    pub(super) layouts: Layouts,
    /// `W x + b` of every linear layer.
    forward: Vec<ForwardKernel>,
    /// For each layer, an activation that is its only reader and is computed with it.
    activations: Vec<Option<(LayerId, Pointwise)>>,
    /// What propagation runs at every layer.
    pub(super) steps: Vec<StepKernels>,
    /// Whether propagation at a layer works on images in blocks.
    pub(super) steps_in_blocks: Vec<bool>,
    /// For each layer, the inputs that nobody reads after it.
    last_reads: Vec<Vec<LayerId>>,
    /// For each layer, the values that no step reads after its own.
    pub(super) last_steps: Vec<Vec<LayerId>>,
}

/// How the value of a layer is computed.
enum ForwardKernel {
    /// By its operator.
    Operator,
    Tensors(Forward),
    /// On images in blocks, with a bias in blocks.
    Blocks(BlockedKernel, Option<Tensor>),
}

/// The kernels of a step.
pub(super) enum StepKernels {
    /// None are needed.
    None,
    /// The divisions of a rule.
    Divisions(Vec<Division>),
    /// `Wᵀ`, of a linear layer that passes the gradient.
    Gradient(TransposedKernel),
    /// Those of the gamma rule on both signs.
    Gamma(Box<GammaKernels>),
}

/// What a forward pass leaves for propagation.
#[derive(Clone, Debug)]
pub struct Activations {
    pub(super) values: Vec<Option<Tensor>>,
    /// What layers noted of their inputs.
    pub(super) notes: Vec<Option<Tensor>>,
    output: LayerId,
}

impl Activations {
    /// The logits, in the output's shape.
    ///
    /// # Errors
    /// Never after a forward pass that succeeded.
    pub fn logits(&self) -> Result<&Tensor> {
        self.value(self.output)
    }

    fn value(&self, id: LayerId) -> Result<&Tensor> {
        self.values[id].as_ref().context("propagation reads a value that was not kept")
    }
}

impl Engine {
    pub fn new(
        mut program: Program,
        range: Option<&InputRange>,
        packing: Packing,
    ) -> Result<Engine> {
        if packing == Packing::Kept {
            // Dense layers read their weights as they lie.
            let dense =
                program.network.layers.par_iter_mut().filter_map(|layer| match &mut layer.op {
                    Op::Dense(dense) => Some(dense),
                    _ => None,
                });
            dense.try_for_each(|dense| dense.weight.hold())?;
        }
        let count = program.network.layers.len();
        let layouts = Layouts::of(&program.network, packing)?;
        let steps_in_blocks = (0..count).map(|id| step_is_in_blocks(&program, &layouts, id));
        let steps_in_blocks: Vec<bool> = steps_in_blocks.collect();
        let mut engine = Engine {
            forward: Vec::with_capacity(count),
            activations: activations_behind(&program.network, &layouts),
            steps: Vec::with_capacity(count),
            steps_in_blocks,
            last_reads: last_reads(&program.network),
            last_steps: program.last_steps(),
            layouts,
            program,
        };
        let layers = (0..count).into_par_iter();
        let kernels: Vec<(ForwardKernel, StepKernels)> = layers
            .map(|id| {
                let layer = &engine.program.network.layers[id];
                let kernels = || {
                    // Read once for all of them.
                    let _weight = match (&layer.op, packing) {
                        (Op::Convolution(map), Packing::Kept) => Some(map.weight.load()?),
                        _ => None,
                    };
                    Ok((engine.forward_kernel(id)?, engine.step_kernels(id, range)?))
                };
                let kernels: Result<(ForwardKernel, StepKernels)> = kernels();
                kernels.with_context(|| format!("compiling the {}", layer.describe()))
            })
            .collect::<Result<_>>()?;
        (engine.forward, engine.steps) = kernels.into_iter().unzip();
        if packing == Packing::Kept {
            engine.release_weights()?;
        }
        Ok(engine)
    }

    /// Drops the weights of convolutions, all of whose kernels hold them packed: in their place,
    /// activations find room.
    fn release_weights(&mut self) -> Result<()> {
        let nothing = Weight::from(Tensor::zeros(&[0])?);
        for id in 0..self.program.network.layers.len() {
            let op = &mut self.program.network.layers[id].op;
            for op in [Some(op), self.layouts.op_mut(id)].into_iter().flatten() {
                if let Op::Convolution(convolution) = op {
                    convolution.weight = nothing.clone();
                }
            }
        }
        Ok(())
    }

    pub fn program(&self) -> &Program {
        &self.program
    }

    pub fn network(&self) -> &Network {
        &self.program.network
    }

    /// Keeps the value of a layer that propagation itself does not read.
    pub fn keep(&mut self, id: LayerId) {
        self.program.is_kept[id] = true;
    }

    /// The operator that propagation runs at a layer, in the layout of its step.
    pub fn step_op(&self, id: LayerId) -> &Op {
        match self.steps_in_blocks[id] {
            true => self.layouts.op(self.network(), id),
            false => &self.network().layers[id].op,
        }
    }

    /// The shape of a layer's value in the layout of its step.
    pub fn step_shape(&self, id: LayerId) -> Vec<usize> {
        self.input_shape(id, id)
    }

    /// The shape of an input's value in the layout of a layer's step, which may be another one than
    /// that in which the input was computed.
    pub fn input_shape(&self, id: LayerId, input: LayerId) -> Vec<usize> {
        let shape = &self.network().layers[input].shape;
        match Image::of(shape).filter(|_| self.steps_in_blocks[id]) {
            Some(image) => image.shape().to_vec(),
            None => shape.clone(),
        }
    }

    /// The value of a layer, in blocks or row by row.
    pub fn value(&self, from: &Activations, id: LayerId, in_blocks: bool) -> Result<Tensor> {
        self.layouts.convert(self.network(), id, from.value(id)?.clone(), in_blocks)
    }

    fn forward_kernel(&self, id: LayerId) -> Result<ForwardKernel> {
        let op = self.layouts.op(self.network(), id);
        Ok(match (op, op.as_linear()) {
            (Op::Convolution(convolution), _) if convolution.in_blocks.is_some() => {
                let kernel = convolution.kernel_in_blocks(WeightPart::Plain, true)?;
                ForwardKernel::Blocks(kernel, convolution.bias.clone())
            }
            (_, Some(map)) => {
                ForwardKernel::Tensors(map.forward(WeightPart::Plain, map.bias().cloned())?)
            }
            _ => ForwardKernel::Operator,
        })
    }

    fn step_kernels(&self, id: LayerId, range: Option<&InputRange>) -> Result<StepKernels> {
        let op = self.step_op(id);
        if op.as_linear().is_none() {
            return Ok(StepKernels::None);
        }
        Ok(match &self.program.steps[id] {
            Step::Linear(step) => StepKernels::Divisions(divisions_of(self, id, step, range)?),
            Step::Gamma(step) => StepKernels::Gamma(Box::new(GammaKernels::new(*step, op)?)),
            Step::Gradient => StepKernels::Gradient(TransposedKernel::new(op, WeightPart::Plain)?),
            _ => StepKernels::None,
        })
    }

    /// Runs the network; values that propagation does not read are dropped after their last use.
    pub fn forward(&self, input: &Tensor) -> Result<Activations> {
        let network = &self.program.network;
        ensure!(
            input.shape() == network.input_shape(),
            "the input has the shape {:?}, but the network expects {:?}",
            input.shape(),
            network.input_shape()
        );
        let nothing = vec![None; network.layers.len()];
        let (values, notes) = (nothing.clone(), nothing);
        let mut activations = Activations { values, notes, output: network.output };
        for (id, layer) in network.layers.iter().enumerate() {
            // An activation may have been computed with its signal.
            if activations.values[id].is_none() {
                let (computed, value) = self
                    .evaluate(id, input, &mut activations)
                    .with_context(|| format!("running the {}", layer.describe()))?;
                activations.values[computed] = Some(value);
            }
            for &done in &self.last_reads[id] {
                if !self.program.is_kept[done] {
                    activations.values[done] = None;
                }
            }
        }
        Ok(activations)
    }

    /// The value of a layer, or of the activation behind it.
    fn evaluate(
        &self,
        id: LayerId,
        picture: &Tensor,
        Activations { values, notes, .. }: &mut Activations,
    ) -> Result<(LayerId, Tensor)> {
        let network = &self.program.network;
        let layer = &network.layers[id];
        let in_blocks = match &self.forward[id] {
            ForwardKernel::Blocks(kernel, _) => !kernel.reads_rows,
            _ => self.layouts.is_in_blocks(id),
        };
        let read = |&of: &LayerId| {
            let is_last = self.last_reads[id].contains(&of) && !self.program.is_kept[of];
            let occurs_once = layer.inputs.iter().filter(|&&input| input == of).count() == 1;
            let value = if is_last && occurs_once { values[of].take() } else { values[of].clone() };
            let value = value.context("a value was dropped too early")?;
            self.layouts.convert(network, of, value, in_blocks)
        };
        let inputs: Vec<Tensor> = layer.inputs.iter().map(read).collect::<Result<_>>()?;
        let activation = self.activations[id].as_ref().filter(|_| !self.program.is_kept[id]);
        let (computed, function) = match activation {
            Some((activation, function)) => (*activation, Some(function as &dyn Elementwise)),
            None => (id, None),
        };
        let value = match (&self.forward[id], self.layouts.op(network, id), function) {
            (ForwardKernel::Blocks(kernel, bias), ..) => {
                kernel.forward(&inputs[0], bias.as_ref(), function)
            }
            (ForwardKernel::Tensors(kernel), ..) => kernel(&inputs),
            (ForwardKernel::Operator, Op::Concat(concat), Some(function)) => {
                let finish = finish::Forward { function: Some(function), ..Default::default() };
                concat.join(&inputs, |block, from, to| {
                    finish.finish(block, block * to.len(), from, to, &mut Totals::default());
                })
            }
            (ForwardKernel::Operator, op, _) => {
                if let Some(operator) = op.as_operator().filter(|_| self.program.reads_note(id)) {
                    notes[id] = Some(operator.note(&inputs)?);
                }
                op.evaluate(picture, inputs)
            }
        };
        Ok((computed, value?))
    }
}

/// Whether propagation at a layer works on images in blocks.
fn step_is_in_blocks(program: &Program, layouts: &Layouts, id: LayerId) -> bool {
    let layer = &program.network.layers[id];
    let has_few_channels = matches!(layer.op, Op::Convolution(_))
        && has_few_channels(program.network.layers[layer.inputs[0]].shape[1]);
    let by_rows = match &program.steps[id] {
        // Ranges of the picture are known row by row.
        Step::Linear(step) if step.reads_range() => true,
        _ => has_few_channels,
    };
    layouts.is_in_blocks(id) && !by_rows
}

/// For each convolution and concatenation in blocks, the activation that is the only reader of its value.
fn activations_behind(network: &Network, layouts: &Layouts) -> Vec<Option<(LayerId, Pointwise)>> {
    let consumers = network.consumers();
    let activation = |(id, layer): (LayerId, &Layer)| {
        let finishes = matches!(layer.op, Op::Convolution(_) | Op::Concat(_));
        let [reader] = consumers[id][..] else { return None };
        if !finishes || !layouts.is_in_blocks(id) || !layouts.is_in_blocks(reader) {
            return None;
        }
        match layouts.op(network, reader) {
            Op::Activation(activation) => Some((reader, Pointwise::new(&activation.function)?)),
            _ => None,
        }
    };
    network.layers.iter().enumerate().map(activation).collect()
}

/// For each layer, the inputs of which it is the last reader.
fn last_reads(network: &Network) -> Vec<Vec<LayerId>> {
    let mut last_reader: HashMap<LayerId, LayerId> = HashMap::new();
    for (id, layer) in network.layers.iter().enumerate() {
        layer.inputs.iter().for_each(|&input| {
            last_reader.insert(input, id);
        });
    }
    let mut reads = vec![vec![]; network.layers.len()];
    for (input, reader) in last_reader {
        reads[reader].push(input);
    }
    reads
}

#[cfg(test)]
mod tests;
