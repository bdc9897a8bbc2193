//! A method made ready for one model: explains any number of inputs.

use anyhow::{Context, Result};

use super::explanation::Explanation;
use super::input_info::InputInfo;
use super::subject::{Point, Question, Subject};
use super::workers::{Watch, Workers};
use super::{GradCam, Method};
use crate::canonize::{PassSelection, canonize};
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
    /// What is known of the input.
    pub info: InputInfo,
    /// The layer at whose value propagation ends; `None`: at the input.
    pub at: Option<String>,
    /// For [`Method::perturbs_parameters`].
    pub stored: Option<ParametricModel>,
    /// Threads for one explanation.
    pub threads: usize,
    /// [`Prepack::OnTheFly`] for a single explanation: nothing is made ready that only a next one would need.
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

/// The stored parameters of the network, and how a network with others is compiled.
pub(super) struct Perturbation {
    stored: ParametricModel,
    passes: PassSelection,
    compilation: Compilation,
}

/// How networks are compiled for a method.
#[derive(Clone)]
struct Compilation {
    composite: Composite,
    info: InputInfo,
    /// The layer whose value must be kept.
    layer: Option<GradCam>,
    prepack: Prepack,
}

impl PreparedMethod {
    /// Compiles the network for the method.
    ///
    /// # Errors
    /// When the composite does not fit the network, or the method cannot be applied to it.
    pub fn new(method: Method, setup: Setup) -> Result<PreparedMethod> {
        let is_sampled = method.samples(setup.info.picture).is_some();
        let layer = match method.innermost() {
            Method::GradCam(method) => Some(method.clone()),
            _ => None,
        };
        let Setup { network, composite, passes, info, at, stored, threads, prepack } = setup;
        let end = at.as_deref().map_or(Ok(0), |name| network.layer_named(name))?;
        let prepack = if is_sampled { Prepack::Once } else { prepack };
        let compilation = Compilation { composite, info: info.clone(), layer, prepack };
        // Samples are the better way to use threads: each runs on one.
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
    pub fn forward(&self, input: Tensor) -> Result<Point> {
        let activations = self.explainer.forward(&input)?;
        Ok(Point { input, activations })
    }

    /// Explains an output at an input. Values of the forward pass are dropped while they are read for the last time:
    /// for another explanation of the point, hand in a clone, which shares them.
    ///
    /// # Errors
    /// When the method cannot be applied to such an input, or `watch` says that nobody waits any more.
    pub fn explain(
        &self,
        point: Point,
        question: Question,
        watch: &dyn Watch,
    ) -> Result<Explanation> {
        let subject = Subject {
            explainer: &self.explainer,
            end: self.end,
            question,
            info: &self.info,
            perturbation: self.perturbation.as_ref(),
            workers: &self.workers,
            watch,
        };
        self.method.attribution().attribute(&subject, point)
    }
}

impl Perturbation {
    /// The network with its stored parameters changed, compiled.
    pub fn explainer(&self, change: impl Fn(&str, &mut [f32])) -> Result<Explainer> {
        let mut network = self.stored.network(change)?;
        canonize(&mut network, &self.passes)?;
        self.compilation.explainer(network, Threads::default())
    }
}

impl Compilation {
    fn explainer(&self, network: Network, threads: Threads) -> Result<Explainer> {
        let layer = self.layer.as_ref().map(|layer| layer.layer(&network)).transpose()?;
        let range = self.info.range.as_ref();
        let composite = &self.composite;
        let explainer = Explainer::with_prepack(network, composite, range, threads, self.prepack);
        let mut explainer = explainer
            .with_context(|| format!("the composite {} cannot be used", composite.name))?;
        if let Some(layer) = layer {
            explainer.keep(layer);
        }
        Ok(explainer)
    }
}
