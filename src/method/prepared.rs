//! A method made ready for one model: explains any number of inputs.

use anyhow::Result;

use super::attribute::Method;
use super::context::{Context, ForwardPass, TargetSpec};
use super::explanation::Explanation;
use super::input_info::{InputInfo, only_picture};
use super::perturbation::{Compilation, Perturbation};
use super::workers::{Watch, Workers};
use crate::canonize::PassSelection;
use crate::composite::Composite;
use crate::explain::{End, Explainer, Prepack};
use crate::network::Network;
use crate::onnx::ParametricModel;
use crate::parallel::Threads;
use crate::tensor::Tensors;

/// What a method is prepared with.
pub struct Setup {
    /// The network, canonized with `passes`.
    pub network: Network,
    /// The rules that it propagates by; [`Method::preset`] says which, where they are not the user's choice.
    pub composite: Composite,
    /// The rewrites that were selected, for networks that are made anew.
    pub passes: PassSelection,
    /// What is known about each input.
    pub infos: Vec<InputInfo>,
    /// The layer at whose value propagation ends; `None`: at the inputs.
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
    end: End,
    infos: Vec<InputInfo>,
    perturbation: Option<Perturbation>,
    workers: Workers,
}

impl PreparedMethod {
    /// Compiles the network for the method.
    ///
    /// # Errors
    /// When the composite does not fit the network, or the method cannot be applied to it.
    pub fn new(method: Method, setup: Setup) -> Result<PreparedMethod> {
        PreparedMethod::beside(method, setup, None)
    }

    /// Compiles the network for the method, beside another one of the same network, rewritten by the same passes: what the
    /// forward pass runs by is shared with it.
    ///
    /// # Errors
    /// As [`PreparedMethod::new`].
    pub fn beside(
        method: Method,
        setup: Setup,
        other: Option<&PreparedMethod>,
    ) -> Result<PreparedMethod> {
        let is_sampled = method.samples(only_picture(&setup.infos)).is_some();
        let Setup { network, composite, passes, infos, at, stored, threads, prepack } = setup;
        let end = match at.as_deref() {
            Some(name) => End::Layer(network.layer_named(name)?),
            None => End::Inputs,
        };
        let prepack = if is_sampled { Prepack::Once } else { prepack };
        let compilation = {
            let (infos, layer) = (infos.clone(), method.map_layer());
            Compilation { composite, infos, layer, prepack }
        };
        // Samples use threads better than one propagation does: each sample runs on one thread.
        let inside = if is_sampled { Threads::default() } else { Threads::new(threads)? };
        let explainer = compilation.explainer(network, inside, other.map(|it| &it.explainer))?;
        let perturbation = stored.map(|stored| Perturbation { stored, passes, compilation });
        let workers = if is_sampled { Workers::new(threads)? } else { Workers::default() };
        Ok(PreparedMethod { method, explainer, end, infos, perturbation, workers })
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Keeps in every forward pass whatever another method of the same network reads, so that one pass is good for both.
    pub fn keep_for(&mut self, other: &PreparedMethod) {
        self.explainer.keep_for(&other.explainer);
    }

    /// The compiled network.
    pub fn explainer(&self) -> &Explainer {
        &self.explainer
    }

    /// Where propagation ends.
    pub fn end(&self) -> End {
        self.end
    }

    /// Runs the network.
    ///
    /// # Errors
    /// When there are other tensors than inputs, or they have other shapes.
    pub fn forward(&self, inputs: impl Into<Tensors>) -> Result<ForwardPass> {
        let inputs = inputs.into();
        let activations = self.explainer.forward(&inputs)?;
        Ok(ForwardPass { inputs, activations })
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
            infos: &self.infos,
            perturbation: self.perturbation.as_ref(),
            workers: &self.workers,
            watch,
        };
        self.method.attribute(&context, pass)
    }
}
