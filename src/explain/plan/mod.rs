//! Plan: how a program runs on this machine. In which layout every value and every step is, which kernels compute them,
//! which values are kept in memory and until when.
//!
//! The program itself stays as it was compiled. Weights that kernels hold packed are not held a second time where the
//! program reads them from the model's file.

mod forward_kernels;
mod layout;
mod liveness;

use std::sync::Arc;

use anyhow::{Context, Result};
use onnxplain_kernels::nchwc::{Image, LANES, Prepack, has_few_channels};
use rayon::prelude::*;

pub(super) use self::forward_kernels::ForwardKernel;
use self::forward_kernels::activations_behind;
use self::layout::Layouts;
use self::liveness::{Liveness, output_ids};
use super::compile::Program;
use super::rules::{StepKernels, StepLayer};
use super::step::Step;
use crate::network::{LayerId, Network, Op};
use crate::operator::Pointwise;
use crate::tensor::Tensor;

/// A program with its layouts, its kernels and what is kept in memory.
pub(super) struct Plan {
    program: Arc<Program>,
    layouts: Arc<Layouts>,
    pub liveness: Liveness,
    /// For each layer, an activation that is its only reader and is computed with it.
    pub activations: Vec<Option<(LayerId, Pointwise)>>,
    /// For each layer, the layer in whose value its step reads the output.
    pub output_ids: Vec<LayerId>,
    /// Whether propagation at a layer works on images in blocks.
    steps_in_blocks: Vec<bool>,
    /// What computes the value of every layer.
    pub forward: Arc<Vec<ForwardKernel>>,
    /// What propagation runs at every layer.
    pub steps: Vec<Arc<StepKernels>>,
}

impl Plan {
    /// Chooses layouts and builds the kernels.
    ///
    /// # Errors
    /// When the weights cannot be read, or the memory for rearranged ones cannot be had.
    pub fn new(program: Arc<Program>, prepack: Prepack) -> Result<Plan> {
        let count = program.network.layers.len();
        let layouts = Arc::new(Layouts::of(&program.network, prepack)?);
        let mut plan = Plan::without_kernels(program, layouts);
        let kernels = (0..count).into_par_iter().map(|id| {
            let layer = &plan.network().layers[id];
            plan.kernels(id, prepack).with_context(|| format!("compiling the {}", layer.describe()))
        });
        let kernels: Vec<(ForwardKernel, StepKernels)> = kernels.collect::<Result<_>>()?;
        let (forward, steps): (Vec<_>, Vec<_>) = kernels.into_iter().unzip();
        plan.forward = Arc::new(forward);
        plan.steps = steps.into_iter().map(Arc::new).collect();
        Ok(plan)
    }

    fn without_kernels(program: Arc<Program>, layouts: Arc<Layouts>) -> Plan {
        let count = program.network.layers.len();
        let steps_in_blocks = (0..count).map(|id| step_is_in_blocks(&program, &layouts, id));
        let output_ids = output_ids(&program);
        Plan {
            liveness: Liveness::of(&program, &output_ids),
            activations: activations_behind(&program.network, &layouts),
            steps_in_blocks: steps_in_blocks.collect(),
            output_ids,
            forward: Arc::default(),
            steps: vec![],
            layouts,
            program,
        }
    }

    /// The plan of another program for the same network, with the layouts and the forward kernels of this one. The
    /// kernels of the step of layer `id` are those of `known(id)` where there are some.
    ///
    /// # Errors
    /// When the weights cannot be read, or the memory for rearranged ones cannot be had.
    pub fn beside(
        &self,
        program: Arc<Program>,
        known: impl Fn(LayerId) -> Option<Arc<StepKernels>> + Sync,
    ) -> Result<Plan> {
        let mut plan = Plan::without_kernels(program, Arc::clone(&self.layouts));
        plan.forward = Arc::clone(&self.forward);
        let kernels = (0..plan.program.steps.len()).into_par_iter().map(|id| {
            if let Some(kernels) = known(id) {
                return Ok(kernels);
            }
            let layer = &plan.network().layers[id];
            let kernels = StepKernels::new(&plan.step_layer(id), &plan.program.steps[id]);
            kernels.map(Arc::new).with_context(|| format!("compiling the {}", layer.describe()))
        });
        plan.steps = kernels.collect::<Result<_>>()?;
        Ok(plan)
    }

