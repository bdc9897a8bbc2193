//! What a method is called with: the compiled network, the output to explain, and the means to compute samples.

use anyhow::{Context as _, Result, bail};

use super::explanation::{Explanation, WeightedSum};
use super::input_info::InputInfo;
use super::perturbation::Perturbation;
use super::workers::{Unwatched, Watch, Workers};
use crate::explain::initial_relevance;
use crate::explain::{Activations, Attribution, End, Explainer, Initial, TargetClass};
use crate::network::OutputFunction;
use crate::picture::InputShape;
use crate::tensor::{Tensor, Tensors};

/// Which output is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetSpec {
    /// The class that is explained.
    pub class: usize,
    /// The class it is compared with: then the difference of the two outputs is explained.
    pub against: Option<usize>,
    /// The relevance that propagation starts with at the output.
    pub initial: Initial,
}

/// The inputs and the values that the network computed for them.
#[derive(Clone, Debug)]
pub struct ForwardPass {
    /// The inputs, in the network's shapes.
    pub inputs: Tensors,
    /// The values of the layers.
    pub activations: Activations,
}

/// What a method is called with.
pub struct Context<'a> {
    pub(super) explainer: &'a Explainer,
    /// Where propagation ends.
    pub(super) end: End,
    pub(super) target: TargetSpec,
    /// What is known about each input.
    pub(super) infos: &'a [InputInfo],
    /// For noise on the parameters.
    pub(super) perturbation: Option<&'a Perturbation>,
    pub(super) workers: &'a Workers,
    pub(super) watch: &'a dyn Watch,
}

impl Context<'_> {
    /// Runs the network.
    pub(super) fn forward(&self, inputs: impl Into<Tensors>) -> Result<ForwardPass> {
        let inputs = inputs.into();
        let activations = self.explainer.forward(&inputs)?;
        Ok(ForwardPass { inputs, activations })
    }

    /// The output that is explained: a logit, or the difference of two.
    pub(super) fn score(&self, pass: &ForwardPass) -> Result<f32> {
        self.output_of(pass.activations.logits()?)
    }

    /// The probability that is explained, or the difference of two.
    pub(super) fn probability(&self, pass: &ForwardPass) -> Result<f32> {
        let logits = pass.activations.logits()?;
        let function = self.explainer.network().output_function.as_ref();
        let probabilities = OutputFunction::probabilities(function, logits)?;
        self.output_of(&probabilities)
    }

    fn output_of(&self, outputs: &Tensor) -> Result<f32> {
        let of = |class: usize| {
            let value = outputs.data().get(class).copied();
            value.with_context(|| format!("the network has no class {class}"))
        };
        let against = self.target.against.map(of).transpose()?.unwrap_or(0.0);
        Ok(of(self.target.class)? - against)
    }

    /// The relevance that propagation starts with at the output.
    pub(super) fn initial(&self, pass: &ForwardPass) -> Result<Tensor> {
        let logits = pass.activations.logits()?;
        let class = |index: usize| -> Result<TargetClass> {
            let logit = logits.data().get(index).copied();
            let logit = logit.with_context(|| format!("the network has no class {index}"))?;
            Ok(TargetClass { index, logit })
        };
        let against = self.target.against.map(class).transpose()?;
        initial_relevance(logits, class(self.target.class)?, against, self.target.initial)
    }

    /// One propagation, by the rules that the network was compiled with.
    pub(super) fn propagate(&self, pass: ForwardPass) -> Result<Attribution> {
        let initial = self.initial(&pass)?;
        self.explainer.propagate_to(self.end, pass.activations, initial)
    }

    /// The only input that is explained.
    pub(super) fn only_input<'p>(&self, pass: &'p ForwardPass) -> Result<(&InputInfo, &'p Tensor)> {
        let (Some(input), [info]) = (pass.inputs.first(), self.infos) else {
            bail!(
                "this method explains one input, and the model has {} that are explained: explain one of them \
                 (--explain-input NAME), so that the others are held fixed",
                self.infos.len()
            );
        };
        Ok((info, input))
    }

    /// The only input, which is a picture.
    pub(super) fn picture<'p>(&self, pass: &'p ForwardPass) -> Result<(InputShape, &'p Tensor)> {
        let (info, input) = self.only_input(pass)?;
        let picture = info.picture.with_context(|| {
            format!(
                "this method needs an input that is a picture of 1 or 3 channels, not one of shape {:?}",
                input.shape()
            )
        })?;
        Ok((picture, input))
    }

    /// Runs `work` inside a sample of this method: on another network, with one thread, and without progress.
    pub(super) fn inside<T>(
        &self,
        explainer: &Explainer,
        work: impl FnOnce(&Context) -> Result<T>,
    ) -> Result<T> {
        let workers = Workers::default();
        let inner = Context { explainer, workers: &workers, watch: &Unwatched, ..*self };
        work(&inner)
    }

    /// The sum of `count` samples, each with a weight.
    pub(super) fn sum_of_samples(
        &self,
        count: usize,
        weight: impl Fn(usize) -> f64 + Sync,
        sample: impl Fn(usize) -> Result<Explanation> + Sync,
    ) -> Result<Explanation> {
        let mut sum = WeightedSum::default();
        let mut index = 0;
        let sum_up = |explanation: Explanation| {
            sum.add(&explanation, weight(index));
            index += 1;
            Ok(())
        };
        self.workers.in_order(count, self.watch, sample, sum_up)?;
        sum.finish()
    }

    /// The mean of `count` samples.
    pub(super) fn mean_of_samples(
        &self,
        count: usize,
        sample: impl Fn(usize) -> Result<Explanation> + Sync,
    ) -> Result<Explanation> {
        self.sum_of_samples(count, |_| 1.0 / count as f64, sample)
    }
}
