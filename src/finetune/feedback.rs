//! What every weight gets back: inputs, and the reward of outputs divided by the outputs, multiplied and summed.

use anyhow::{Context, Result};

use super::mapping::Mapping;
use super::reward::{Fit, Reward};
use super::rule::FeedbackRule;
use super::slot::{Field, Slot};
use crate::composite::Composite;
use crate::explain::{Arrival, Explainer, InputRanges, Prepack};
use crate::linear::WeightGradient;
use crate::network::{Layer, LayerId, Network, Op};
use crate::operator::{LayerNormalization, Operator};
use crate::parallel::Threads;
use crate::rule::Stabilizer;
use crate::session::in_parallel;
use crate::tensor::{Tensor, Tensors, channel_sums};

/// Samples that one thread adds up. It does not depend on the number of threads, so that sums do not either.
const CHUNK: usize = 8;

/// What keeps outputs from zero where rewards are divided by them, as in the composites.
const STABILIZER: Stabilizer = Stabilizer::additive(1e-6);

/// Rewards that are divided at a time.
const RUN: usize = 1 << 12;

/// An input of the network and its class.
pub struct Sample {
    /// A tensor for each input of the network.
    pub inputs: Tensors,
    /// The class.
    pub class: usize,
}

/// What is put in at the output, and by which rules it goes back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Teaching {
    /// The rules.
    pub rule: FeedbackRule,
    /// What is put in.
    pub reward: Reward,
}

/// What a batch gave.
pub struct BatchFeedback {
    /// For every parameter of the mapping, in the place of its numbers: its feedback, or its negative gradient, summed over
    /// the batch.
    pub sums: Vec<f32>,
    /// How each sample fitted.
    pub fits: Vec<Fit>,
}

/// A network compiled for feedback.
pub(super) struct Teacher<'a> {
    mapping: &'a Mapping,
    explainer: Explainer,
    teaching: Teaching,
    is_observed: Vec<bool>,
    slots: Vec<Slot>,
}

