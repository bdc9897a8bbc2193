//! How each step distributes relevance: its kernels, built once for the layout of the layer, and their run.
//!
//! A rule reads values through a [`StepContext`] and knows neither the network around its layer nor what is kept
//! in memory.

mod divide;
mod epilogues;
mod relevance;
mod residual_sum;
mod signed_split;
mod spread;
mod step_context;
mod taylor;
mod terms;
mod transposed;

pub(in crate::explain) use self::relevance::{Relevance, StepOutput};
pub(in crate::explain) use self::residual_sum::{
    propagate as propagate_residual_sum, residual_sum,
};
pub(in crate::explain) use self::signed_split::{SplitKernels, uses_split};
pub(in crate::explain) use self::spread::spread;
pub(in crate::explain) use self::step_context::{SharedSums, StepContext};
pub(in crate::explain) use self::taylor::propagate as propagate_taylor;
pub(in crate::explain) use self::terms::{DivisionKernels, propagate as propagate_divisions};
pub(in crate::explain) use self::transposed::TransposedKernel;

use anyhow::{Context, Result};

use crate::explain::step::Step;
use crate::linear::{LinearMap, WeightPart};
use crate::network::Op;
use crate::tensor::Tensor;

/// A layer as its step sees it, in the layout in which the step runs.
pub(in crate::explain) struct StepLayer<'a> {
    pub op: &'a Op,
    pub input_shapes: Vec<Vec<usize>>,
    pub output_shape: Vec<usize>,
}

impl<'a> StepLayer<'a> {
    fn map(&self) -> Result<&'a dyn LinearMap> {
        self.op.as_linear().context("only a linear layer has divisions")
    }

    /// The inputs with 1 in place of every value.
    fn ones(&self) -> Result<Vec<Tensor>> {
        self.input_shapes.iter().map(|shape| Tensor::filled(shape, 1.0)).collect()
    }
}

/// The kernels of a step.
pub(in crate::explain) enum StepKernels {
    /// None are needed.
    None,
    /// Those of every division of a rule.
    Divisions(Vec<DivisionKernels>),
    /// Those of one division for outputs of both signs.
    Split(Box<SplitKernels>),
    /// `Wᵀ`, of a linear layer that passes the gradient.
    Gradient(TransposedKernel),
}

impl StepKernels {
    /// The kernels of a step at a layer.
    ///
    /// # Errors
    /// When the weights cannot be read, or a kernel cannot be built for this geometry.
    pub fn new(layer: &StepLayer, step: &Step) -> Result<StepKernels> {
        if layer.op.as_linear().is_none() {
            return Ok(StepKernels::None);
        }
        Ok(match step {
            Step::Linear(step) if residual_sum(layer.op, step).is_some() => StepKernels::None,
            Step::Linear(step) => StepKernels::Divisions(DivisionKernels::of_step(layer, step)?),
            Step::Split(step) => StepKernels::Split(Box::new(SplitKernels::of_step(layer, step)?)),
            Step::Gradient => {
                StepKernels::Gradient(TransposedKernel::new(layer.op, WeightPart::Plain)?)
            }
            _ => StepKernels::None,
        })
    }
}
