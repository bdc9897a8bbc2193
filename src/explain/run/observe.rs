//! A propagation that somebody watches: what arrives at chosen layers, with the values around them.

use anyhow::{Context, Result};

use super::forward::{Activations, value};
use super::propagate::Propagation;
use crate::explain::plan::Plan;
use crate::network::{LayerId, Network};
use crate::tensor::Tensor;

/// A layer at which relevance has arrived, before its own rule hands it down.
pub struct Arrival<'a> {
    plan: &'a Plan,
    activations: &'a Activations,
    relevance: &'a Tensor,
    /// The layer.
    pub layer: LayerId,
}

impl Arrival<'_> {
    /// Whether the layer's value is an image in blocks of channels.
    pub(crate) fn is_in_blocks(&self) -> bool {
        self.plan.is_in_blocks(self.layer)
    }

    /// Whether the first value that the layer reads is one.
    pub(crate) fn reads_blocks(&self) -> bool {
        let inputs = &self.plan.network().layers[self.layer].inputs;
        inputs.first().is_some_and(|&input| self.plan.is_in_blocks(input))
    }

    /// The relevance of the layer's value, row by row or in blocks.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn relevance(&self, in_blocks: bool) -> Result<Tensor> {
        self.plan.convert(self.layer, self.relevance.clone(), in_blocks)
    }

    /// The layer's value, row by row or in blocks.
    ///
    /// # Errors
    /// When it was not kept.
    pub fn output(&self, in_blocks: bool) -> Result<Tensor> {
        value(self.plan, self.activations, self.layer, in_blocks)
    }

    /// The network.
    pub fn network(&self) -> &Network {
        self.plan.network()
    }

    /// The first value that the layer reads, row by row or in blocks.
    ///
    /// # Errors
    /// When it was not kept, or the layer reads nothing.
    pub fn input(&self, in_blocks: bool) -> Result<Tensor> {
        let inputs = &self.plan.network().layers[self.layer].inputs;
        let &input = inputs.first().context("the layer reads nothing")?;
        value(self.plan, self.activations, input, in_blocks)
    }
}

/// Propagates the initial relevance of the output down to the lowest of the observed layers, and calls `observe` at each of
/// them where relevance arrives. All that was kept stays in memory until the end.
///
/// # Errors
/// When `initial` has another shape than the output, and those of `observe`.
pub(in crate::explain) fn propagate_observed(
    plan: &Plan,
    activations: &Activations,
    initial: Tensor,
    is_observed: &[bool],
    observe: &mut dyn FnMut(&Arrival) -> Result<()>,
) -> Result<()> {
    let network = plan.network();
    let mut propagation = Propagation::begin(network, initial)?;
    let Some(lowest) = is_observed.iter().position(|&is_observed| is_observed) else {
        return Ok(());
    };
    for layer in (lowest..network.layers.len()).rev() {
        let Some(relevance) = propagation.arrived(layer) else { continue };
        if is_observed[layer] {
            let arrival = Arrival { plan, activations, relevance, layer };
            observe(&arrival)
                .with_context(|| format!("at the {}", network.layers[layer].describe()))?;
        }
        if layer > lowest {
            propagation.pass(plan, layer, activations, None)?;
        }
    }
    Ok(())
}
