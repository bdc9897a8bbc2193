//! One network with the rules of several composites: what their propagations have in common is computed once.
//!
//! Relevance goes from the output down. As long as composites give the layers equal steps they share it; where steps
//! part, each part goes on with a copy. So composites that differ in the lower third of a network cost one propagation
//! through the upper two thirds together, and one through the lower third each. The forward pass, the kernels of equal
//! steps and the sums of magnitudes that z⁺, αβ and γ divide by are shared too.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use onnxplain_kernels::nchwc::Prepack;

use super::compile::Program;
use super::head::divides_by_output;
use super::input_range::InputRanges;
use super::plan::Plan;
use super::rules::SharedSums;
use super::run::{self, Activations, Attribution, End, Propagation};
use super::step::Step;
use crate::composite::{Assignment, Composite, InputKnowledge};
use crate::linear::Window;
use crate::network::{LayerId, Network};
use crate::tensor::Tensor;

/// A network with the rules of several composites, compiled: explains an input by each of them.
pub struct Variants {
    /// One for each composite. The first one runs the network, and keeps what any of them reads.
    plans: Vec<Plan>,
    /// For each composite and layer, the number of its step among the different steps of the layer.
    steps: Vec<Vec<usize>>,
}

/// The different steps of a layer and the cells that they are spread over, with the first plan that has each.
type KnownSteps = Vec<(Step, Option<Window>, usize)>;

impl Variants {
    /// Compiles a canonized network with composites that all belong to these rewrites of it. An explanation uses the
    /// thread that asks.
    ///
    /// # Errors
    /// When there is no composite, one does not fit the network, or has only z-box for a layer whose range is not known.
    pub fn new(
        network: &Network,
        composites: &[Composite],
        ranges: &InputRanges,
        prepack: Prepack,
    ) -> Result<Variants> {
        let knowledge = InputKnowledge::Within(ranges.intervals(network.inputs())?);
        let mut known: Vec<KnownSteps> = network.layers.iter().map(|_| vec![]).collect();
        let mut variants = Variants { plans: vec![], steps: vec![] };
        for composite in composites {
            let assignment = Assignment::knowing(network, composite, &knowledge)?;
            let first = variants.plans.first().map(|plan: &Plan| plan.program());
            let program = match first {
                None => Program::compile(network.clone(), &assignment, ranges),
                Some(first) => first.with_other_rules(&assignment, ranges),
            };
            let program = program.with_context(|| format!("with {}", composite.name))?;
            variants.add(program, &mut known, prepack)?;
        }
        let count = network.layers.len();
        let is_kept: Vec<bool> = (0..count)
            .map(|id| variants.plans.iter().any(|plan| plan.liveness.is_kept[id]))
            .collect();
        let first = variants.plans.first_mut().context("there is no composite")?;
        first.liveness.is_kept = is_kept;
        Ok(variants)
    }

    /// Adds a composite; steps that others have already are taken from them.
    fn add(
        &mut self,
        mut program: Program,
        known: &mut [KnownSteps],
        prepack: Prepack,
    ) -> Result<()> {
        let mut numbers = Vec::with_capacity(known.len());
        let mut owners: Vec<Option<usize>> = Vec::with_capacity(known.len());
        let steps = program.steps.iter_mut().zip(&program.cells);
        for ((step, cells), known) in steps.zip(known) {
            let mut others = known.iter();
            let found = others.position(|(other, others, _)| (other, others) == (step, cells));
            owners.push(found.map(|number| known[number].2));
            match found {
                // Shares its tensors.
                Some(number) => *step = known[number].0.clone(),
                None => known.push((step.clone(), cells.clone(), self.plans.len())),
            }
            numbers.push(found.unwrap_or(known.len() - 1));
        }
        let program = Arc::new(program);
        let plan = match self.plans.first() {
            None => Plan::new(program, prepack)?,
            Some(first) => first.beside(program, |id| {
                owners[id].map(|owner| Arc::clone(&self.plans[owner].steps[id]))
            })?,
        };
        self.plans.push(plan);
        self.steps.push(numbers);
        Ok(())
    }

