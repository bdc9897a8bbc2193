//! Measures composites on pictures, a few pictures at a time; what an earlier run measured is taken from the journal.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Map, Value};

use super::trial::{Journal, Stage, Trial};
use crate::composite::{Candidate, Composite};
use crate::error::Error;
use crate::evaluation::{EvaluationInput, Evaluator};
use crate::method::Watch;
use crate::session::{Variants, in_parallel};

/// A composite that is measured.
#[derive(Clone, Debug)]
pub(super) struct Contestant {
    /// The values of its parameters, or the name of a preset.
    pub name: String,
    /// Its number in the space.
    pub candidate: Option<usize>,
    pub parameters: Map<String, Value>,
}

impl Contestant {
    pub fn of(candidate: &Candidate) -> Contestant {
        Contestant {
            name: candidate.composite.name.clone(),
            candidate: Some(candidate.number),
            parameters: candidate.parameters.iter().cloned().collect(),
        }
    }

    pub fn preset(composite: &Composite) -> Contestant {
        Contestant { name: composite.name.clone(), candidate: None, parameters: Map::new() }
    }
}

/// Composites, compiled, with the metrics that they are measured by.
pub(super) struct Field<'a> {
    pub stage: Stage,
    pub evaluator: &'a Evaluator,
    pub variants: &'a Variants,
    /// In the order of the variants.
    pub contestants: &'a [Contestant],
    pub jobs: usize,
}

/// The values of the wanted contestants on one picture, in their order.
pub(super) type Row = Vec<BTreeMap<String, Option<f64>>>;

/// What keeps the work and what ends it.
pub(super) struct Desk<'a> {
    pub journal: &'a mut dyn Journal,
    pub watch: &'a dyn Watch,
    /// Pictures that could not be measured, and why.
    pub failures: Vec<(EvaluationInput, Error)>,
}

impl Field<'_> {
    /// The values of some contestants on every picture; pictures that fail are left out.
    ///
    /// # Errors
    /// When the journal cannot be written, or nobody waits any more.
    pub fn measure(
        &self,
        wanted: &[usize],
        inputs: &[EvaluationInput],
        desk: &mut Desk,
    ) -> Result<Vec<Row>> {
        let names: Vec<&str> =
            wanted.iter().map(|&number| self.contestants[number].name.as_str()).collect();
        let mut rows = vec![];
        for some in inputs.chunks(self.jobs.max(1)) {
            let mut known = vec![];
            for input in some {
                known.push((input, desk.journal.earlier(self.stage, &input.stem, &names)?));
            }
            let measured = in_parallel(&known, self.jobs, |(input, earlier)| match earlier {
                Some(_) => None,
                None => {
                    Some(self.evaluator.evaluate_variants(self.variants, wanted, input, desk.watch))
                }
            });
            for ((input, earlier), measured) in known.into_iter().zip(measured) {
                let trials = match (earlier, measured) {
                    (Some(trials), _) => trials,
                    (None, Some(Ok(values))) => {
                        let values = values.into_iter().map(|values| values.metrics);
                        let trials = self.trials(wanted, input, values);
                        desk.journal.add(&trials)?;
                        trials
                    }
                    (None, Some(Err(Error::Cancelled))) => return Err(Error::Cancelled.into()),
                    (None, Some(Err(error))) => {
                        desk.fail(input, error);
                        desk.journal.advance();
                        continue;
                    }
                    (None, None) => continue,
                };
                desk.journal.advance();
                rows.push(trials.into_iter().map(|trial| trial.metrics).collect());
            }
        }
        Ok(rows)
    }

    fn trials(
        &self,
        wanted: &[usize],
        input: &EvaluationInput,
        values: impl Iterator<Item = BTreeMap<String, Option<f64>>>,
    ) -> Vec<Trial> {
        let trial = |(&number, metrics): (&usize, _)| {
            let Contestant { name, candidate, parameters } = self.contestants[number].clone();
            Trial {
                stage: self.stage,
                input: input.stem.clone(),
                composite: name,
                candidate,
                parameters,
                metrics,
            }
        };
        wanted.iter().zip(values).map(trial).collect()
    }
}

impl Desk<'_> {
    fn fail(&mut self, input: &EvaluationInput, error: Error) {
        if self.failures.iter().all(|(known, _)| known != input) {
            self.failures.push((input.clone(), error));
        }
    }
}
