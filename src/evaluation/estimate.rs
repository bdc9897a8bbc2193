//! How much work an evaluation is: counted on one input without doing it, and timed by one run of each kind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result as Checked};

use super::engine::Surroundings;
use super::evaluator::{Evaluator, about};
use super::input::EvaluationInput;
use super::judge::judge;
use crate::error::{Error, Kind, Result};
use crate::method::Watch;
use crate::metric::{Explain, Explained, Network, Output};
use crate::tensor::Tensor;

/// The work for one input.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Runs of the network on changed inputs.
    pub runs: usize,
    /// Explanations.
    pub explanations: usize,
    /// The time of both on one thread, by a measured one of each kind.
    pub seconds: f64,
}

/// Counts runs instead of doing them: every input is said to be like the unchanged one.
struct CountedRuns {
    output: Output,
    count: AtomicUsize,
}

impl Network for CountedRuns {
    fn outputs(
        &self,
        count: usize,
        _input: &(dyn Fn(usize) -> Checked<Tensor> + Sync),
    ) -> Checked<Vec<Output>> {
        self.count.fetch_add(count, Ordering::Relaxed);
        Ok(vec![self.output.clone(); count])
    }
}

/// Counts explanations instead of making them; the first one is real, and timed.
struct CountedMaps<'a> {
    maps: &'a dyn Explain,
    first: Explained,
    seconds: f64,
    count: AtomicUsize,
}

impl<'a> CountedMaps<'a> {
    fn new(maps: &'a dyn Explain, input: &Tensor, class: usize) -> Checked<CountedMaps<'a>> {
        let begin = Instant::now();
        let explained = maps.explain(input, &[class], 0)?;
        let first = explained.into_iter().next().context("a method gave no map")?;
        let seconds = begin.elapsed().as_secs_f64();
        Ok(CountedMaps { maps, first, seconds, count: AtomicUsize::new(0) })
    }
}

impl Explain for CountedMaps<'_> {
    fn explain(&self, input: &Tensor, classes: &[usize], draw: u64) -> Checked<Vec<Explained>> {
        if self.first.output.is_none() {
            // Costs no run of the network, and may be undefined.
            return self.maps.explain(input, classes, draw);
        }
        self.count.fetch_add(classes.len(), Ordering::Relaxed);
        Ok(vec![self.first.clone(); classes.len()])
    }
}

impl Evaluator {
    /// How much work an input is.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`].
    pub fn estimate(&self, input: &EvaluationInput, watch: &dyn Watch) -> Result<Estimate> {
        self.estimated(input, watch).kind(Error::Input)
    }

    fn estimated(&self, input: &EvaluationInput, watch: &dyn Watch) -> Checked<Estimate> {
        let opened = self.open(input)?;
        let run = timed(|| self.predictor.predict(opened.layered.input()).map(drop))?;
        let network = CountedRuns { output: opened.output.clone(), count: AtomicUsize::new(1) };
        let beside = opened.beside(self, &input.stem);
        let picture = opened.picture(self, &input.stem, &network, &beside);
        let surroundings = Surroundings { clock: &self.clock, threads: self.threads, watch };
        let mut estimate = Estimate::default();
        for method in &self.methods {
            let counted = || -> Checked<(usize, f64)> {
                let maps = self.maps(method, input, &picture, surroundings)?;
                let counted = CountedMaps::new(&*maps, picture.input(), picture.target())?;
                judge(&self.metrics, &picture, &counted, Instant::now())?;
                Ok((counted.count.load(Ordering::Relaxed), counted.seconds))
            };
            let (count, seconds) = counted().map_err(|error| about(method, error))?;
            estimate.explanations += count;
            estimate.seconds += count as f64 * seconds;
        }
        estimate.runs = network.count.load(Ordering::Relaxed);
        estimate.seconds += estimate.runs as f64 * run.as_secs_f64();
        Ok(estimate)
    }
}

/// The time of the second of two runs: the first one finds nothing in the caches.
fn timed<E>(run: impl Fn() -> Result<(), E>) -> Result<Duration, E> {
    run()?;
    let begin = Instant::now();
    run()?;
    Ok(begin.elapsed())
}