    fn kernels(&self, id: LayerId, prepack: Prepack) -> Result<(ForwardKernel, StepKernels)> {
        // Read once for all of them.
        let _weight = match (&self.network().layers[id].op, prepack) {
            (Op::Convolution(map), Prepack::Once) => Some(map.weight.load()?),
            _ => None,
        };
        let forward = ForwardKernel::new(self.op(id))?;
        Ok((forward, StepKernels::new(&self.step_layer(id), &self.program.steps[id])?))
    }

    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    pub fn network(&self) -> &Network {
        &self.program.network
    }

    /// Keeps whatever another plan keeps, so that a forward pass of this one is good for both.
    pub fn keep_for(&mut self, other: &Plan) {
        let kept = self.liveness.is_kept.iter_mut().zip(&other.liveness.is_kept);
        kept.for_each(|(is_kept, other)| *is_kept |= other);
    }

    /// Keeps the value of a layer that propagation itself does not read.
    pub fn keep(&mut self, id: LayerId) {
        self.liveness.is_kept[id] = true;
    }

    /// The operator that computes the value of a layer, in the layout in which it runs.
    pub fn op(&self, id: LayerId) -> &Op {
        self.layouts.op(self.network(), id)
    }

    /// Whether the value of a layer is an image in blocks.
    pub fn is_in_blocks(&self, id: LayerId) -> bool {
        self.layouts.is_in_blocks(id)
    }

    /// Whether propagation at a layer works on images in blocks.
    pub fn step_is_in_blocks(&self, id: LayerId) -> bool {
        self.steps_in_blocks[id]
    }

    /// The operator that propagation runs at a layer, in the layout of its step.
    pub fn step_op(&self, id: LayerId) -> &Op {
        match self.steps_in_blocks[id] {
            true => self.op(id),
            false => self.layouts.op_on_rows(self.network(), id),
        }
    }

    /// A layer as its step sees it.
    fn step_layer(&self, id: LayerId) -> StepLayer<'_> {
        let inputs = &self.network().layers[id].inputs;
        StepLayer {
            op: self.step_op(id),
            input_shapes: inputs.iter().map(|&input| self.step_shape(id, input)).collect(),
            output_shape: self.step_shape(id, id),
        }
    }

    /// The shape of a value in the layout of the step of layer `id`, which may be another one than that in which the
    /// value was computed.
    pub fn step_shape(&self, id: LayerId, value: LayerId) -> Vec<usize> {
        let shape = &self.network().layers[value].shape;
        match Image::of(shape).filter(|_| self.steps_in_blocks[id]) {
            Some(image) => image.shape().to_vec(),
            None => shape.clone(),
        }
    }

    /// The value of a layer, or relevance of it, in blocks or row by row.
    ///
    /// # Errors
    /// When it has not the layer's shape.
    pub fn convert(&self, id: LayerId, tensor: Tensor, into_blocks: bool) -> Result<Tensor> {
        self.layouts.convert(self.network(), id, tensor, into_blocks)
    }
}

/// Whether the channels of an image fill whole blocks.
fn fills_blocks(shape: &[usize]) -> bool {
    shape.get(1).is_some_and(|channels| channels.is_multiple_of(LANES))
}

/// Whether propagation at a layer works on images in blocks.
fn step_is_in_blocks(program: &Program, layouts: &Layouts, id: LayerId) -> bool {
    let layer = &program.network.layers[id];
    let by_rows = match &program.steps[id] {
        // The range of an input is known row by row.
        Step::Linear(step) if step.reads_ranges() => true,
        // The mean over all denominators would count the empty lanes of the last block.
        step if step.measures_all_denominators() && !fills_blocks(&layer.shape) => true,
        // Most lanes of a block would be empty.
        _ => {
            matches!(layer.op, Op::Convolution(_))
                && has_few_channels(program.network.layers[layer.inputs[0]].shape[1])
        }
    };
    layouts.is_in_blocks(id) && !by_rows
}
