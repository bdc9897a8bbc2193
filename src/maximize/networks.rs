//! The networks whose gradient a step follows: the model itself, or noisy ones (NoiseGrad), each compiled once.

use anyhow::Result as Checked;

use super::objective::Objective;
use crate::error::{Error, Kind, Result};
use crate::explain::End;
use crate::method::weight_noise;
use crate::session::{Canonized, Explainer, ExplainerOptions, Method, Session, in_parallel};
use crate::tensor::Tensor;

/// Networks compiled for the gradient of one output.
pub(super) struct Networks {
    explainers: Vec<Explainer>,
    /// Networks at a time.
    jobs: usize,
}

/// How noisy networks are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    /// How many.
    pub networks: usize,
    /// σ of the factors N(1, σ²).
    pub sigma: f32,
    pub seed: u64,
}

/// How networks are compiled: for the gradient, on so many threads inside a pass.
pub(super) fn options(threads: usize) -> Result<ExplainerOptions> {
    Ok(ExplainerOptions::from(Method::named("gradient")?).threads(threads))
}

/// The network up to the layer that is looked at; `None`: all of it.
fn cut(canonized: Canonized, layer: Option<&str>) -> Result<Canonized> {
    match layer {
        None => Ok(canonized),
        Some(layer) => canonized.ending_at(layer),
    }
}

impl Networks {
    /// The model itself up to a layer, on so many threads inside a pass.
    ///
    /// # Errors
    /// [`Error::Method`] where the layer does not exist or an operator has no gradient, [`Error::Model`] where the output
    /// is none of classes, and no layer is named.
    pub fn plain(session: &Session, layer: Option<&str>, threads: usize) -> Result<Networks> {
        let options = options(threads)?;
        let explainer = match layer {
            None => session.explainer(options)?,
            Some(_) => session.compile(cut(session.canonized(options)?, layer)?)?,
        };
        Ok(Networks { explainers: vec![explainer], jobs: 1 })
    }

    /// Noisy networks up to a layer, `jobs` of them at a time, each on one thread.
    ///
    /// # Errors
    /// As [`Networks::plain`], and [`Error::Model`] where the file stores no parameters.
    pub fn noisy(
        session: &Session,
        layer: Option<&str>,
        noise: Noise,
        jobs: usize,
    ) -> Result<Networks> {
        let parametric = session.parametric()?;
        let samples: Vec<usize> = (0..noise.networks).collect();
        let compile = |&sample: &usize| -> Result<Explainer> {
            let network = parametric.network(weight_noise(noise.sigma, noise.seed, sample))?;
            session.compile(cut(parametric.canonized(network, options(1)?)?, layer)?)
        };
        let explainers = in_parallel(&samples, jobs, compile);
        Ok(Networks { explainers: explainers.into_iter().collect::<Result<_>>()?, jobs })
    }

    /// All of them.
    pub fn all(&self) -> &[Explainer] {
        &self.explainers
    }

    /// What `work` makes of each of them, in their order.
    pub fn each<T: Send>(&self, work: impl Fn(&Explainer) -> T + Sync) -> Vec<T> {
        in_parallel(&self.explainers, self.jobs, work)
    }

    /// The mean of the objective over the networks, and that of its gradient by the input.
    ///
    /// # Errors
    /// [`Error::Computation`] when a gradient is not finite.
    pub fn value_and_gradient(
        &self,
        objective: &Objective,
        input: &Tensor,
    ) -> Result<(f64, Vec<f32>)> {
        let one = |explainer: &Explainer| of_network(explainer, objective, input);
        let all = self.each(one);
        let share = 1.0 / all.len() as f32;
        let (mut value, mut gradient) = (0.0, vec![0.0f32; input.len()]);
        // In their own order, so that the sum does not depend on the threads.
        for found in all {
            let (of_one, slopes) = found.kind(Error::Computation)?;
            value += f64::from(share) * of_one;
            for (sum, slope) in gradient.iter_mut().zip(slopes.data()) {
                *sum += share * slope;
            }
        }
        Ok((value, gradient))
    }
}

fn of_network(
    explainer: &Explainer,
    objective: &Objective,
    input: &Tensor,
) -> Checked<(f64, Tensor)> {
    let engine = explainer.engine();
    let activations = engine.forward(std::slice::from_ref(input))?;
    let (value, initial) = objective.value_and_gradient(activations.logits()?)?;
    let propagated = engine.propagate_to(End::Inputs, activations, initial)?;
    let gradient = propagated.relevance.first().cloned();
    Ok((value, gradient.ok_or_else(|| anyhow::anyhow!("the network has no input"))?))
}
