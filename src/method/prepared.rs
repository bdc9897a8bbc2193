//! A method made ready for one model: explains any number of inputs.

use anyhow::Result;

use super::attribute::Method;
use super::context::{Context, ForwardPass, TargetSpec};
use super::explanation::Explanation;
use super::input_info::InputInfo;
use super::perturbation::{Compilation, Perturbation};
use super::workers::{Watch, Workers};
use crate::canonize::PassSelection;
use crate::composite::Composite;
use crate::explain::{Explainer, Prepack};
use crate::network::{LayerId, Network};
use crate::onnx::ParametricModel;
use crate::parallel::Threads;
use crate::tensor::Tensor;

/// What a method is prepared with.
pub struct Setup {
    /// The network, canonized with `passes`.
    pub network: Network,
    /// The rules that it propagates by; [`Method::preset`] says which, where they are not the user's choice.
    pub composite: Composite,
    /// The rewrites that were selected, for networks that are made anew.
    pub passes: PassSelection,
    /// What is known about the input.
    pub info: InputInfo,
    /// The layer at whose value propagation ends; `None`: at the input.
    pub at: Option<String>,
    /// The stored parameters, for methods that change them ([`Method::perturbs_parameters`]).
    pub stored: Option<ParametricModel>,
    /// Threads for one explanation.
    pub threads: usize,
    /// [`Prepack::OnTheFly`] for a single explanation: weights are not prepacked for repeated use.
    pub prepack: Prepack,
}

/// A method and the network that it explains, compiled.
pub struct PreparedMethod {
    method: Method,
    explainer: Explainer,
    end: LayerId,
    info: InputInfo,
    perturbation: Option<Perturbation>,
    workers: Workers,
}

impl PreparedMethod {
    /// Compiles the network for the method.
    ///
    /// # Errors
    /// When the composite does not fit the network, or the method cannot be applied to it.
    pub fn new(method: Method, setup: Setup) -> Result<PreparedMethod> {
        let is_sampled = method.samples(setup.info.picture).is_some();
        let Setup { network, composite, passes, info, at, stored, threads, prepack } = setup;
        let end = at.as_deref().map_or(Ok(0), |name| network.layer_named(name))?;
        let prepack = if is_sampled { Prepack::Once } else { prepack };
        let compilation = {
            let (info, layer) = (info.clone(), method.map_layer());
            Compilation { composite, info, layer, prepack }
        };
        // Samples use threads better than one propagation does: each sample runs on one thread.
        let inside = if is_sampled { Threads::default() } else { Threads::new(threads)? };
        let explainer = compilation.explainer(network, inside)?;
        let perturbation = stored.map(|stored| Perturbation { stored, passes, compilation });
        let workers = if is_sampled { Workers::new(threads)? } else { Workers::default() };
        Ok(PreparedMethod { method, explainer, end, info, perturbation, workers })
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The compiled network.
    pub fn explainer(&self) -> &Explainer {
        &self.explainer
    }

    /// The layer at whose value propagation ends; 0 is the input.
    pub fn end(&self) -> LayerId {
        self.end
    }

    /// Runs the network.
    ///
    /// # Errors
    /// When the input has another shape than the network's.
    pub fn forward(&self, input: Tensor) -> Result<ForwardPass> {
        let activations = self.explainer.forward(&input)?;
        Ok(ForwardPass { input, activations })
    }

    /// Explains an output at an input. Values of the forward pass are dropped after their last use:
    /// for another explanation of the input, pass a clone, which shares them.
    ///
    /// # Errors
    /// When the method cannot be applied to such an input, or `watch` cancels it.
    pub fn explain(
        &self,
        pass: ForwardPass,
        target: TargetSpec,
        watch: &dyn Watch,
    ) -> Result<Explanation> {
        let context = Context {
            explainer: &self.explainer,
            end: self.end,
            target,
            info: &self.info,
            perturbation: self.perturbation.as_ref(),
            workers: &self.workers,
            watch,
        };
        self.method.attribute(&context, pass)
    }
}
