//! Networks with changed parameters, compiled like the network itself.

use anyhow::{Context as _, Result};

use super::input_info::InputInfo;
use super::map_layer::MapLayer;
use crate::canonize::{PassSelection, canonize};
use crate::composite::Composite;
use crate::explain::{Explainer, InputRanges, Prepack};
use crate::network::Network;
use crate::onnx::ParametricModel;
use crate::parallel::Threads;

/// The stored parameters of the model, and the settings to compile a network with changed ones.
pub struct Perturbation {
    pub(super) stored: ParametricModel,
    pub(super) passes: PassSelection,
    pub(super) compilation: Compilation,
}

impl Perturbation {
    /// The network with its stored parameters changed, compiled.
    pub(super) fn explainer(&self, change: impl Fn(&str, &mut [f32])) -> Result<Explainer> {
        let mut network = self.stored.network(change)?;
        canonize(&mut network, &self.passes)?;
        self.compilation.explainer(network, Threads::default(), None)
    }
}

/// How networks are compiled for a method.
#[derive(Clone)]
pub(super) struct Compilation {
    pub composite: Composite,
    pub infos: Vec<InputInfo>,
    /// The layer whose value must stay available after the forward pass.
    pub layer: Option<MapLayer>,
    pub prepack: Prepack,
}

impl Compilation {
    /// Compiles a network, beside another explainer of it where there is one.
    pub fn explainer(
        &self,
        network: Network,
        threads: Threads,
        other: Option<&Explainer>,
    ) -> Result<Explainer> {
        let layer = self.layer.as_ref().map(|layer| layer.find(&network)).transpose()?;
        let ranges: InputRanges = self.infos.iter().map(|info| info.range.clone()).collect();
        let composite = &self.composite;
        let settings = (threads, self.prepack);
        let explainer = Explainer::beside(network, composite, ranges, settings, other);
        let mut explainer = explainer
            .with_context(|| format!("the composite {} cannot be used", composite.name))?;
        if let Some(layer) = layer {
            explainer.keep(layer);
        }
        Ok(explainer)
    }
}
