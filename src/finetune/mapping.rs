//! From the parameters of a file to the tensors of its network, and back.
//!
//! On the way to the network, stored tensors are transposed, reshaped, concatenated, and those of BatchNormalization become
//! a scale and a shift: `γ/σ` and `β − μγ/σ`. All of that is linear in the parameters, and it is found out by asking: the
//! file is lowered with the places of the parameters in the place of their numbers, and what arrives in the network says
//! which element is which, and with what factor. What does not come out as such a map is frozen.

use anyhow::{Context, Result, ensure};
use regex::Regex;

use super::rule::FeedbackRule;
use super::slot::{Slot, slots};
use crate::canonize::{PassSelection, canonize};
use crate::network::Network;
use crate::onnx::StoredNumbers;
use crate::random::Stream;
use crate::session::Parametric;
use crate::tensor::{Tensor, Tensors};

/// A digit of the places of parameters: small enough to be exact under a factor.
const DIGIT_BITS: usize = 11;

/// The most that two forms of a network may differ, relative to the largest output.
const TOLERANCE: f32 = 1e-3;

/// A stored parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in the file.
    pub name: String,
    /// Its shape there.
    pub shape: Vec<usize>,
    /// Where its numbers begin among those of all parameters.
    pub offset: usize,
    /// Why it cannot be trained; `None` where it can.
    pub frozen: Option<String>,
}

