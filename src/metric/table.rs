//! All metrics.

use super::info::{Category, Direction, MetricInfo};

use Category::{Axioms, Complexity, Faithfulness, Localisation, Randomisation, Robustness};
use Direction::{Higher, Lower};

const fn metric(
    name: &'static str,
    category: Category,
    direction: Direction,
    is_default: bool,
    paper: &'static str,
    about: &'static str,
) -> MetricInfo {
    MetricInfo { name, category, direction, is_default, paper, about }
}

/// All metrics, in the order in which they are listed.
const METRICS: &[MetricInfo] = &[
    metric("srg", Faithfulness, Higher, true, "Blücher et al. 2024", "lerf minus morf"),
    metric(
        "morf",
        Faithfulness,
        Lower,
        true,
        "Bach et al. 2015",
        "area under the probability, most relevant regions removed first",
    ),
    metric(
        "lerf",
        Faithfulness,
        Higher,
        true,
        "Samek et al. 2017",
        "area under the probability, least relevant regions removed first",
    ),
    metric(
        "flip",
        Faithfulness,
        Lower,
        true,
        "",
        "share of pixels to remove, most relevant first, until the top class changes",
    ),
    metric(
        "sufficient",
        Faithfulness,
        Lower,
        true,
        "after Nguyen, Martínez 2020",
        "share of pixels to keep, most relevant ones, for the top class to stay",
    ),
    metric(
        "aopc",
        Faithfulness,
        Higher,
        false,
        "Samek et al. 2017",
        "mean loss of probability over 100 squares of noise",
    ),
    metric(
        "deletion",
        Faithfulness,
        Lower,
        false,
        "Petsiuk et al. 2018",
        "area under the probability, pixels deleted",
    ),
    metric(
        "insertion",
        Faithfulness,
        Higher,
        false,
        "Petsiuk et al. 2018",
        "area under the probability, pixels inserted into a blurred picture",
    ),
    metric(
        "road",
        Faithfulness,
        Higher,
        false,
        "Rong et al. 2022",
        "accuracy after removing the least minus the most relevant pixels by imputation",
    ),
    metric(
        "irof",
        Faithfulness,
        Higher,
        false,
        "Rieger, Hansen 2020",
        "area over the relative probability, superpixels removed",
    ),
    metric(
        "saco",
        Faithfulness,
        Higher,
        false,
        "Wu et al. 2024",
        "whether more relevant groups of pixels matter more",
    ),
    metric(
        "faithfulness-correlation",
        Faithfulness,
        Higher,
        true,
        "Bhatt et al. 2020",
        "correlation of relevance and loss of logit over random subsets",
    ),
    metric(
        "faithfulness-estimate",
        Faithfulness,
        Higher,
        false,
        "Alvarez-Melis, Jaakkola 2018",
        "correlation of relevance and loss of logit over single regions",
    ),
    metric(
        "monotonicity-correlation",
        Faithfulness,
        Higher,
        false,
        "Nguyen, Martínez 2020",
        "rank correlation of |relevance| and squared loss over single regions",
    ),
    metric(
        "sensitivity-n",
        Faithfulness,
        Higher,
        false,
        "Ancona et al. 2018",
        "correlation of relevance and loss of logit over subsets of several sizes",
    ),
    metric(
        "infidelity",
        Faithfulness,
        Lower,
        false,
        "Yeh et al. 2019",
        "squared error of relevance as a prediction of the loss, over random squares",
    ),
    metric(
        "infidelity-ratio",
        Faithfulness,
        Lower,
        false,
        "Yeh et al. 2019",
        "infidelity divided by the mean squared loss",
    ),
    metric(
        "aupc",
        Faithfulness,
        Lower,
        false,
        "Goh et al. 2021",
        "area under the curve of random replacement",
    ),
    metric(
        "mass",
        Localisation,
        Higher,
        true,
        "Arras et al. 2022",
        "share of positive relevance inside the object",
    ),
    metric(
        "mass-gain",
        Localisation,
        Higher,
        true,
        "Kohlbrenner et al. 2020",
        "mass divided by the object's share of the picture; 1 is chance",
    ),
    metric(
        "rank",
        Localisation,
        Higher,
        true,
        "Arras et al. 2022",
        "share of the object among the most relevant pixels, as many as it has",
    ),
    metric(
        "pointing",
        Localisation,
        Higher,
        true,
        "Zhang et al. 2018",
        "whether the largest relevance is inside the object",
    ),
    metric(
        "roc",
        Localisation,
        Higher,
        false,
        "Fawcett 2006",
        "area under the ROC curve of relevance against the object",
    ),
    metric(
        "focus",
        Localisation,
        Higher,
        false,
        "Arias-Duart et al. 2022",
        "share of positive relevance in a mosaic's quarters of the class; 0.5 is chance",
    ),
    metric(
        "contrast",
        Localisation,
        Higher,
        false,
        "after Kohlbrenner et al. 2020",
        "how much more mass an object gets when its own class is explained",
    ),
    metric(
        "avg-sensitivity",
        Robustness,
        Lower,
        true,
        "Yeh et al. 2019",
        "mean change of the map under small noise",
    ),
    metric(
        "max-sensitivity",
        Robustness,
        Lower,
        false,
        "Yeh et al. 2019",
        "largest change of the map under small noise",
    ),
    metric(
        "ris",
        Robustness,
        Lower,
        false,
        "Agarwal et al. 2022",
        "largest change of the map relative to that of the input",
    ),
    metric(
        "ros",
        Robustness,
        Lower,
        false,
        "Agarwal et al. 2022",
        "largest change of the map relative to that of the logits",
    ),
    metric(
        "sparseness",
        Complexity,
        Higher,
        true,
        "Chalasani et al. 2020",
        "Gini coefficient of |relevance|; white noise has 0.33",
    ),
    metric("complexity", Complexity, Lower, false, "Bhatt et al. 2020", "entropy of |relevance|"),
    metric(
        "complexity-share",
        Complexity,
        Lower,
        false,
        "Bhatt et al. 2020",
        "entropy of |relevance| divided by its largest value",
    ),
    metric(
        "total-variation",
        Complexity,
        Lower,
        false,
        "Goh et al. 2021",
        "how much neighbouring pixels differ",
    ),
    metric(
        "random-logit",
        Randomisation,
        Lower,
        true,
        "Sixt et al. 2020",
        "rank correlation with the map of another class",
    ),
    metric(
        "completeness",
        Axioms,
        Lower,
        true,
        "Sundararajan et al. 2017",
        "relative error of the sum of relevance, where the method promises one",
    ),
];

/// All metrics, in the order in which they are listed.
pub fn all() -> impl Iterator<Item = &'static MetricInfo> {
    METRICS.iter()
}

/// The metric of that name.
pub fn find(name: &str) -> Option<&'static MetricInfo> {
    all().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_categories_are_listed_together() {
        let names: Vec<&str> = all().map(|metric| metric.name).collect();
        let mut distinct = names.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len());
        assert!(all().is_sorted_by_key(|metric| metric.category));
        assert!(names.iter().all(|name| find(name).is_some()) && find("auc").is_none());
    }
}