impl<'a> Teacher<'a> {
    /// Compiles the network that the parameters make.
    ///
    /// # Errors
    /// When a layer has no rule.
    pub fn new(
        mapping: &'a Mapping,
        network: Network,
        composite: &Composite,
        teaching: Teaching,
    ) -> Result<Teacher<'a>> {
        let (ranges, threads) = (InputRanges::default(), Threads::default());
        let mut explainer =
            Explainer::with_prepack(network, composite, ranges, threads, Prepack::Once)?;
        let slots: Vec<Slot> = mapping.slots().collect();
        let mut is_observed = vec![false; explainer.network().layers.len()];
        slots.iter().for_each(|slot| is_observed[slot.layer] = true);
        for layer in (0..is_observed.len()).filter(|&layer| is_observed[layer]) {
            explainer.keep_around(layer);
        }
        Ok(Teacher { mapping, explainer, teaching, is_observed, slots })
    }

    /// The feedback of a batch, on up to `jobs` threads; the same numbers on any.
    ///
    /// # Errors
    /// When a sample does not fit the network, or what goes back is not finite any more.
    pub fn feedback(
        &self,
        batch: &[&Sample],
        values: &[f32],
        jobs: usize,
    ) -> Result<BatchFeedback> {
        let chunks: Vec<&[&Sample]> = batch.chunks(CHUNK).collect();
        let found = in_parallel(&chunks, jobs, |chunk| self.of_chunk(chunk));
        let mut total: Option<Sums> = None;
        let mut fits = Vec::with_capacity(batch.len());
        for chunk in found {
            let (of_chunk, fits_of_chunk) = chunk?;
            match &mut total {
                Some(total) => total.absorb(of_chunk)?,
                none => *none = Some(of_chunk),
            }
            fits.extend(fits_of_chunk);
        }
        let mut sums = vec![0.0; values.len()];
        if let Some(total) = total {
            self.mapping.gather(&total.finish(self.explainer.network())?, &mut sums);
        }
        if self.teaching.rule.is_reward() {
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum *= value.abs());
        }
        Ok(BatchFeedback { sums, fits })
    }

    /// Adds up what `of_sample` makes of the feedback of every sample alone, on up to `jobs` threads.
    ///
    /// # Errors
    /// As [`Teacher::feedback`].
    pub fn summed_by_sample(
        &self,
        samples: &[&Sample],
        values: &[f32],
        jobs: usize,
        of_sample: impl Fn(&[f32]) -> Vec<f64> + Sync,
    ) -> Result<Vec<f64>> {
        let chunks: Vec<&[&Sample]> = samples.chunks(CHUNK).collect();
        let of_chunk = |chunk: &&[&Sample]| -> Result<Vec<f64>> {
            let mut total: Vec<f64> = vec![];
            for sample in *chunk {
                let found = self.feedback(&[*sample], values, 1)?;
                add_up(&mut total, &of_sample(&found.sums));
            }
            Ok(total)
        };
        let mut total = vec![];
        // A few at a time: each holds a number for every weight.
        for some in chunks.chunks(2 * CHUNK) {
            for found in in_parallel(some, jobs, of_chunk) {
                add_up(&mut total, &found?);
            }
        }
        Ok(total)
    }

    /// What stands at every tensor of the mapping, summed over some samples.
    fn of_chunk(&self, samples: &[&Sample]) -> Result<(Sums<'_>, Vec<Fit>)> {
        let mut sums = Sums::new(self.explainer.network(), &self.slots)?;
        let mut fits = Vec::with_capacity(samples.len());
        for sample in samples {
            fits.push(self.add(sample, &mut sums)?);
        }
        sums.weights.iter_mut().flatten().for_each(WeightGradient::settle);
        Ok((sums, fits))
    }

    fn add(&self, sample: &Sample, sums: &mut Sums) -> Result<Fit> {
        let Teaching { rule, reward } = self.teaching;
        let activations = self.explainer.forward(&sample.inputs)?;
        let logits = activations.logits()?;
        let fit = reward.fit(logits.data(), sample.class)?;
        if !fit.loss.is_finite() {
            return Ok(fit);
        }
        let initial = match rule.is_reward() {
            true => reward.rewards(logits.data(), sample.class)?,
            false => reward.direction(logits.data(), sample.class)?,
        };
        let initial = Tensor::new(logits.shape(), &initial)?;
        let mut observe = |arrival: &Arrival| {
            let layer = &self.explainer.network().layers[arrival.layer];
            let in_blocks = arrival.is_in_blocks() && sums.suits_blocks(arrival, layer)?;
            let mut numbers = arrival.relevance(in_blocks)?;
            if rule.is_reward() {
                let z = arrival.output(in_blocks)?;
                STABILIZER.divide(numbers.data_mut(), z.data(), RUN);
            }
            sums.add(arrival, layer, &AtOutput { numbers, in_blocks })
        };
        self.explainer.propagate_observed(
            &activations,
            initial,
            &self.is_observed,
            &mut observe,
        )?;
        Ok(fit)
    }
}

/// The feedback of a batch in the network that `values` make, on up to `jobs` threads; the same numbers on any. For every
/// parameter in [`Mapping::parameters`], its sums are at [`Parameter::places`](super::Parameter::places).
///
/// # Errors
/// When a layer has no rule, a sample does not fit the network, or what goes back is not finite any more.
pub fn feedback(
    mapping: &Mapping,
    values: &[f32],
    teaching: Teaching,
    batch: &[&Sample],
    jobs: usize,
) -> Result<BatchFeedback> {
    let composite = teaching.rule.composite()?;
    let teacher = Teacher::new(mapping, mapping.network(values)?, &composite, teaching)?;
    teacher.feedback(batch, values, jobs)
}

fn add_up(total: &mut Vec<f64>, more: &[f64]) {
    total.resize(more.len(), 0.0);
    total.iter_mut().zip(more).for_each(|(total, more)| *total += more);
}

/// What stands at every tensor of the mapping.
struct Sums<'a> {
    slots: &'a [Slot],
    /// For the weights of linear layers.
    weights: Vec<Option<WeightGradient>>,
    /// For everything else.
    others: Vec<Option<Tensor>>,
}

