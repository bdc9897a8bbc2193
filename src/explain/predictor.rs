//! The network alone: forward passes without anything that propagation would need.

use std::sync::Arc;

use anyhow::Result;
use onnxplain_kernels::nchwc::Prepack;

use super::compile::Program;
use super::plan::Plan;
use super::run;
use crate::network::Network;
use crate::parallel::Threads;
use crate::tensor::Tensor;

/// A network compiled for forward passes, from any number of threads: every value is dropped after its last use, and
/// activations are computed with the layer in front of them wherever they can be.
pub struct Predictor {
    plan: Plan,
    threads: Threads,
}

impl Predictor {
    /// Compiles a network.
    ///
    /// # Errors
    /// When the weights cannot be read, or the memory for packed ones cannot be had.
    pub fn new(network: Network, threads: Threads) -> Result<Predictor> {
        let program = Arc::new(Program::without_steps(network));
        let plan = threads.run(|| Plan::new(program, Prepack::Once))?;
        Ok(Predictor { plan, threads })
    }

    /// The logits for an input.
    ///
    /// # Errors
    /// When the input has another shape than the network's.
    pub fn logits(&self, input: &Tensor) -> Result<Tensor> {
        self.logits_of(std::slice::from_ref(input))
    }

    /// The logits for a tensor for each input of the network.
    ///
    /// # Errors
    /// When there are other tensors than inputs, or they have other shapes.
    pub fn logits_of(&self, inputs: &(impl AsRef<[Tensor]> + ?Sized)) -> Result<Tensor> {
        let inputs = inputs.as_ref();
        self.threads.run(|| run::forward(&self.plan, inputs)?.logits().cloned())
    }
}
