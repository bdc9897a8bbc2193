//! Finds out which tensors of a network are made of which parameters of its file: by lowering the file with numbers of our
//! choice, and reading what arrives.

use anyhow::{Result, ensure};

use super::parameter::Parameter;
use super::slot::{Slot, slots};
use super::slot_map::{NONE, SlotMap, Term};
use crate::canonize::{PassSelection, canonize};
use crate::network::Network;
use crate::random::Stream;
use crate::session::Parametric;
use crate::tensor::Tensor;

/// A digit of the places of parameters: small enough to be exact under a factor.
const DIGIT_BITS: usize = 11;

/// Lowers the file with numbers of our choice.
pub(super) struct Probe<'a> {
    pub parametric: &'a Parametric,
    pub passes: PassSelection,
    pub parameters: &'a [Parameter],
}

impl Probe<'_> {
    /// The network of the file with these numbers.
    ///
    /// # Errors
    /// When it cannot be lowered.
    pub fn lowered(&self, values: &[f32]) -> Result<Network> {
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
    ///
    /// # Errors
    /// When it cannot be lowered, or its layers depend on the numbers of its parameters.
    pub fn find(&self, count: usize) -> Result<(Network, Vec<SlotMap>)> {
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
    let mut places = Vec::with_capacity(one.len());
    let mut factors = Vec::with_capacity(one.len());
    for (index, (&one, &two)) in one.data().iter().zip(two.data()).enumerate() {
        let factor = two - one;
        factors.push(factor);
        let scale = one.abs().max(two.abs());
        // What is this small next to the rest cannot be read, and changes nothing.
        if factor.abs() <= 1e-5 * scale || scale == 0.0 {
            places.push(NONE);
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
        places.push(place as u32);
    }
    let has_factors =
        factors.iter().zip(&places).any(|(factor, place)| *place != NONE && *factor != 1.0);
    Some(Term::new(places, has_factors.then_some(factors)))
}

/// What the terms leave of a tensor; `None` where that is only rounding.
fn rest(tensor: &Tensor, of_terms: &Tensor) -> Option<Vec<f32>> {
    let rest: Vec<f32> =
        tensor.data().iter().zip(of_terms.data()).map(|(whole, part)| whole - part).collect();
    let scale = tensor.max_abs().max(of_terms.max_abs());
    let largest = rest.iter().fold(0.0f32, |largest, number| largest.max(number.abs()));
    (largest > 1e-5 * scale).then_some(rest)
}