impl<'a> Sums<'a> {
    fn new(network: &Network, slots: &'a [Slot]) -> Result<Sums<'a>> {
        let weight = |slot: &Slot| match (&network.layers[slot.layer].op, slot.field) {
            (Op::Convolution(map), Field::Weight) => map.weight_gradient().map(Some),
            (Op::Dense(map), Field::Weight) => map.weight_gradient().map(Some),
            _ => Ok(None),
        };
        let weights = slots.iter().map(weight).collect::<Result<_>>()?;
        Ok(Sums { slots, weights, others: vec![None; slots.len()] })
    }

    /// The slots of a layer.
    fn of_layer(&self, layer: LayerId) -> std::ops::Range<usize> {
        let first = self.slots.partition_point(|slot| slot.layer < layer);
        first..self.slots.partition_point(|slot| slot.layer <= layer)
    }

    /// Whether a layer whose value lies in blocks of channels can be added as it is: it has a number for each channel, and a
    /// weight without groups.
    fn suits_blocks(&self, arrival: &Arrival, layer: &Layer) -> Result<bool> {
        let suits_op = match &layer.op {
            Op::Convolution(map) => {
                map.groups == 1 && !map.is_transposed && map.window.axes.len() == 2
            }
            Op::Affine(_) => arrival.reads_blocks(),
            _ => false,
        };
        let channels = layer.shape.get(1).copied();
        for slot in &self.slots[self.of_layer(arrival.layer)] {
            if slot.field != Field::Weight {
                let tensor = slot.read(arrival.network())?;
                if Some(tensor.len()) != channels || tensor.shape().get(1).copied() != channels {
                    return Ok(false);
                }
            }
        }
        Ok(suits_op)
    }

    fn add(&mut self, arrival: &Arrival, layer: &Layer, at_output: &AtOutput) -> Result<()> {
        let AtOutput { numbers, in_blocks } = at_output;
        for at in self.of_layer(arrival.layer) {
            let slot = self.slots[at];
            if slot.field == Field::Weight {
                let gradient = self.weights[at].as_mut().context("a layer has no weights")?;
                match in_blocks {
                    true => {
                        let reads_blocks = arrival.reads_blocks();
                        let input = arrival.input(reads_blocks)?;
                        gradient.add_images((&input, reads_blocks), (numbers, true))?;
                    }
                    false => gradient.add(&arrival.input(false)?, numbers)?,
                }
                continue;
            }
            let shape = slot.read(arrival.network())?.shape().to_vec();
            let part = match (&layer.op, slot.field) {
                (_, Field::Bias | Field::Shift) if *in_blocks => {
                    channel_sums(numbers, None, &shape)?
                }
                (_, Field::Bias | Field::Shift) => numbers.summed_to(&shape)?,
                (Op::LayerNormalization(norm), _) => {
                    let plain = LayerNormalization { scale: None, shift: None, ..norm.clone() };
                    let normalised = plain.forward(vec![arrival.input(false)?])?;
                    times(normalised, numbers)?.summed_to(&shape)?
                }
                _ if *in_blocks => channel_sums(numbers, Some(&arrival.input(true)?), &shape)?,
                _ => times(arrival.input(false)?, numbers)?.summed_to(&shape)?,
            };
            match &mut self.others[at] {
                Some(sum) => sum.add_assign(&part)?,
                none => *none = Some(part),
            }
        }
        Ok(())
    }

    /// Adds what stands at the same tensors for other samples.
    fn absorb(&mut self, other: Sums) -> Result<()> {
        for (weight, other) in self.weights.iter_mut().zip(other.weights) {
            if let (Some(weight), Some(other)) = (weight, other) {
                weight.absorb(other)?;
            }
        }
        for (sum, other) in self.others.iter_mut().zip(other.others) {
            match (sum, other) {
                (Some(sum), Some(other)) => sum.add_assign(&other)?,
                (none @ None, other) => *none = other,
                (Some(_), None) => {}
            }
        }
        Ok(())
    }

    fn finish(self, network: &Network) -> Result<Vec<Tensor>> {
        let parts = self.slots.iter().zip(self.weights).zip(self.others);
        let finished = parts.map(|((slot, weight), other)| match (weight, other) {
            (Some(mut gradient), _) => gradient.take(),
            (_, Some(sum)) => Ok(sum),
            _ => Tensor::zeros(slot.read(network)?.shape()),
        });
        finished.collect()
    }
}

/// What stands at the output of a layer.
struct AtOutput {
    numbers: Tensor,
    /// Whether it lies in blocks of channels.
    in_blocks: bool,
}

fn times(mut values: Tensor, others: &Tensor) -> Result<Tensor> {
    values.combine([others], |value, [other]| value * other)?;
    Ok(values)
}
