//! From lines to the summary.

use std::collections::BTreeMap;
use std::path::Path;

use crate::evaluation::{ReportLine, Settings};
use crate::statistics::Bootstrap;

use super::fill::fill;
use super::named::Named;
use super::rows::Rows;
use super::standing::standing;
use super::types::{MetricSummary, Summary};
use super::values::Values;
use super::warnings::warnings;
use super::weighted::weighted;

/// What is independent of the rest, and so drawn as a whole in resamples and flipped as a whole in tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Units {
    /// Every picture.
    #[default]
    Pictures,
    /// All pictures of a folder together: frames of one film, slices of one patient.
    Folders,
}

/// How lines are summarized.
#[derive(Clone, Debug, PartialEq)]
pub struct SummaryOptions {
    /// What is independent of the rest.
    pub units: Units,
    /// How intervals are drawn; 1 − its confidence is the level of tests.
    pub bootstrap: Bootstrap,
    /// Weights of metrics for a weighted score; empty for none.
    pub weights: BTreeMap<String, f64>,
}

impl SummaryOptions {
    /// Pictures are independent, intervals cover 95 %, no weighted score.
    pub fn new(seed: u64) -> SummaryOptions {
        let bootstrap = Bootstrap { seed, ..Bootstrap::default() };
        SummaryOptions { units: Units::default(), bootstrap, weights: BTreeMap::new() }
    }
}

/// What the lines of a report say together. Lines of other settings are the caller's to sort out.
pub fn summarize(settings: &Settings, lines: &[ReportLine], options: &SummaryOptions) -> Summary {
    let values = Values::of(settings, lines);
    let units = unit_of_each(&values.inputs, options.units);
    let rows = Rows {
        values: &values,
        methods: &settings.methods,
        units: &units,
        bootstrap: options.bootstrap,
    };
    let metrics = settings.metrics.iter().map(|metric| (metric.name.clone(), rows.of(metric)));
    let metrics: Named<MetricSummary> = metrics.collect();
    let (ranks, pareto) = standing(settings, &metrics);
    let mut summary = Summary {
        settings: settings.clone(),
        pictures: values.inputs.len(),
        confidence: options.bootstrap.confidence,
        fill: fill(settings, lines),
        metrics,
        ranks,
        pareto,
        weighted: weighted(settings, &values, &units, &options.weights),
        warnings: vec![],
    };
    summary.warnings = warnings(&summary, count_of(&units));
    summary
}

/// The number of the unit that each input belongs to.
fn unit_of_each(inputs: &[String], units: Units) -> Vec<usize> {
    let folders: Vec<&Path> =
        inputs.iter().map(|input| Path::new(input).parent().unwrap_or(Path::new(""))).collect();
    let mut distinct = folders.clone();
    distinct.sort_unstable();
    distinct.dedup();
    match units {
        Units::Pictures => (0..inputs.len()).collect(),
        Units::Folders => {
            folders.iter().map(|folder| distinct.partition_point(|other| other < folder)).collect()
        }
    }
}

fn count_of(units: &[usize]) -> usize {
    units.iter().max().map_or(0, |last| last + 1)
}
