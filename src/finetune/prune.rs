//! Weights, or whole filters, set to zero: those that matter least.
//!
//! By `lfp`, a weight matters as much as it gets feedback: `Σ |f|` over the pictures, with the softmax reward. By `relevance`
//! it matters as much as the relevance of the class's logit goes through it (Yeom et al. 2021 for filters), by `magnitude`
//! as it is large (Han et al. 2015; of filters the mean, after Li et al. 2017).

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Error, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::feedback::{Sample, Teacher, Teaching};
use super::mapping::Mapping;
use super::reward::Reward;
use super::rule::FeedbackRule;
use super::slot::Field;
use super::slot_map::{NONE, SlotMap};
use crate::network::{LayerId, Op, Wiring};

/// What says how much a weight matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// Its feedback.
    #[default]
    Lfp,
    /// Its size.
    Magnitude,
    /// The relevance that goes through it.
    Relevance,
}

impl Criterion {
    /// All of them.
    pub const ALL: [Criterion; 3] = [Criterion::Lfp, Criterion::Magnitude, Criterion::Relevance];

    /// The word on the command line and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Criterion::Lfp => "lfp",
            Criterion::Magnitude => "magnitude",
            Criterion::Relevance => "relevance",
        }
    }
}

impl FromStr for Criterion {
    type Err = Error;

    fn from_str(word: &str) -> Result<Criterion> {
        match Criterion::ALL.into_iter().find(|criterion| criterion.word() == word) {
            Some(criterion) => Ok(criterion),
            None => bail!("weights are pruned by lfp, magnitude or relevance, not by {word}"),
        }
    }
}

/// What is set to zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PruneSettings {
    /// What says how much a weight matters.
    pub by: Criterion,
    /// The share that is set to zero.
    pub share: f64,
    /// Whether whole filters are, the outputs of a layer, with what is added to them and a BatchNormalization behind it.
    pub structured: bool,
    /// Whether every layer loses this share, and not all together.
    pub by_layer: bool,
}

/// What was set to zero in a layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrunedLayer {
    /// The name of its node.
    pub name: String,
    /// Weights, or filters, that could be.
    pub count: usize,
    /// Those that are.
    pub pruned: usize,
}

/// A weight or a filter that can be set to zero.
struct Unit {
    layer: LayerId,
    /// Its parameters, by their places among all.
    places: Vec<u32>,
    /// What is set to zero with it.
    others: Vec<u32>,
}

/// The parameters with the least useful ones set to zero, and what that is in every layer; of units that matter equally, the
/// first are taken.
///
/// # Errors
/// When a layer has no rule, or there is nothing to prune.
pub fn pruned(
    mapping: &Mapping,
    settings: &PruneSettings,
    samples: &[Arc<Sample>],
    jobs: usize,
) -> Result<(Vec<f32>, Vec<PrunedLayer>)> {
    let units = match settings.structured {
        true => filters(mapping),
        false => weights(mapping),
    };
    ensure!(!units.is_empty(), "there are no weights to prune: all are frozen");
    let scores = scores(mapping, settings, &units, samples, jobs)?;
    let mut by_layer: HashMap<LayerId, Vec<usize>> = HashMap::new();
    for (index, unit) in units.iter().enumerate() {
        let key = if settings.by_layer { unit.layer } else { 0 };
        by_layer.entry(key).or_default().push(index);
    }
    let mut values = mapping.stored().to_vec();
    let mut is_pruned = vec![false; units.len()];
    for (_, mut members) in by_layer {
        members.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(a.cmp(&b)));
        let count = (settings.share * members.len() as f64).round() as usize;
        for &index in members.iter().take(count) {
            is_pruned[index] = true;
            let unit = &units[index];
            unit.places.iter().chain(&unit.others).for_each(|&place| values[place as usize] = 0.0);
        }
    }
    let mut layers: Vec<(LayerId, PrunedLayer)> = vec![];
    for (unit, is_pruned) in units.iter().zip(is_pruned) {
        if layers.last().is_none_or(|(layer, _)| *layer != unit.layer) {
            let name = mapping.template().layers[unit.layer].name.clone();
            layers.push((unit.layer, PrunedLayer { name, count: 0, pruned: 0 }));
        }
        if let Some((_, layer)) = layers.last_mut() {
            layer.count += 1;
            layer.pruned += usize::from(is_pruned);
        }
    }
    Ok((values, layers.into_iter().map(|(_, layer)| layer).collect()))
}

