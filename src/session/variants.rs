//! A model compiled for LRP by many composites at once: what their explanations have in common is computed once.

use std::sync::Arc;

use super::array::Array;
use super::context::Context;
use super::explainer_options::ExplainerOptions;
use super::opened::Session;
use super::prediction::Prediction;
use crate::canonize::{PassSelection, canonize};
use crate::composite::Composite as Rules;
use crate::error::{Error, Kind, Result};
use crate::explain::{self, Initial, InputRanges, Prepack, Target, initial_relevance};
use crate::method::Sums;

/// A model with the rules of many composites, compiled: explains on the thread that asks, from any number of threads.
pub struct Variants {
    context: Arc<Context>,
    groups: Vec<Group>,
    count: usize,
}

/// The composites that ask for the same rewrites of the network.
struct Group {
    engine: explain::Variants,
    /// Their numbers among all.
    members: Vec<usize>,
    /// What each puts in at the output.
    initials: Vec<Initial>,
}

/// The relevance of an input by one of the composites.
#[derive(Clone, Debug)]
pub struct Propagated {
    /// Of every number of the (first) input, in its shape without the batch axis.
    pub relevance: Array,
    /// What it adds up to.
    pub sums: Sums,
}

impl Session {
    /// Compiles the model for LRP by many composites; `options` say what else is asked for.
    ///
    /// # Errors
    /// [`Error::Composite`] where one does not fit the network.
    #[doc(hidden)]
    pub fn variants(&self, options: &ExplainerOptions, composites: &[Rules]) -> Result<Variants> {
        self.model().check_classes().kind(Error::Model)?;
        let mut groups: Vec<(PassSelection, Vec<usize>)> = vec![];
        for (number, composite) in composites.iter().enumerate() {
            let passes = options.passes(composite)?;
            match groups.iter_mut().find(|(known, _)| *known == passes) {
                Some((_, members)) => members.push(number),
                None => groups.push((passes, vec![number])),
            }
        }
        let context = self.context();
        let infos = context.input_infos(options.fallback_range);
        let ranges: InputRanges = infos.into_iter().map(|info| info.range).collect();
        let group = |(passes, members): (PassSelection, Vec<usize>)| {
            let mut network = self.model().network.clone();
            canonize(&mut network, &passes).kind(Error::Model)?;
            let rules: Vec<Rules> = members.iter().map(|&it| composites[it].clone()).collect();
            let engine = explain::Variants::new(&network, &rules, &ranges, Prepack::Once);
            let engine = engine.kind(Error::Composite)?;
            let initials = rules.iter().enumerate().map(|(place, rules)| {
                let divides = engine.divides_by_output(place);
                context.initial(options.initial, (&options.method, rules), divides).0
            });
            let initials = initials.collect();
            Ok(Group { engine, members, initials })
        };
        let groups = groups.into_iter().map(group).collect::<Result<Vec<Group>>>()?;
        Ok(Variants { context, groups, count: composites.len() })
    }
}

impl Variants {
    /// How many composites there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Explains a class of an input by some of the composites, each named once. `emit` gets the number of a composite
    /// and its relevance; the order is that of the propagation, not that of `wanted`. Where one fails, `emit` is told.
    ///
    /// # Errors
    /// [`Error::Input`] for an input that cannot be used, [`Error::Target`] where there is no such class,
    /// [`Error::Computation`] where the network's output is not finite.
    pub fn explain(
        &self,
        input: &Array,
        class: usize,
        wanted: &[usize],
        emit: &mut dyn FnMut(usize, Result<Propagated>),
    ) -> Result<Option<Prediction>> {
        let input = self.context.prepare(input.into())?;
        let inputs = self.context.network_inputs(&input)?;
        let mut prediction = None;
        for group in &self.groups {
            let members = group.members.iter().enumerate();
            let of_group = members.filter(|(_, member)| wanted.contains(member));
            let of_group: Vec<usize> = of_group.map(|(place, _)| place).collect();
            if of_group.is_empty() {
                continue;
            }
            let activations = group.engine.forward(&inputs).kind(Error::Input)?;
            let logits = activations.logits().kind(Error::Computation)?;
            prediction = Some(self.context.prediction(logits)?);
            let classes = Target::Class(class).classes(logits).kind(Error::Target)?;
            let mut emit_one = |place: usize, attribution: anyhow::Result<_>| {
                let propagated = attribution.and_then(|it| self.propagated(&it));
                emit(group.members[place], propagated.kind(Error::Method));
            };
            for initial in Initial::ALL {
                let start_so = of_group.iter().copied().filter(|&it| group.initials[it] == initial);
                let start_so: Vec<usize> = start_so.collect();
                let put_in = initial_relevance(logits, classes[0], None, initial);
                let put_in = put_in.kind(Error::Computation)?;
                let done = group.engine.propagate(&activations, put_in, &start_so, &mut emit_one);
                done.kind(Error::Method)?;
            }
        }
        Ok(prediction)
    }

    fn propagated(&self, attribution: &explain::Attribution) -> anyhow::Result<Propagated> {
        let mut all = self.context.relevance_of_inputs(&attribution.relevance)?;
        let relevance = Array::without_batch(all.swap_remove(0))?;
        Ok(Propagated { relevance, sums: Sums::from(&attribution.conservation) })
    }
}
