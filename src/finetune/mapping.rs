//! From the parameters of a file to the tensors of its network, and back.
//!
//! On the way to the network, stored tensors are transposed, reshaped, concatenated, and those of BatchNormalization become
//! a scale and a shift: `γ/σ` and `β − μγ/σ`. All of that is linear in the parameters, and it is found out by asking: the
//! file is lowered with the places of the parameters in the place of their numbers, and what arrives in the network says
//! which element is which, and with what factor. What does not come out as such a map is frozen.

use anyhow::{Context, Result, ensure};
use regex::Regex;

use super::parameter::{Parameter, is_trained, parameter_at};
use super::probe::Probe;
use super::rule::FeedbackRule;
use super::slot::Slot;
use super::slot_map::{NONE, SlotMap};
use crate::canonize::PassSelection;
use crate::network::Network;
use crate::onnx::StoredNumbers;
use crate::random::Stream;
use crate::session::Parametric;
use crate::tensor::{Tensor, Tensors};

/// The most that two forms of a network may differ, relative to the largest output.
const TOLERANCE: f32 = 1e-3;

/// The parameters of a file, and the network that they make.
pub struct Mapping {
    parameters: Vec<Parameter>,
    /// As the file stores them, one after the other.
    stored: Vec<f32>,
    template: Network,
    maps: Vec<SlotMap>,
}

impl Mapping {
    /// Finds out where the parameters of a file are in its network; `sample` is an input, on which the result is checked.
    ///
    /// # Errors
    /// When the network cannot be lowered, or what was found does not give the network of the file.
    pub fn new(parametric: &Parametric, rule: FeedbackRule, sample: &Tensors) -> Result<Mapping> {
        let composite = rule.composite()?;
        let passes = PassSelection::of(&composite.canonize)?;
        let (mut parameters, mut stored) = (vec![], vec![]);
        for (name, values) in parametric.parameters() {
            parameters.push(Parameter {
                name: name.to_string(),
                shape: values.shape().to_vec(),
                offset: stored.len(),
                frozen: None,
            });
            stored.extend_from_slice(values.data());
        }
        ensure!(stored.len() < NONE as usize, "the file has too many parameters");
        let probe = Probe { parametric, passes, parameters: &parameters };
        let (template, maps) = probe.find(stored.len())?;
        let mut mapping = Mapping { parameters, stored, template, maps };
        mapping.freeze_what_is_not_found();
        mapping.check(parametric, &composite.canonize, sample)?;
        Ok(mapping)
    }

    /// The parameters, in the order of their names.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The numbers that the file stores, all parameters one after the other.
    pub fn stored(&self) -> &[f32] {
        &self.stored
    }

