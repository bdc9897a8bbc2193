//! The loop: batches, feedback, steps of the optimizer, and what other pictures say after every epoch.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::confusion::Standing;
use super::feedback::{Sample, Teacher};
use super::mapping::Mapping;
use super::reward::Reward;
use super::settings::FinetuneSettings;
use super::state::{Best, EpochLine, State};
use crate::canonize::{PassSelection, canonize};
use crate::composite::Composite;
use crate::explain::Predictor;
use crate::onnx::StoredNumbers;
use crate::optimizer::Memory;
use crate::parallel::Threads;
use crate::random::{Stream, word_of};
use crate::session::{Parametric, in_parallel};

/// Told of the work while it goes on.
pub trait Progress {
    /// So many pictures more went through the network.
    fn advanced(&self, pictures: usize);

    /// Whether nobody waits any more.
    fn is_cancelled(&self) -> bool;
}

/// A network that is trained.
pub struct Trainer {
    settings: FinetuneSettings,
    mapping: Mapping,
    composite: Composite,
    training: Vec<Arc<Sample>>,
    validation: Vec<Arc<Sample>>,
    jobs: usize,
    state: State,
}

impl Trainer {
    /// Finds the parameters of a file, and judges the network as it is.
    ///
    /// # Errors
    /// When the settings contradict each other, a layer has no rule, or nothing is left to train.
    pub fn new(
        parametric: &Parametric,
        stored: &StoredNumbers,
        settings: FinetuneSettings,
        [training, validation]: [Vec<Arc<Sample>>; 2],
        jobs: usize,
    ) -> Result<Trainer> {
        check(&settings)?;
        let composite = settings.rule.composite()?;
        let first = training.first().context("there are no pictures to train with")?;
        let mut mapping = Mapping::new(parametric, settings.rule, &first.inputs)?;
        mapping.restrict(stored, settings.layers.as_deref(), settings.freeze.as_deref())?;
        let values = mapping.stored().to_vec();
        let memories = mapping.parameters().iter().map(|_| Memory::default()).collect();
        let state = State::new(values, memories);
        let mut trainer =
            Trainer { settings, mapping, composite, training, validation, jobs, state };
        let line = trainer.judged(0, 0.0, None, Instant::now())?;
        trainer.add(line);
        Ok(trainer)
    }

    /// Goes on from a state that was stored.
    ///
    /// # Errors
    /// When it belongs to another file.
    pub fn resumed(mut self, state: State) -> Result<Trainer> {
        ensure!(
            state.values.len() == self.state.values.len()
                && state.memories.len() == self.state.memories.len(),
            "the checkpoint belongs to another model"
        );
        self.state = state;
        Ok(self)
    }

    /// How it is trained.
    pub fn settings(&self) -> &FinetuneSettings {
        &self.settings
    }

    /// The parameters of the file.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// How far it is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The numbers of pictures to train with, and of those held out.
    pub fn counts(&self) -> [usize; 2] {
        [self.training.len(), self.validation.len()]
    }

    /// Whether all epochs are done, or the patience is over.
    pub fn is_done(&self) -> bool {
        let is_over =
            self.settings.patience.is_some_and(|patience| self.state.waited() >= patience);
        self.state.epoch() >= self.settings.epochs || is_over
    }

    /// Trains for an epoch; `None` where that was cancelled.
    ///
    /// # Errors
    /// When the loss or a weight is not finite any more. What was best before stays.
    pub fn epoch(&mut self, progress: &(dyn Progress + Sync)) -> Result<Option<EpochLine>> {
        let (begin, epoch) = (Instant::now(), self.state.epoch() + 1);
        let order = self.order(epoch);
        let batches: Vec<&[usize]> = order.chunks(self.settings.batch).collect();
        let steps = batches.len() * self.settings.epochs;
        let mut sum = Standing::default();
        let (mut values, mut memories) = (self.state.values.clone(), self.state.memories.clone());
        let mut rate = 0.0;
        for (at, batch) in batches.iter().enumerate() {
            if progress.is_cancelled() {
                return Ok(None);
            }
            let done = (epoch - 1) * batches.len() + at;
            let part = done as f64 / steps.max(1) as f64;
            rate = self.settings.learning_rate * self.settings.schedule.factor(part) as f32;
            let samples: Vec<&Sample> = batch.iter().map(|&at| &*self.training[at]).collect();
            self.step(&samples, rate, (&mut values, &mut memories), &mut sum).with_context(|| {
                format!(
                    "in epoch {epoch}, batch {} of {}: a lower --learning-rate or --clip may help",
                    at + 1,
                    batches.len()
                )
            })?;
            progress.advanced(batch.len());
        }
        (self.state.values, self.state.memories) = (values, memories);
        let line = self.judged(epoch, rate, Some(sum), begin)?;
        self.add(line.clone());
        Ok(Some(line))
    }

