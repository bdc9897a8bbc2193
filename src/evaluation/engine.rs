//! The network and the methods as metrics call them: timed, on several threads, ended by a watch.

use anyhow::{Context, Result, ensure};

use super::clock::Clock;
use crate::error::Error;
use crate::method::{Sums, Watch};
use crate::metric::{self, Explained, Map, Output, Reading};
use crate::picture::InputShape;
use crate::session::{Array, Explainer, Explanation, Prediction, Predictor, in_parallel};
use crate::session::{Target, Targets};
use crate::tensor::Tensor;

/// What runs and explanations share.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub clock: &'a Clock,
    /// Threads for one picture.
    pub threads: usize,
    pub watch: &'a dyn Watch,
}

impl Surroundings<'_> {
    /// `work` for 0..count, in the order of the numbers.
    fn all<T: Send>(
        &self,
        count: usize,
        work: impl Fn(usize) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let numbers: Vec<usize> = (0..count).collect();
        let results = in_parallel(&numbers, self.threads, |&number| {
            if self.watch.is_cancelled() {
                return Err(Error::Cancelled.into());
            }
            let result = work(number);
            self.watch.sample_done();
            result
        });
        results.into_iter().collect()
    }
}

/// Runs of the network.
pub(super) struct Runs<'a> {
    pub predictor: &'a Predictor,
    pub surroundings: Surroundings<'a>,
}

impl metric::Network for Runs<'_> {
    fn outputs(
        &self,
        count: usize,
        input: &(dyn Fn(usize) -> Result<Tensor> + Sync),
    ) -> Result<Vec<Output>> {
        self.surroundings.all(count, |number| {
            let input = input(number)?;
            let predict = || self.predictor.predict(&input);
            Ok(output(&self.surroundings.clock.run(predict)?))
        })
    }
}

/// What the network says, as metrics read it.
pub(super) fn output(prediction: &Prediction) -> Output {
    Output {
        logits: prediction.logits().to_vec(),
        probabilities: prediction.probabilities().to_vec(),
    }
}

/// A method of ours.
pub(super) struct Maps<'a> {
    pub explainer: &'a Explainer,
    pub reading: Reading,
    pub shape: InputShape,
    pub surroundings: Surroundings<'a>,
}

impl metric::Explain for Maps<'_> {
    fn explain(&self, input: &Tensor, classes: &[usize], _draw: u64) -> Result<Vec<Explained>> {
        let targets = Targets::new(classes.iter().map(|&class| Target::Class(class)));
        let array = Array::from(input.clone());
        let Surroundings { clock, watch, .. } = self.surroundings;
        let explained = clock.explanations(classes.len(), || {
            self.explainer.explain_targets(&array, &targets, watch)
        })?;
        ensure!(explained.len() == classes.len(), "a class was asked for twice");
        explained.iter().map(|explanation| self.read(explanation)).collect()
    }

    fn explain_all(&self, inputs: &[Tensor], class: usize) -> Result<Vec<Explained>> {
        self.surroundings.all(inputs.len(), |number| {
            let explained = self.explain(&inputs[number], &[class], 0)?;
            explained.into_iter().next().context("a method gave no map")
        })
    }
}

impl Maps<'_> {
    fn read(&self, explanation: &Explanation) -> Result<Explained> {
        let relevance = explanation.relevance().values();
        let sums = explanation.conservation();
        let completeness = explanation.completeness().map(|it| it.relative_error);
        Ok(Explained {
            map: read(relevance, self.shape, self.reading, &sums)?,
            relative_error: completeness.or_else(|| relative_error(&sums)),
            output: Some(output(explanation.prediction())),
        })
    }
}

/// Relevance as metrics see it.
pub(super) fn read(
    relevance: &[f32],
    shape: InputShape,
    reading: Reading,
    sums: &Sums,
) -> Result<Map> {
    let map = Map::of_relevance(relevance, shape, reading)?;
    // Relevance that begins with a negative logit speaks against the class where it is positive.
    let is_turned = reading == Reading::Signed && sums.is_conserving && sums.initial < 0.0;
    Ok(if is_turned { map.negated() } else { map })
}

/// How far the relevance is from the sum that LRP promises; `None` where its rules promise none.
pub(super) fn relative_error(sums: &Sums) -> Option<f64> {
    let arrived = sums.input_sum + sums.absorbed_by_bias + sums.absorbed_by_stabilizer;
    (sums.is_conserving && sums.initial != 0.0)
        .then(|| (arrived - sums.initial).abs() / sums.initial.abs())
}
