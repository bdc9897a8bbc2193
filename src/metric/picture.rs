//! A picture that methods are judged on, with everything that does not depend on a map: computed when it is asked for the
//! first time, and then the same for all methods.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use anyhow::Result;

use super::conditions::Conditions;
use super::network::{Beside, Network, Output};
use super::removal::{Fill, Layered, Partition, Regions, Removal, cell_side, superpixels};
use super::seeds::Seeds;
use crate::tensor::Tensor;

/// A picture that methods are judged on.
pub struct Picture<'a> {
    layered: Layered,
    seeds: Seeds,
    target: usize,
    output: Output,
    network: &'a dyn Network,
    beside: &'a dyn Beside,
    removals: Cache<(Fill, usize), Removal>,
    partitions: Cache<Regions, Partition>,
    emptied: Cache<(Fill, usize), Vec<Output>>,
    losses: Cache<String, Vec<f64>>,
    noisy: Cache<(u64, usize), Vec<Tensor>>,
    noisy_outputs: Cache<(u64, usize), Vec<Output>>,
    runs: Cell<usize>,
}

/// Values by their keys.
struct Cache<K, V>(RefCell<Vec<(K, Rc<V>)>>);

impl<K: PartialEq, V> Cache<K, V> {
    fn new() -> Cache<K, V> {
        Cache(RefCell::new(vec![]))
    }

    fn get(&self, key: K, make: impl FnOnce() -> Result<V>) -> Result<Rc<V>> {
        let find = |(known, value): &(K, Rc<V>)| (*known == key).then(|| Rc::clone(value));
        if let Some(value) = self.0.borrow().iter().find_map(find) {
            return Ok(value);
        }
        let value = Rc::new(make()?);
        self.0.borrow_mut().push((key, Rc::clone(&value)));
        Ok(value)
    }
}

