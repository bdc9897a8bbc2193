//! The subject of a method: a compiled network, and the output that is to be explained.

use anyhow::{Context, Result};

use super::explanation::{Explanation, WeightedSum};
use super::input_info::InputInfo;
use super::workers::{Watch, Workers};
use super::{Perturbation, Unwatched};
use crate::explain::initial_relevance;
use crate::explain::{Activations, Attribution, Explainer, Initial, TargetClass};
use crate::network::{LayerId, OutputFunction};
use crate::picture::InputShape;
use crate::tensor::Tensor;

/// A method: from a point of the input space to an explanation there.
pub(super) trait Attribute {
    /// Explains the subject's output at `point`; unless the method says otherwise by one propagation.
    fn attribute(&self, subject: &Subject, point: Point) -> Result<Explanation> {
        Ok(subject.propagate(point)?.into())
    }
}

/// Which output is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The class.
    pub target: usize,
    /// The class that it is compared with: the difference of the two is explained.
    pub against: Option<usize>,
    /// Relevance put in at the output.
    pub initial: Initial,
}

/// An input and what the network makes of it.
#[derive(Clone, Debug)]
pub struct Point {
    /// The input, in the network's shape.
    pub input: Tensor,
    /// The values inside the network.
    pub activations: Activations,
}

/// What is explained, and with what.
pub(super) struct Subject<'a> {
    pub explainer: &'a Explainer,
    /// The layer whose value's relevance is wanted; 0 is the input.
    pub end: LayerId,
    pub question: Question,
    pub info: &'a InputInfo,
    /// For noise on the parameters.
    pub perturbation: Option<&'a Perturbation>,
    pub workers: &'a Workers,
    pub watch: &'a dyn Watch,
}

impl Subject<'_> {
    /// Runs the network.
    pub fn at(&self, input: Tensor) -> Result<Point> {
        let activations = self.explainer.forward(&input)?;
        Ok(Point { input, activations })
    }

    /// The output that is explained: a logit, or the difference of two.
    pub fn score(&self, point: &Point) -> Result<f32> {
        self.output_of(point.activations.logits()?)
    }

    /// The same of probabilities.
    pub fn probability(&self, point: &Point) -> Result<f32> {
        let logits = point.activations.logits()?;
        let function = self.explainer.network().output_function.as_ref();
        let probabilities = OutputFunction::probabilities(function, logits)?;
        self.output_of(&probabilities)
    }

    fn output_of(&self, outputs: &Tensor) -> Result<f32> {
        let of = |class: usize| {
            let value = outputs.data().get(class).copied();
            value.with_context(|| format!("the network has no class {class}"))
        };
        let against = self.question.against.map(of).transpose()?.unwrap_or(0.0);
        Ok(of(self.question.target)? - against)
    }

    /// What is put in at the output, at a point.
    pub fn initial(&self, point: &Point) -> Result<Tensor> {
        let logits = point.activations.logits()?;
        let class = |index: usize| -> Result<TargetClass> {
            let logit = logits.data().get(index).copied();
            let logit = logit.with_context(|| format!("the network has no class {index}"))?;
            Ok(TargetClass { index, logit })
        };
        let against = self.question.against.map(class).transpose()?;
        initial_relevance(logits, class(self.question.target)?, against, self.question.initial)
    }

    /// One propagation, by the rules that the network was compiled with.
    pub fn propagate(&self, point: Point) -> Result<Attribution> {
        let initial = self.initial(&point)?;
        self.explainer.propagate_to(self.end, point.activations, initial)
    }

    /// The input as a picture.
    pub fn picture(&self) -> Result<InputShape> {
        self.info.picture.with_context(|| {
            format!(
                "this method needs an input that is a picture of 1 or 3 channels, not one of shape {:?}",
                self.explainer.network().input_shape()
            )
        })
    }

    /// Explains with one thread and unwatched: inside a sample of another method.
    pub fn inside<T>(
        &self,
        explainer: &Explainer,
        work: impl FnOnce(&Subject) -> Result<T>,
    ) -> Result<T> {
        let workers = Workers::default();
        let inner = Subject { explainer, workers: &workers, watch: &Unwatched, ..*self };
        work(&inner)
    }

    /// The sum of `count` samples, each with a weight.
    pub fn sum_of_samples(
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
    pub fn mean_of_samples(
        &self,
        count: usize,
        sample: impl Fn(usize) -> Result<Explanation> + Sync,
    ) -> Result<Explanation> {
        self.sum_of_samples(count, |_| 1.0 / count as f64, sample)
    }
}
