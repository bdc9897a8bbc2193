//! Gradient ascent: a step for a random view of the picture after the other.

use std::time::{Duration, Instant};

use anyhow::{Result as Checked, ensure};
use image::RgbImage;

use super::maximizer::{Maximizer, Start};
use super::objective::Objective;
use super::penalty;
use super::transformation::{Sampling, Transformation};
use crate::error::{Error, Kind, Result};
use crate::method::Watch;
use crate::optimizer::{Memory, Optimizer};
use crate::random::{Stream, word_of};
use crate::session::in_parallel;

/// A picture to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Which of [`Maximizer::objectives`].
    pub objective: usize,
    /// The seed of the start and of the random views.
    pub seed: u64,
}

/// A finished picture.
#[derive(Clone, Debug)]
pub struct Maximized {
    /// The picture, to be saved without loss.
    pub picture: RgbImage,
    /// Steps, counted from 0, and the value of the objective at the view of each: about twenty of them, with the first and
    /// the last.
    pub history: Vec<(usize, f64)>,
    /// Whether no step had a gradient, so that the picture is still what it was at the start.
    pub is_unmoved: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// Points of a history.
const POINTS: usize = 20;

impl Maximizer {
    /// Makes all pictures, as many at the same time as there are threads, and passes each to `take` in the order of the
    /// tasks. `watch` is told of every step. Pictures are the same, bit by bit, on any number of threads.
    ///
    /// # Errors
    /// [`Error::Computation`] where numbers are not finite, [`Error::Cancelled`], and that of `take`.
    pub fn run<E: From<Error>>(
        &self,
        tasks: &[Task],
        start: Option<&Start>,
        watch: &dyn Watch,
        take: &mut dyn FnMut(Task, Maximized) -> Result<(), E>,
    ) -> Result<(), E> {
        for some in tasks.chunks(self.jobs) {
            let made = in_parallel(some, self.jobs, |&task| self.maximize(task, start, watch));
            for (&task, maximized) in some.iter().zip(made) {
                take(task, maximized?)?;
            }
        }
        Ok(())
    }

    /// Makes a picture.
    ///
    /// # Errors
    /// [`Error::Computation`] where numbers are not finite, [`Error::Cancelled`] where `watch` ends it.
    pub fn maximize(
        &self,
        task: Task,
        start: Option<&Start>,
        watch: &dyn Watch,
    ) -> Result<Maximized> {
        let begin = Instant::now();
        let Some(objective) = self.objectives.get(task.objective) else {
            let error = anyhow::anyhow!("there is no objective {}", task.objective);
            return Err(Error::of(Error::Method, error));
        };
        let mut parameters = match start {
            Some(Start(planes)) => self.parametrization.of_picture(planes),
            None => self.parametrization.noise(Stream::new(task.seed, &[word_of("start")])),
        };
        let settings = &self.settings;
        let mut memory = Memory::default();
        let (mut history, mut is_unmoved) = (vec![], true);
        for step in 0..settings.steps {
            if watch.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let (value, gradient) = self.step(objective, (task.seed, step), &parameters)?;
            is_unmoved &= gradient.iter().all(|slope| *slope == 0.0);
            let rate = settings.learning_rate;
            let descended =
                Optimizer::ADAM.descend(&mut parameters, &gradient, rate, 0.0, &mut memory);
            descended.kind(Error::Computation)?;
            let is_last = step + 1 == settings.steps;
            if is_last || step % settings.steps.div_ceil(POINTS) == 0 {
                history.push((step, value));
            }
            watch.sample_done();
        }
        let planes = self.parametrization.picture(&parameters);
        let picture = self.canvas.picture(&planes).kind(Error::Computation)?;
        Ok(Maximized { picture, history, is_unmoved, elapsed: begin.elapsed() })
    }

    /// The value of the objective at the view of a step, and the gradient by the parameters of what is minimised: the
    /// penalties less the objective.
    pub(super) fn step(
        &self,
        objective: &Objective,
        (seed, step): (u64, usize),
        parameters: &[f32],
    ) -> Result<(f64, Vec<f32>)> {
        let settings = &self.settings;
        let picture = self.parametrization.picture(parameters);
        let stream = Stream::new(seed, &[word_of("view"), step as u64]);
        let view = Transformation::random(settings, self.jitter, stream);
        let canvas = &self.canvas;
        let sampling = Sampling::new(view, canvas.size, canvas.corner, canvas.window());
        let input = canvas.input(&sampling.apply(&picture)).kind(Error::Computation)?;
        let networks = self.noisy.as_ref().unwrap_or(&self.plain);
        let (value, slopes) = networks.value_and_gradient(objective, &input)?;
        check(value, &slopes, step, settings.steps).kind(Error::Computation)?;
        let mut gradient = sampling.transposed(&canvas.transposed(&slopes));
        gradient.iter_mut().for_each(|slope| *slope = -*slope);
        if settings.total_variation > 0.0 {
            let weight = settings.total_variation;
            penalty::total_variation(&picture, canvas.size, weight, &mut gradient);
        }
        if settings.norm > 0.0 {
            penalty::norm(&picture, settings.norm, &mut gradient);
        }
        Ok((value, self.parametrization.transposed(&picture, gradient)))
    }
}

fn check(value: f64, gradient: &[f32], step: usize, steps: usize) -> Checked<()> {
    ensure!(
        value.is_finite() && gradient.iter().all(|slope| slope.is_finite()),
        "the objective or its gradient is NaN or infinite in step {} of {steps}: the network's numbers overflow, or the model \
         is damaged; less --weight-noise helps where noise is put on the parameters",
        step + 1
    );
    Ok(())
}