impl<'a> Picture<'a> {
    /// A picture, the class that is explained, and what the network says about the unchanged picture.
    pub fn new(
        layered: Layered,
        seeds: Seeds,
        target: usize,
        output: Output,
        network: &'a dyn Network,
        beside: &'a dyn Beside,
    ) -> Picture<'a> {
        Picture {
            layered,
            seeds,
            target,
            output,
            network,
            beside,
            removals: Cache::new(),
            partitions: Cache::new(),
            emptied: Cache::new(),
            losses: Cache::new(),
            noisy: Cache::new(),
            noisy_outputs: Cache::new(),
            runs: Cell::new(0),
        }
    }

    /// The channels of the network's input.
    pub fn layered(&self) -> &Layered {
        &self.layered
    }

    /// The network's input.
    pub fn input(&self) -> &Tensor {
        self.layered.input()
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.layered.height()
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.layered.width()
    }

    /// The class that is explained.
    pub fn target(&self) -> usize {
        self.target
    }

    /// What the network says about the unchanged picture.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// What lies beside the picture.
    pub fn beside(&self) -> &'a dyn Beside {
        self.beside
    }

    /// The random numbers of this picture.
    pub fn seeds(&self) -> Seeds {
        self.seeds
    }

    /// Runs of the network that all methods share.
    pub fn shared_runs(&self) -> usize {
        self.runs.get()
    }

    /// Runs the network on changed pictures.
    pub(super) fn run(
        &self,
        count: usize,
        input: &(dyn Fn(usize) -> Result<Tensor> + Sync),
    ) -> Result<Vec<Output>> {
        self.network.outputs(count, input)
    }

    /// The picture, ready to lose parts.
    pub fn removal(&self, conditions: &Conditions) -> Result<Rc<Removal>> {
        let key = removal_key(conditions);
        self.removals.get(key, || Removal::new(key.0, &self.layered, key.1, self.seeds))
    }

    /// The picture, divided.
    ///
    /// # Errors
    /// When there is no file of segments for it.
    pub fn partition(&self, regions: &Regions) -> Result<Rc<Partition>> {
        self.partitions.get(regions.clone(), || {
            let (height, width) = (self.height(), self.width());
            Ok(match regions {
                Regions::Cells => Partition::squares(height, width, cell_side(height, width)),
                Regions::Pixels => Partition::squares(height, width, 1),
                Regions::Square(side) => Partition::squares(height, width, *side),
                Regions::Slic => superpixels(&self.colours(), height, width),
                Regions::Labels(folder) => Partition::of_labels(&self.beside.segments(folder)?)?,
            })
        })
    }

    /// The channels from 0 to 1: by the range of the network's input, or that of the picture.
    fn colours(&self) -> Vec<Vec<f32>> {
        let (low, high) = self.input().extremes();
        self.layered.each_plane(|channel, plane| {
            let known = self.layered.range().ok().and_then(|range| range.get(channel).copied());
            let [low, high] = known.unwrap_or([low, high]);
            let scale = if high > low { 1.0 / (high - low) } else { 0.0 };
            plane.iter().map(|value| (value - low) * scale).collect()
        })
    }

    /// What the network says when everything is removed, for every draw of the fill.
    pub fn emptied(&self, conditions: &Conditions) -> Result<Rc<Vec<Output>>> {
        self.emptied.get(removal_key(conditions), || {
            let removal = self.removal(conditions)?;
            let all = vec![true; self.height() * self.width()];
            let draws = removal.draws();
            self.runs.set(self.runs.get() + draws);
            let removal = &*removal;
            self.network.outputs(draws, &|draw| removal.without(&all, draw))
        })
    }

    /// For each of `count` sets of pixels, how much the target's logit falls when they are removed, the mean over the
    /// draws of the fill. `key` names the sets.
    pub fn losses(
        &self,
        key: &str,
        conditions: &Conditions,
        count: usize,
        missing: &(dyn Fn(usize) -> Vec<bool> + Sync),
    ) -> Result<Rc<Vec<f64>>> {
        let (fill, draws) = removal_key(conditions);
        self.losses.get(format!("{key} {fill} {draws}"), || {
            let removal = self.removal(conditions)?;
            let draws = removal.draws();
            self.runs.set(self.runs.get() + count * draws);
            let removal = &*removal;
            let input = |run: usize| removal.without(&missing(run / draws), run % draws);
            let outputs = self.network.outputs(count * draws, &input)?;
            let whole = self.output.logit(self.target);
            let loss = |draws: &[Output]| {
                let sum: f64 = draws.iter().map(|output| output.logit(self.target)).sum();
                whole - sum / draws.len() as f64
            };
            Ok(outputs.chunks(draws).map(loss).collect())
        })
    }

    /// The picture with even noise, several times.
    ///
    /// # Errors
    /// When the range of the network's input is not known.
    pub fn noisy(&self, conditions: &Conditions) -> Result<Rc<Vec<Tensor>>> {
        let Conditions { radius, noise_draws, .. } = *conditions;
        self.noisy.get(noise_key(conditions), || {
            let range = self.layered.range()?;
            let pixels = self.height() * self.width();
            let noisy = |draw| {
                let stream = self.seeds.stream("noise", &[draw]);
                self.layered.replaced(|channel, pixel, value| {
                    let [low, high] = range[channel];
                    let uniform = stream.uniform((channel * pixels + pixel) as u64);
                    value + radius as f32 * (high - low) * (2.0 * uniform - 1.0)
                })
            };
            (0..noise_draws as u64).map(noisy).collect()
        })
    }

    /// What the network says about the picture with noise.
    ///
    /// # Errors
    /// As [`Picture::noisy`].
    pub fn noisy_outputs(&self, conditions: &Conditions) -> Result<Rc<Vec<Output>>> {
        self.noisy_outputs.get(noise_key(conditions), || {
            let inputs = self.noisy(conditions)?;
            self.runs.set(self.runs.get() + inputs.len());
            let inputs = &*inputs;
            self.network.outputs(inputs.len(), &|draw| Ok(inputs[draw].clone()))
        })
    }
}

/// What noise on the input depends on.
fn noise_key(conditions: &Conditions) -> (u64, usize) {
    (conditions.radius.to_bits(), conditions.noise_draws)
}

/// What a removal depends on: draws count for a random fill only.
fn removal_key(conditions: &Conditions) -> (Fill, usize) {
    let draws = if conditions.fill.is_drawn() { conditions.draws } else { 1 };
    (conditions.fill, draws)
}
