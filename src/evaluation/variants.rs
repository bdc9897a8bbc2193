//! Many composites of LRP on one input: the network runs once, and what their propagations have in common is computed once.

use std::collections::BTreeMap;

use anyhow::{Context, Result as Checked};

use super::engine::{Runs, Surroundings, output, read, relative_error};
use super::evaluator::{Evaluator, Opened};
use super::input::EvaluationInput;
use super::judge::judge_explained;
use crate::error::{Error, Kind, Result};
use crate::method::Watch;
use crate::metric::{Explain, Explained, Reading};
use crate::picture::InputShape;
use crate::session::{Array, Propagated, Variants};
use crate::tensor::Tensor;

/// What was measured of a composite on an input.
#[derive(Clone, Debug, PartialEq)]
pub struct VariantValues {
    /// The number of the composite.
    pub number: usize,
    /// The value of every metric of the evaluator; `None` where it is undefined.
    pub metrics: BTreeMap<String, Option<f64>>,
}

impl Evaluator {
    /// The metrics of some composites on an input, in the order of `wanted`.
    ///
    /// # Errors
    /// [`Error::Input`] for an input or mask that cannot be used, [`Error::Cancelled`]. A composite that cannot explain the
    /// input has no values.
    pub fn evaluate_variants(
        &self,
        variants: &Variants,
        wanted: &[usize],
        input: &EvaluationInput,
        watch: &dyn Watch,
    ) -> Result<Vec<VariantValues>> {
        let judge = || self.judge_variants(variants, wanted, input, watch);
        self.clock.input(self.threads, || judge().kind(Error::Input))
    }

    fn judge_variants(
        &self,
        variants: &Variants,
        wanted: &[usize],
        input: &EvaluationInput,
        watch: &dyn Watch,
    ) -> Checked<Vec<VariantValues>> {
        let surroundings = Surroundings { clock: &self.clock, threads: self.threads, watch };
        let network = Runs { predictor: &self.predictor, surroundings };
        let opened = self.open(input)?;
        let beside = opened.beside(self, &input.stem);
        let picture = opened.picture(self, &input.stem, &network, &beside);
        let array = Array::from(picture.input().clone());
        let mut found: Vec<VariantValues> = vec![];
        let mut failed = None;
        let mut emit = |number: usize, propagated: Result<Propagated>| {
            if failed.is_some() {
                return;
            }
            if watch.is_cancelled() {
                failed = Some(Error::Cancelled.into());
                return;
            }
            let one = OneVariant { variants, number, shape: self.shape };
            let judged =
                propagated.map_err(anyhow::Error::from).and_then(|it| one.read(&it, &opened));
            // A composite that fails on an input is the worst there, and no reason to end the others.
            let metrics = match judged {
                Err(_) => self.metrics.iter().map(|chosen| (chosen.name.clone(), None)).collect(),
                Ok(explained) => {
                    let explained = (explained, vec![]);
                    match judge_explained(&self.metrics, &picture, &one, explained) {
                        Ok(judged) => judged.metrics,
                        Err(error) => {
                            failed = Some(error);
                            return;
                        }
                    }
                }
            };
            watch.sample_done();
            found.push(VariantValues { number, metrics });
        };
        self.clock.explanations(wanted.len(), || {
            variants.explain(&array, picture.target(), wanted, &mut emit)
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let in_order = |number: &usize| {
            let values = found.iter().find(|values| values.number == *number).cloned();
            values.context("a composite was not judged")
        };
        wanted.iter().map(in_order).collect()
    }
}

/// One of the composites, for metrics that ask for further explanations.
struct OneVariant<'a> {
    variants: &'a Variants,
    number: usize,
    shape: InputShape,
}

impl OneVariant<'_> {
    fn read(&self, propagated: &Propagated, opened: &Opened) -> Checked<Explained> {
        let Propagated { relevance, sums } = propagated;
        Ok(Explained {
            map: read(relevance.values(), self.shape, Reading::Signed, sums)?,
            relative_error: relative_error(sums),
            output: Some(opened.output.clone()),
        })
    }
}

impl Explain for OneVariant<'_> {
    fn explain(&self, input: &Tensor, classes: &[usize], _draw: u64) -> Checked<Vec<Explained>> {
        let array = Array::from(input.clone());
        let explain = |&class: &usize| {
            let mut result = None;
            let mut keep = |_, propagated| result = Some(propagated);
            let said = self.variants.explain(&array, class, &[self.number], &mut keep)?;
            let Propagated { relevance, sums } = result.context("a composite gave no map")??;
            Ok(Explained {
                map: read(relevance.values(), self.shape, Reading::Signed, &sums)?,
                relative_error: relative_error(&sums),
                output: said.as_ref().map(output),
            })
        };
        classes.iter().map(explain).collect()
    }
}
