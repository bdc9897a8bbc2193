//! From a canonized network and its rules to relevance.
//!
//! In the order of the data:
//!
//! 1. [`Step`]: what propagation does at a layer, as plain data.
//! 2. **compile**: rules become steps, without what provably carries nothing. A [`Program`] is complete and never changed.
//! 3. **rules**: how each step distributes relevance, with its kernels.
//! 4. **plan**: layouts, kernels and liveness for a program on this machine.
//! 5. **run**: the forward pass and the propagation of relevance, by a plan.
//!
//! An [`Explainer`] goes all the way once and then explains input after input.

mod compile;
mod head;
mod input_range;
mod plan;
mod predictor;
mod rules;
mod run;
mod step;
mod target;
mod variants;

use std::sync::Arc;

use anyhow::Result;

pub use self::compile::{Program, RelevanceSupport};
pub use self::input_range::{InputRange, InputRanges};
pub use self::predictor::Predictor;
pub use self::run::{Activations, Arrival, Attribution, Conservation, End, LayerConservation};
pub use self::step::{Denominator, Division, LinearStep, Split, SplitStep, Step, TaylorStep};
pub use self::target::{Target, TargetClass, initial_relevance};
pub use self::variants::Variants;
pub use crate::rule::Initial;
pub use head::divides_by_output;
pub use onnxplain_kernels::nchwc::Prepack;

use self::plan::Plan;
use crate::composite::{Assignment, Composite, InputKnowledge};
use crate::network::{LayerId, Network};
use crate::parallel::Threads;
use crate::tensor::Tensor;

/// A network with its rules, compiled: explains any number of inputs, from any number of threads.
pub struct Explainer {
    plan: Plan,
    assignment: Assignment,
    threads: Threads,
}

impl Explainer {
    /// Compiles a canonized network with a composite.
    ///
    /// `ranges` has the lowest and highest value of the network's inputs, for the z-box rule, in the place of
    /// which the next entry that matches is taken where it lacks that ([`Assignment::replaced`] says where);
    /// `threads` are used for compiling and inside each explanation.
    ///
    /// # Errors
    /// When the composite does not fit the network, or has only z-box for a layer and the range is not known.
    pub fn new(
        network: Network,
        composite: &Composite,
        ranges: impl Into<InputRanges>,
        threads: Threads,
    ) -> Result<Explainer> {
        Explainer::with_prepack(network, composite, ranges, threads, Prepack::Once)
    }

    /// Like [`Explainer::new`], with a choice of when weights are packed.
    ///
    /// # Errors
    /// When the composite does not fit the network, or has only z-box for a layer and the range is not known.
    pub fn with_prepack(
        network: Network,
        composite: &Composite,
        ranges: impl Into<InputRanges>,
        threads: Threads,
        prepack: Prepack,
    ) -> Result<Explainer> {
        Explainer::beside(network, composite, ranges, (threads, prepack), None)
    }

    /// Like [`Explainer::with_prepack`], beside an explainer of the same network with other rules: what the forward pass
    /// runs by is shared with it.
    ///
    /// # Errors
    /// When the composite does not fit the network, or has only z-box for a layer and the range is not known.
    pub fn beside(
        network: Network,
        composite: &Composite,
        ranges: impl Into<InputRanges>,
        (threads, prepack): (Threads, Prepack),
        other: Option<&Explainer>,
    ) -> Result<Explainer> {
        let ranges = ranges.into();
        let knowledge = match composite.asks_for_input_range() {
            true => InputKnowledge::Within(ranges.intervals(network.inputs())?),
            false => InputKnowledge::Within(vec![]),
        };
        let assignment = Assignment::knowing(&network, composite, &knowledge)?;
        let program = Program::compile(network, &assignment, &ranges)?;
        let program = Arc::new(program);
        let plan = threads.run(|| match other {
            Some(other) => other.plan.beside(program, |_| None),
            None => Plan::new(program, prepack),
        })?;
        Ok(Explainer { plan, assignment, threads })
    }