/// Every weight of a convolution or a dense layer that can be changed; one that several layers share counts once.
fn weights(mapping: &Mapping) -> Vec<Unit> {
    let mut is_known = vec![false; mapping.stored().len()];
    let mut units = vec![];
    for map in mapping.maps().iter().filter(|map| map.slot.field == Field::Weight) {
        for &place in map.terms.iter().flat_map(|term| &term.places) {
            let is_new = mapping.is_trained(place)
                && !std::mem::replace(&mut is_known[place as usize], true);
            if is_new {
                let layer = map.slot.layer;
                units.push(Unit { layer, places: vec![place], others: vec![] });
            }
        }
    }
    units
}

/// Every output of a layer that can be changed, but for those of the last layers, which are the classes.
fn filters(mapping: &Mapping) -> Vec<Unit> {
    let network = mapping.template();
    let (last, wiring) = (network.last_layers(), Wiring::of(network));
    let mut references: HashMap<u32, usize> = HashMap::new();
    let all = mapping.maps().iter().flat_map(|map| &map.terms).flat_map(|term| &term.places);
    all.for_each(|&place| *references.entry(place).or_default() += 1);
    let mut units = vec![];
    for map in mapping.maps().iter().filter(|map| map.slot.field == Field::Weight) {
        let layer = map.slot.layer;
        let is_transposed =
            matches!(&network.layers[layer].op, Op::Convolution(map) if map.is_transposed);
        if last.contains(&layer) || is_transposed {
            continue;
        }
        let behind = wiring.only_consumer(network, layer);
        let norm = behind.filter(|&id| matches!(network.layers[id].op, Op::Affine(_)));
        let beside: Vec<&SlotMap> = mapping
            .maps()
            .iter()
            .filter(|it| it.slot != map.slot)
            .filter(|it| it.slot.layer == layer || Some(it.slot.layer) == norm)
            .collect();
        for filter in 0..map.shape[0] {
            let places = row(map, filter, map.shape[0]);
            if places.is_empty() || !places.iter().all(|&place| mapping.is_trained(place)) {
                continue;
            }
            let others: Vec<u32> =
                beside.iter().flat_map(|it| row(it, filter, map.shape[0])).collect();
            // What another layer reads too stays.
            let own = |place: &u32| others.iter().filter(|other| *other == place).count();
            let is_own = |place: &u32| references.get(place) == Some(&own(place));
            let others = others.iter().filter(|it| is_own(it) && mapping.is_trained(**it));
            units.push(Unit { layer, places, others: others.copied().collect() });
        }
    }
    units
}

/// The parameters of one of `count` outputs in a tensor that has a row, or a number, for each.
fn row(map: &SlotMap, index: usize, count: usize) -> Vec<u32> {
    let len: usize = map.shape.iter().product();
    if count == 0 || !len.is_multiple_of(count) {
        return vec![];
    }
    let run = len / count;
    let places = map.terms.iter().flat_map(|term| term.places[index * run..][..run].iter());
    places.copied().filter(|&place| place != NONE).collect()
}

/// How much every unit matters.
fn scores(
    mapping: &Mapping,
    settings: &PruneSettings,
    units: &[Unit],
    samples: &[Arc<Sample>],
    jobs: usize,
) -> Result<Vec<f64>> {
    let values = mapping.stored();
    let size = |unit: &Unit| unit.places.len().max(1) as f64;
    let reward = match settings.by {
        Criterion::Magnitude => {
            let of_unit = |unit: &Unit| {
                let sizes =
                    unit.places.iter().map(|&place| f64::from(values[place as usize].abs()));
                sizes.sum::<f64>() / size(unit)
            };
            return Ok(units.iter().map(of_unit).collect());
        }
        Criterion::Lfp => Reward::Softmax,
        Criterion::Relevance => Reward::Class,
    };
    let rule = FeedbackRule::LfpEpsilon;
    let composite = rule.composite()?;
    let network = mapping.network(values)?;
    let teacher = Teacher::new(mapping, network, &composite, Teaching { rule, reward })?;
    let of_sample = |sums: &[f32]| -> Vec<f64> {
        let of_unit = |unit: &Unit| {
            let feedback = |&place: &u32| f64::from(sums[place as usize]);
            match settings.by {
                // Relevance of an output: what its weights carry, with their signs.
                Criterion::Relevance => {
                    let signed =
                        |place: &u32| feedback(place) * f64::from(values[*place as usize].signum());
                    unit.places.iter().map(signed).sum::<f64>().abs()
                }
                _ => unit.places.iter().map(feedback).map(f64::abs).sum(),
            }
        };
        units.iter().map(of_unit).collect()
    };
    let samples: Vec<&Sample> = samples.iter().map(|sample| &**sample).collect();
    let scores = teacher.summed_by_sample(&samples, values, jobs, of_sample)?;
    ensure!(
        scores.iter().all(|score| score.is_finite()),
        "the feedback of a weight is not finite: the network, or a picture, is damaged"
    );
    Ok(scores)
}