    /// The numbers of a parameter among those of all.
    ///
    /// # Errors
    /// When the file has none of this name.
    pub fn of<'a>(&self, name: &str, values: &'a [f32]) -> Result<&'a [f32]> {
        let parameter = self.parameters.iter().find(|parameter| parameter.name == name);
        let parameter = parameter.with_context(|| format!("the file has no parameter {name}"))?;
        Ok(&values[parameter.places()])
    }

    /// The tensors of the network that are made of parameters that can be trained.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.maps.iter().map(|map| map.slot)
    }

    /// How they are made.
    pub(super) fn maps(&self) -> &[SlotMap] {
        &self.maps
    }

    /// The layers of the network, which are the same whatever the numbers.
    pub fn template(&self) -> &Network {
        &self.template
    }

    /// The network with these numbers in the place of its parameters.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn network(&self, values: &[f32]) -> Result<Network> {
        let mut network = self.template.clone();
        for map in &self.maps {
            map.slot.write(&mut network, map.tensor(values)?);
        }
        Ok(network)
    }

    /// Adds to `sums`, for every parameter, what stands at the tensors that are made of it: the transposed map. `at` has a
    /// tensor for each of [`Mapping::slots`].
    pub(super) fn gather(&self, at: &[Tensor], sums: &mut [f32]) {
        for (map, tensor) in self.maps.iter().zip(at) {
            for term in &map.terms {
                if let Some(first) = term.first {
                    let sums = sums[first..].iter_mut().zip(tensor.data());
                    sums.for_each(|(sum, number)| *sum += number);
                    continue;
                }
                let numbers = tensor.data().iter().enumerate().zip(&term.places);
                for ((index, number), &place) in numbers.filter(|(_, place)| **place != NONE) {
                    sums[place as usize] += term.factor(index) * number;
                }
            }
        }
    }

    /// Freezes what a file does not store in a form that can be replaced, all parameters but those whose names match `layers`,
    /// and those whose names match `freeze`: regular expressions.
    ///
    /// # Errors
    /// When one is none, `layers` matches nothing, or nothing is left.
    pub fn restrict(
        &mut self,
        stored: &StoredNumbers,
        layers: Option<&str>,
        freeze: Option<&str>,
    ) -> Result<()> {
        self.freeze_what_cannot_be_written(stored)?;
        self.choose(layers, freeze)
    }

    /// Freezes what a file does not store in the way that the network was made of.
    ///
    /// # Errors
    /// When the memory cannot be had.
    fn freeze_what_cannot_be_written(&mut self, stored: &StoredNumbers) -> Result<()> {
        let mut elsewhere = vec![];
        for parameter in &self.parameters {
            let found = stored.numbers(&parameter.name)?;
            let same = found.is_some_and(|(_, numbers)| numbers == self.stored[parameter.places()]);
            if !same {
                elsewhere.push(parameter.name.clone());
            }
        }
        self.freeze(|parameter| {
            let why = "the file stores it in a form that cannot be replaced in its place";
            elsewhere.contains(&parameter.name).then(|| why.to_string())
        });
        Ok(())
    }

    fn choose(&mut self, layers: Option<&str>, freeze: Option<&str>) -> Result<()> {
        let pattern = |text: Option<&str>, option: &str| -> Result<Option<Regex>> {
            let pattern = text.map(Regex::new).transpose();
            pattern.with_context(|| format!("{option} is no regular expression"))
        };
        let (layers, freeze) = (pattern(layers, "--layers")?, pattern(freeze, "--freeze")?);
        if let Some(layers) = &layers {
            let names = self.parameters.iter().map(|parameter| parameter.name.as_str());
            ensure!(
                names.clone().any(|name| layers.is_match(name)),
                "--layers {layers} matches no parameter of the file: {}",
                names.take(8).collect::<Vec<_>>().join(", ")
            );
        }
        self.freeze(|parameter| {
            let is_chosen = layers.as_ref().is_none_or(|layers| layers.is_match(&parameter.name));
            let is_frozen = freeze.as_ref().is_some_and(|freeze| freeze.is_match(&parameter.name));
            (!is_chosen || is_frozen).then(|| "as asked".to_string())
        });
        let frozen = self.parameters.iter().filter_map(|it| Some((it, it.frozen.as_ref()?)));
        ensure!(
            frozen.clone().count() < self.parameters.len(),
            "everything is frozen, so that there is nothing to change: {}",
            frozen
                .take(5)
                .map(|(it, why)| format!("{} ({why})", it.name))
                .collect::<Vec<_>>()
                .join(", ")
        );
        Ok(())
    }

    /// Freezes what `reason` says, and drops what no training changes.
    pub(super) fn freeze(&mut self, reason: impl Fn(&Parameter) -> Option<String>) {
        for parameter in &mut self.parameters {
            parameter.frozen = parameter.frozen.take().or_else(|| reason(parameter));
        }
        let parameters = &self.parameters;
        self.maps.retain(|map| {
            let mut places = map.terms.iter().flat_map(|term| &term.places);
            let keeps = places.any(|&place| is_trained(parameters, place));
            if !keeps && let Ok(tensor) = map.tensor(&self.stored) {
                map.slot.write(&mut self.template, tensor);
            }
            keeps
        });
    }

    /// Whether the parameter at a place among all can be trained.
    pub(super) fn is_trained(&self, place: u32) -> bool {
        is_trained(&self.parameters, place)
    }

    /// Freezes parameters of which no tensor of the network is made.
    fn freeze_what_is_not_found(&mut self) {
        let mut is_found = vec![false; self.parameters.len()];
        for place in self.maps.iter().flat_map(|map| &map.terms).flat_map(|term| &term.places) {
            if let Some(at) = parameter_at(&self.parameters, *place) {
                is_found[at] = true;
            }
        }
        for (parameter, is_found) in self.parameters.iter_mut().zip(is_found) {
            if !is_found {
                let why = "it is no weight, bias, scale or shift of a layer that reads a signal";
                parameter.frozen = Some(why.to_string());
            }
        }
    }

    /// Checks that the network made of other numbers is that of the file with these; freezes what makes it another one.
    fn check(
        &mut self,
        parametric: &Parametric,
        canonization: &crate::canonize::Canonization,
        sample: &Tensors,
    ) -> Result<()> {
        let passes = PassSelection::of(canonization)?;
        let probe = Probe { parametric, passes, parameters: &self.parameters };
        let changed = |only: Option<usize>| -> Vec<f32> {
            let stream = Stream::new(0, &[1]);
            let mut values = self.stored.clone();
            for (at, parameter) in self.parameters.iter().enumerate() {
                if parameter.frozen.is_some() || only.is_some_and(|only| only != at) {
                    continue;
                }
                let largest = values[parameter.places()].iter().fold(0.0f32, |a, b| a.max(b.abs()));
                for place in parameter.places() {
                    let noise = 2.0 * stream.uniform(place as u64) - 1.0;
                    values[place] += 0.1 * noise * if largest > 0.0 { largest } else { 0.1 };
                }
            }
            values
        };
        let agrees = |values: &[f32]| -> Result<bool> {
            let own = self.network(values)?.evaluate(sample)?;
            let other = probe.lowered(values)?.evaluate(sample)?;
            let largest = other.max_abs().max(f32::MIN_POSITIVE);
            let pairs = own.data().iter().zip(other.data());
            // A comparison that is false for NaN.
            Ok(pairs.map(|(a, b)| (a - b).abs()).all(|apart| apart <= TOLERANCE * largest))
        };
        ensure!(
            agrees(&self.stored)?,
            "the parameters of the file could not be found again in its network: nothing can be trained"
        );
        if agrees(&changed(None))? {
            return Ok(());
        }
        let mut wrong = vec![];
        for at in (0..self.parameters.len()).filter(|&at| self.parameters[at].frozen.is_none()) {
            if !agrees(&changed(Some(at)))? {
                wrong.push(self.parameters[at].name.clone());
            }
        }
        self.freeze(|parameter| {
            let why = "the network depends on it in another way than linearly";
            wrong.contains(&parameter.name).then(|| why.to_string())
        });
        Ok(())
    }
}