    /// How many composites there are.
    pub fn count(&self) -> usize {
        self.plans.len()
    }

    /// Whether the last layer's rule of a composite divides by numbers that have the output's own sign.
    pub fn divides_by_output(&self, number: usize) -> bool {
        divides_by_output(self.plans[number].program())
    }

    /// Runs the network on a tensor for each of its inputs, keeping what propagation by any composite will read.
    ///
    /// # Errors
    /// When there are other tensors than inputs, or they have other shapes.
    pub fn forward(&self, inputs: &(impl AsRef<[Tensor]> + ?Sized)) -> Result<Activations> {
        run::forward(&self.plans[0], inputs.as_ref())
    }

    /// Propagates relevance from the output back to the inputs by some of the composites. `emit` gets the number of a
    /// composite and its result, once for each, in an order that only the composites decide.
    ///
    /// # Errors
    /// When `initial` has another shape than the output. Where a composite's propagation fails, `emit` is told.
    pub fn propagate(
        &self,
        activations: &Activations,
        initial: Tensor,
        wanted: &[usize],
        emit: &mut dyn FnMut(usize, Result<Attribution>),
    ) -> Result<()> {
        let network = self.plans[0].network();
        let propagation = Propagation::begin(network, initial)?;
        if !wanted.is_empty() {
            let shared = SharedSums::of(network.layers.len());
            let all = wanted.len();
            let mut descent = Descent { variants: self, activations, shared, all, emit };
            descent.from(network.layers.len(), wanted, propagation);
        }
        Ok(())
    }
}

/// A propagation that parts where steps differ.
struct Descent<'a> {
    variants: &'a Variants,
    activations: &'a Activations,
    shared: SharedSums,
    /// How many composites there are in all groups.
    all: usize,
    emit: &'a mut dyn FnMut(usize, Result<Attribution>),
}

impl Descent<'_> {
    /// Passes the layers below `above` for a group of composites that agreed until there.
    fn from(&mut self, above: LayerId, group: &[usize], mut propagation: Propagation) {
        let plan = &self.variants.plans[group[0]];
        let ends = End::Inputs.layers(plan.network());
        for id in (ends.end..above).rev() {
            if !propagation.arrives_at(id) {
                continue;
            }
            let parts = self.parted(id, group);
            if parts.len() > 1 {
                for part in parts {
                    self.pass(id, &part, propagation.clone());
                }
                return;
            }
            // Before the first parting nobody else will ask.
            let shared = Some(&self.shared).filter(|_| group.len() < self.all);
            if let Err(error) = propagation.pass(plan, id, self.activations, shared) {
                return self.fail(group, &error);
            }
        }
        match propagation.finish(plan, ends) {
            Ok(attribution) => {
                group.iter().for_each(|&variant| (self.emit)(variant, Ok(attribution.clone())));
            }
            Err(error) => self.fail(group, &error),
        }
    }

    /// Passes one layer for a part of a group, and all below it.
    fn pass(&mut self, id: LayerId, part: &[usize], mut propagation: Propagation) {
        let plan = &self.variants.plans[part[0]];
        match propagation.pass(plan, id, self.activations, Some(&self.shared)) {
            Ok(()) => self.from(id, part, propagation),
            Err(error) => self.fail(part, &error),
        }
    }

    /// A group by the step of a layer, in the order of the first of each part.
    fn parted(&self, id: LayerId, group: &[usize]) -> Vec<Vec<usize>> {
        let mut parts: Vec<(usize, Vec<usize>)> = vec![];
        for &variant in group {
            let step = self.variants.steps[variant][id];
            match parts.iter_mut().find(|(known, _)| *known == step) {
                Some((_, part)) => part.push(variant),
                None => parts.push((step, vec![variant])),
            }
        }
        parts.into_iter().map(|(_, part)| part).collect()
    }

    fn fail(&mut self, group: &[usize], error: &anyhow::Error) {
        group.iter().for_each(|&variant| (self.emit)(variant, Err(anyhow!("{error:#}"))));
    }
}