    fn step(
        &self,
        samples: &[&Sample],
        rate: f32,
        (values, memories): (&mut Vec<f32>, &mut Vec<Memory>),
        sum: &mut Standing,
    ) -> Result<()> {
        let teacher = self.teacher(values)?;
        let mut found = teacher.feedback(samples, values, self.jobs)?;
        for (fit, sample) in found.fits.iter().zip(samples) {
            ensure!(fit.loss.is_finite(), "the loss is not finite any more");
            sum.add(*fit, sample.class);
        }
        let parameters = || {
            let all = self.mapping.parameters().iter().enumerate();
            all.filter(|(_, parameter)| parameter.frozen.is_none())
        };
        // Against the feedback, because optimizers descend; its mean, so that the rate does not depend on the batch.
        let scale = -1.0 / samples.len() as f32;
        found.sums.iter_mut().for_each(|sum| *sum *= scale);
        let squares = parameters().flat_map(|(_, parameter)| &found.sums[parameter.places()]);
        let norm = squares.map(|it| f64::from(*it).powi(2)).sum::<f64>().sqrt();
        ensure!(norm.is_finite(), "the feedback of the weights is not finite any more");
        if let Some(clip) = self.settings.clip.filter(|&clip| norm > f64::from(clip)) {
            let factor = (f64::from(clip) / norm) as f32;
            found.sums.iter_mut().for_each(|sum| *sum *= factor);
        }
        for (at, parameter) in parameters() {
            let places = parameter.places();
            let (numbers, gradient) = (&mut values[places.clone()], &found.sums[places]);
            let decay = self.settings.weight_decay;
            let optimizer = self.settings.optimizer;
            optimizer.descend(numbers, gradient, rate, decay, &mut memories[at])?;
            if numbers.iter().any(|number| !number.is_finite()) {
                bail!("the parameter {} is not finite any more", parameter.name);
            }
        }
        Ok(())
    }

    fn teacher(&self, values: &[f32]) -> Result<Teacher<'_>> {
        let network = self.mapping.network(values)?;
        Teacher::new(&self.mapping, network, &self.composite, self.settings.teaching())
    }

    /// The order of the pictures in an epoch.
    fn order(&self, epoch: usize) -> Vec<usize> {
        let stream = Stream::new(self.settings.seed, &[word_of("order"), epoch as u64]);
        let mut order: Vec<usize> = (0..self.training.len()).collect();
        stream.shuffle(&mut order);
        order
    }

    /// What the pictures say of the network as it is: those that are held out, or all where none are.
    fn judged(
        &self,
        epoch: usize,
        learning_rate: f32,
        training: Option<Standing>,
        begin: Instant,
    ) -> Result<EpochLine> {
        let trained_in = begin.elapsed().as_secs_f64();
        let judges = if self.validation.is_empty() { &self.training } else { &self.validation };
        let standing =
            standing(&self.mapping, &self.state.values, (judges, self.settings.reward), self.jobs)?;
        Ok(EpochLine {
            epoch,
            learning_rate,
            training: training.map(|sum| sum.summary()),
            held_out: standing.summary(),
            confusion: standing.confusion,
            seconds: trained_in,
        })
    }

    fn add(&mut self, line: EpochLine) {
        let best = self.state.best.as_ref();
        // Without pictures held out, nothing can tell that an earlier network was better.
        let is_better = self.validation.is_empty()
            || best.is_none_or(|best| line.held_out.is_better_than(&best.held_out));
        if is_better && line.held_out.loss.is_finite() {
            let (values, held_out) = (self.state.values.clone(), line.held_out);
            self.state.best = Some(Best { epoch: line.epoch, values, held_out });
        }
        self.state.history.push(line);
    }
}

/// How well a network with these parameters does on pictures.
///
/// # Errors
/// When it cannot be run.
pub fn standing(
    mapping: &Mapping,
    values: &[f32],
    (samples, reward): (&[Arc<Sample>], Reward),
    jobs: usize,
) -> Result<Standing> {
    let mut network = mapping.network(values)?;
    canonize(&mut network, &PassSelection::all())?;
    let predictor = Predictor::new(network, Threads::default())?;
    let fit = |sample: &Arc<Sample>| {
        let logits = predictor.logits_of(&sample.inputs)?;
        reward.fit(logits.data(), sample.class)
    };
    let mut sum = Standing::default();
    for (sample, fit) in samples.iter().zip(in_parallel(samples, jobs, fit)) {
        sum.add(fit?, sample.class);
    }
    Ok(sum)
}

fn check(settings: &FinetuneSettings) -> Result<()> {
    ensure!(
        settings.rule.is_reward() || settings.reward.has_gradient(),
        "the reward `right` jumps, so that it has no gradient: train with --rule lfp-epsilon, or with --reward softmax"
    );
    ensure!(settings.batch > 0, "a batch has at least one picture");
    ensure!(
        settings.learning_rate > 0.0 && settings.learning_rate.is_finite(),
        "the learning rate must be above 0"
    );
    Ok(())
}