    /// Runs the network on a tensor for each of its inputs, keeping what propagation will read.
    ///
    /// # Errors
    /// When there are other tensors than inputs, or they have other shapes.
    pub fn forward(&self, inputs: &(impl AsRef<[Tensor]> + ?Sized)) -> Result<Activations> {
        let inputs = inputs.as_ref();
        self.threads.run(|| run::forward(&self.plan, inputs))
    }

    /// Propagates relevance from the output back to the inputs.
    ///
    /// Activations are dropped when they were read for the last time, so that relevance takes their place in memory;
    /// to propagate again, hand in a clone, which shares them.
    ///
    /// # Errors
    /// When `initial` has another shape than the output.
    pub fn propagate(&self, activations: Activations, initial: Tensor) -> Result<Attribution> {
        self.propagate_to(End::Inputs, activations, initial)
    }

    /// Keeps the value of an inner layer in every forward pass, for [`Explainer::value`].
    pub fn keep(&mut self, layer: LayerId) {
        self.plan.keep(layer);
    }

    /// Keeps in every forward pass whatever another explainer of the same network keeps, so that one pass is good for both.
    pub fn keep_for(&mut self, other: &Explainer) {
        self.plan.keep_for(&other.plan);
    }

    /// The value of a layer that [`Explainer::keep`] was told of.
    ///
    /// # Errors
    /// When it was not.
    pub fn value(&self, activations: &Activations, layer: LayerId) -> Result<Tensor> {
        run::value(&self.plan, activations, layer, false)
    }

    /// Propagates relevance from the output back to the inputs, or to the value of an inner layer only.
    ///
    /// # Errors
    /// When `initial` has another shape than the output.
    pub fn propagate_to(
        &self,
        end: End,
        activations: Activations,
        initial: Tensor,
    ) -> Result<Attribution> {
        self.threads.run(|| run::propagate(&self.plan, activations, initial, end))
    }

    /// Propagates relevance from the output down to the lowest of the observed layers, and calls `observe` at each of them
    /// where relevance arrives, from the output on. [`Explainer::keep_around`] must have been told of them.
    ///
    /// # Errors
    /// When `initial` has another shape than the output, and those of `observe`.
    pub fn propagate_observed(
        &self,
        activations: &Activations,
        initial: Tensor,
        is_observed: &[bool],
        observe: &mut dyn FnMut(&Arrival) -> Result<()>,
    ) -> Result<()> {
        run::propagate_observed(&self.plan, activations, initial, is_observed, observe)
    }

    /// Keeps the value of a layer and those that it reads in every forward pass, for [`Explainer::propagate_observed`].
    pub fn keep_around(&mut self, layer: LayerId) {
        let inputs = self.network().layers[layer].inputs.clone();
        inputs.into_iter().chain([layer]).for_each(|value| self.plan.keep(value));
    }

    /// The network.
    pub fn network(&self) -> &Network {
        self.plan.network()
    }

    /// The bytes of the values that a forward pass leaves for propagation, and the layer with the largest of them.
    pub fn kept_bytes(&self) -> (u128, LayerId) {
        let layers = self.network().layers.iter().enumerate();
        let kept = layers.filter(|(id, _)| self.plan.liveness.is_kept[*id]);
        let bytes = kept.map(|(id, layer)| {
            let elements = layer.shape.iter().map(|&axis| axis as u128).product::<u128>();
            (elements * size_of::<f32>() as u128, id)
        });
        let bytes: Vec<(u128, LayerId)> = bytes.collect();
        let largest = bytes.iter().max().map_or(0, |(_, id)| *id);
        (bytes.iter().map(|(bytes, _)| bytes).sum(), largest)
    }

    /// The rule of every layer.
    pub fn assignment(&self) -> &Assignment {
        &self.assignment
    }

    /// The compiled program, which can be shared and outlives the explainer.
    pub fn program(&self) -> &Arc<Program> {
        self.plan.program()
    }
}

#[cfg(test)]
mod tests;