impl Parameter {
    /// The number of its elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The places of its numbers among those of all parameters.
    pub fn places(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// A part of a tensor of the network: `factor · parameter` for every element.
pub(super) struct Term {
    /// For each element, the place of its parameter among all; [`NONE`] where it has none.
    pub places: Vec<u32>,
    /// `None`: 1.
    factors: Option<Vec<f32>>,
}

/// An element that no parameter stands for.
pub(super) const NONE: u32 = u32::MAX;

/// How a tensor of the network is made of parameters.
pub(super) struct SlotMap {
    pub slot: Slot,
    pub shape: Vec<usize>,
    /// What is added; `None`: 0.
    constant: Option<Vec<f32>>,
    pub terms: Vec<Term>,
}

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
                let numbers = tensor.data().iter().enumerate().zip(&term.places);
                for ((index, number), &place) in numbers.filter(|(_, place)| **place != NONE) {
                    let factor = term.factors.as_ref().map_or(1.0, |factors| factors[index]);
                    sums[place as usize] += factor * number;
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
        let is_trained = |place: u32| {
            let at = parameters.partition_point(|it| it.offset <= place as usize);
            at.checked_sub(1).is_some_and(|at| parameters[at].frozen.is_none())
        };
        self.maps.retain(|map| {
            let mut places = map.terms.iter().flat_map(|term| &term.places);
            let keeps = places.any(|&place| place != NONE && is_trained(place));
            if !keeps && let Ok(tensor) = map.tensor(&self.stored) {
                map.slot.write(&mut self.template, tensor);
            }
            keeps
        });
    }

    /// Whether the parameter at a place among all can be trained.
    pub(super) fn is_trained(&self, place: u32) -> bool {
        let at = self.parameters.partition_point(|it| it.offset <= place as usize);
        at.checked_sub(1).is_some_and(|at| self.parameters[at].frozen.is_none())
    }

    /// Freezes parameters of which no tensor of the network is made.
    fn freeze_what_is_not_found(&mut self) {
        let mut is_found = vec![false; self.parameters.len()];
        for place in self.maps.iter().flat_map(|map| &map.terms).flat_map(|term| &term.places) {
            if *place != NONE {
                let at = self.parameters.partition_point(|it| it.offset <= *place as usize);
                is_found[at - 1] = true;
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

impl SlotMap {
    fn tensor(&self, values: &[f32]) -> Result<Tensor> {
        let mut numbers = match &self.constant {
            Some(constant) => constant.clone(),
            None => vec![0.0; self.shape.iter().product()],
        };
        for term in &self.terms {
            for (index, (number, &place)) in numbers.iter_mut().zip(&term.places).enumerate() {
                if place != NONE {
                    let factor = term.factors.as_ref().map_or(1.0, |factors| factors[index]);
                    *number += factor * values[place as usize];
                }
            }
        }
        Tensor::new(&self.shape, &numbers)
    }
}

/// Lowers the file with numbers of our choice.
struct Probe<'a> {
    parametric: &'a Parametric,
    passes: PassSelection,
    parameters: &'a [Parameter],
}

impl Probe<'_> {
    fn lowered(&self, values: &[f32]) -> Result<Network> {
        let change = |name: &str, numbers: &mut [f32]| {
            if let Some(parameter) = self.parameters.iter().find(|it| it.name == name) {
                numbers.copy_from_slice(&values[parameter.places()]);
            }
        };
        let mut network = self.parametric.network(change)?;
        canonize(&mut network, &self.passes)?;
        Ok(network)
    }

    /// The tensors of the network for these numbers.
    fn read(&self, slots: &[Slot], layers: usize, values: &[f32]) -> Result<Vec<Tensor>> {
        let network = self.lowered(values)?;
        ensure!(
            network.layers.len() == layers,
            "the network has other layers where its parameters have other numbers"
        );
        slots.iter().map(|slot| slot.read(&network)).collect()
    }

    /// The network, and how its tensors are made of the parameters.
    fn find(&self, count: usize) -> Result<(Network, Vec<SlotMap>)> {
        // None is 0 or 1, which would be left out.
        let stream = Stream::new(0, &[0]);
        let base: Vec<f32> = (0..count as u64).map(|at| 0.75 + 0.5 * stream.uniform(at)).collect();
        let template = self.lowered(&base)?;
        let (slots, layers) = (slots(&template), template.layers.len());
        let at_base: Vec<Tensor> =
            slots.iter().map(|slot| slot.read(&template)).collect::<Result<_>>()?;
        let mut terms: Vec<Vec<Term>> = slots.iter().map(|_| vec![]).collect();
        // Weights, and what else is made of one parameter.
        let mut is_open = vec![true; slots.len()];
        let mut varied = vec![true; count];
        let found = self.terms(&slots, layers, &base, &varied, &is_open)?;
        for (at, term) in found.into_iter().enumerate() {
            if let Some(term) = term {
                term.places.iter().filter(|&&place| place != NONE).for_each(|&place| {
                    varied[place as usize] = false;
                });
                terms[at].push(term);
                is_open[at] = false;
            }
        }
        // What is made of one of the others and one of these: first the others alone, then these.
        if is_open.contains(&true) {
            for _ in 0..2 {
                let found = self.terms(&slots, layers, &base, &varied, &is_open)?;
                for (terms, term) in terms.iter_mut().zip(found) {
                    terms.extend(term);
                }
                varied.iter_mut().for_each(|is_varied| *is_varied = !*is_varied);
            }
        }
        let mut maps = vec![];
        for ((slot, terms), at_base) in slots.into_iter().zip(terms).zip(at_base) {
            let shape = at_base.shape().to_vec();
            let mut map = SlotMap { slot, shape, constant: None, terms };
            map.terms.retain(|term| term.places.iter().any(|&place| place != NONE));
            if map.terms.is_empty() {
                continue;
            }
            map.constant = rest(&at_base, &map.tensor(&base)?);
            maps.push(map);
        }
        Ok((template, maps))
    }

    /// For each open tensor, how it is made of one of the varied parameters; `None` where it is not.
    fn terms(
        &self,
        slots: &[Slot],
        layers: usize,
        base: &[f32],
        varied: &[bool],
        is_open: &[bool],
    ) -> Result<Vec<Option<Term>>> {
        let count = base.len();
        let with = |number: &dyn Fn(usize) -> f32| {
            let values: Vec<f32> =
                (0..count).map(|at| if varied[at] { number(at) } else { base[at] }).collect();
            self.read(slots, layers, &values)
        };
        let (one, two) = (with(&|_| 1.0)?, with(&|_| 2.0)?);
        let digits = (usize::BITS - count.leading_zeros()).div_ceil(DIGIT_BITS as u32).max(1);
        let mask = (1 << DIGIT_BITS) - 1;
        let coded = (0..digits as usize)
            .map(|digit| with(&|at| ((at >> (digit * DIGIT_BITS)) & mask) as f32 + 1.0))
            .collect::<Result<Vec<_>>>()?;
        let term = |at: usize| -> Result<Option<Term>> {
            if !is_open[at] {
                return Ok(None);
            }
            let coded: Vec<&Tensor> = coded.iter().map(|tensors| &tensors[at]).collect();
            let shapes = coded.iter().map(|tensor| tensor.len());
            ensure!(
                shapes.chain([two[at].len()]).all(|len| len == one[at].len()),
                "a tensor of the network has another shape where parameters have other numbers"
            );
            Ok(decoded([&one[at], &two[at]], &coded, varied))
        };
        (0..slots.len()).map(term).collect()
    }
}

/// The term that gives these tensors where all varied parameters are 1, 2, or the digits of their places plus 1.
fn decoded([one, two]: [&Tensor; 2], digits: &[&Tensor], varied: &[bool]) -> Option<Term> {
    let mut term = Term { places: Vec::with_capacity(one.len()), factors: None };
    let mut factors = Vec::with_capacity(one.len());
    for (index, (&one, &two)) in one.data().iter().zip(two.data()).enumerate() {
        let factor = two - one;
        factors.push(factor);
        let scale = one.abs().max(two.abs());
        // What is this small next to the rest cannot be read, and changes nothing.
        if factor.abs() <= 1e-5 * scale || scale == 0.0 {
            term.places.push(NONE);
            continue;
        }
        let mut place = 0usize;
        for (digit, tensor) in digits.iter().enumerate() {
            let code = (tensor.data()[index] - one) / factor;
            let whole = code.round();
            let fits = (code - whole).abs() < 0.2 && whole >= 0.0;
            if !fits || whole >= (1 << DIGIT_BITS) as f32 {
                return None;
            }
            place |= (whole as usize) << (digit * DIGIT_BITS);
        }
        if !varied.get(place).copied().unwrap_or(false) {
            return None;
        }
        term.places.push(place as u32);
    }
    if factors.iter().zip(&term.places).any(|(factor, place)| *place != NONE && *factor != 1.0) {
        term.factors = Some(factors);
    }
    Some(term)
}

/// What the terms leave of a tensor; `None` where that is only rounding.
fn rest(tensor: &Tensor, of_terms: &Tensor) -> Option<Vec<f32>> {
    let rest: Vec<f32> =
        tensor.data().iter().zip(of_terms.data()).map(|(whole, part)| whole - part).collect();
    let scale = tensor.max_abs().max(of_terms.max_abs());
    let largest = rest.iter().fold(0.0f32, |largest, number| largest.max(number.abs()));
    (largest > 1e-5 * scale).then_some(rest)
}

impl Mapping {
    /// The numbers of a parameter among those of all.
    ///
    /// # Errors
    /// When the file has none of this name.
    pub fn of<'a>(&self, name: &str, values: &'a [f32]) -> Result<&'a [f32]> {
        let parameter = self.parameters.iter().find(|parameter| parameter.name == name);
        let parameter = parameter.with_context(|| format!("the file has no parameter {name}"))?;
        Ok(&values[parameter.places()])
    }
}
