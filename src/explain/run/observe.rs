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
    /// The relevance of the layer's value, in its shape.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn relevance(&self) -> Result<Tensor> {
        self.plan.convert(self.layer, self.relevance.clone(), false)
    }

    /// The layer's value.
    ///
    /// # Errors
    /// When it was not kept.
    pub fn output(&self) -> Result<Tensor> {
        value(self.plan, self.activations, self.layer, false)
    }

    /// The network.
    pub fn network(&self) -> &Network {
        self.plan.network()
    }

    /// The values that the layer reads.
    ///
    /// # Errors
    /// When they were not kept.
    pub fn inputs(&self) -> Result<Vec<Tensor>> {
        let inputs = &self.plan.network().layers[self.layer].inputs;
        inputs.iter().map(|&input| value(self.plan, self.activations, input, false)).collect()
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
