//! All metrics. A new one is a file of this folder and a line here.

use anyhow::{Result, bail};

use super::complexity::{Complexity, ComplexityShare, Sparseness, TotalVariation};
use super::faithfulness::{
    Aopc, Aupc, Deletion, FaithfulnessCorrelation, FaithfulnessEstimate, Flip, Infidelity,
    InfidelityRatio, Insertion, Irof, Lerf, MonotonicityCorrelation, Morf, Road, Saco,
    SensitivityN, Srg, Sufficient,
};
use super::info::{Category, MetricInfo};
use super::localisation::{Contrast, Focus, Mass, MassGain, Pointing, Rank, Roc};
use super::measure::Metric;
use super::randomisation::{
    Completeness, RandomLogit, RandomLogitCosine, RandomLogitPearson, RandomLogitSsim,
};
use super::robustness::{AvgSensitivity, MaxSensitivity, Ris, Ros};
use crate::suggest::nearest;

/// All metrics, in the order in which they are listed.
const METRICS: &[&dyn Metric] = &[
    &Srg,
    &Morf,
    &Lerf,
    &Flip,
    &Sufficient,
    &Aopc,
    &Deletion,
    &Insertion,
    &Road,
    &Irof,
    &Saco,
    &FaithfulnessCorrelation,
    &FaithfulnessEstimate,
    &MonotonicityCorrelation,
    &SensitivityN,
    &Infidelity,
    &InfidelityRatio,
    &Aupc,
    &Mass,
    &MassGain,
    &Rank,
    &Pointing,
    &Roc,
    &Focus,
    &Contrast,
    &AvgSensitivity,
    &MaxSensitivity,
    &Ris,
    &Ros,
    &Sparseness,
    &Complexity,
    &ComplexityShare,
    &TotalVariation,
    &RandomLogit,
    &RandomLogitSsim,
    &RandomLogitPearson,
    &RandomLogitCosine,
    &Completeness,
];

/// All metrics, in the order in which they are listed.
pub fn metrics() -> &'static [&'static dyn Metric] {
    METRICS
}

/// What is known of all metrics, in the order in which they are listed.
pub fn all() -> impl Iterator<Item = &'static MetricInfo> {
    METRICS.iter().map(|metric| metric.info())
}

/// What is known of the metric of that name.
pub fn find(name: &str) -> Option<&'static MetricInfo> {
    all().find(|metric| metric.name == name)
}

/// The metric of that name.
///
/// # Errors
/// When there is no such metric; the error lists all.
pub fn named(name: &str) -> Result<&'static dyn Metric> {
    if let Some(metric) = METRICS.iter().find(|metric| metric.info().name == name) {
        return Ok(*metric);
    }
    let names: Vec<&str> = all().map(|metric| metric.name).collect();
    let categories = Category::ALL.map(Category::word);
    let words = names.iter().chain(&categories).chain(&["default", "all"]).copied();
    let hint =
        nearest(name, words).map_or(String::new(), |word| format!("; did you mean `{word}`?"));
    bail!(
        "there is no metric `{name}`; there are default, all, the categories {}, and {}{hint}",
        categories.join(", "),
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::conditions::Conditions;
    use crate::picture::{InputShape, Layout};

    #[test]
    fn every_metric_says_what_it_is() {
        let names: Vec<&str> = all().map(|metric| metric.name).collect();
        let mut distinct = names.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len());
        assert!(all().is_sorted_by_key(|metric| metric.category));
        assert!(names.iter().all(|name| find(name).is_some()) && find("auc").is_none());
        let shape = InputShape { channels: 3, height: 224, width: 224, layout: Layout::Nchw };
        for metric in metrics() {
            let (info, fixed) = (metric.info(), metric.fixed(shape));
            assert!(info.about.len() > 10 && !info.about.ends_with('.'), "{}", info.name);
            let conditions = Conditions::default().with(&fixed).unwrap();
            let takes = metric.takes();
            assert_eq!(conditions.named(takes).len(), takes.len(), "{}", info.name);
            assert!(fixed.keys().all(|name| takes.contains(&name.as_str())), "{}", info.name);
        }
    }

    #[test]
    fn a_name_that_is_none_has_a_nearest_one() {
        let error = named("sparsness").err().unwrap().to_string();
        assert!(error.ends_with("did you mean `sparseness`?"), "{error}");
    }
}
