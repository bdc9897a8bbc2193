//! Salience-guided faithfulness coefficient (SaCo; Wu et al. 2024, algorithm 1): the pixels are put into ten equal groups by their
//! relevance, and each group alone is replaced by the picture's mean. For every pair of groups i, j, i the more relevant one,
//! the difference of their relevance s counts as + where the loss of probability d_i is at least d_j, else as −:
//! Σ ±(s_i − s_j) / Σ |s_i − s_j|. From −1 to 1; higher is better.

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::{Metric, conditions};
use crate::metric::network::Output;
use crate::metric::removal::{Order, Removal, ranked};
use crate::metric::subject::Subject;
use crate::metric::undefined::undefined;
use crate::picture::InputShape;

/// The number of groups.
const GROUPS: usize = 10;

/// Whether more relevant groups of pixels matter more.
pub struct Saco;

impl Metric for Saco {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "saco",
            category: Category::Faithfulness,
            direction: Direction::Higher,
            is_default: false,
            paper: "Wu et al. 2024",
            about: "whether the more relevant of two groups of pixels matters more, over ten groups",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        &["fill", "draws"]
    }

    fn fixed(&self, _shape: InputShape) -> Map<String, Value> {
        conditions(json!({ "fill": "mean" }))
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let picture = subject.picture();
        let values = subject.map().values();
        let ties = picture.seeds().stream("ties", &[]);
        let ranked = ranked(values, Order::MostRelevantFirst, ties);
        let bound = |group: usize| (2 * group * ranked.len() + GROUPS) / (2 * GROUPS);
        let groups: Vec<&[usize]> =
            (0..GROUPS).map(|group| &ranked[bound(group)..bound(group + 1)]).collect();
        let removal = picture.removal(conditions)?;
        let (removal, draws): (&Removal, usize) = (&removal, removal.draws());
        let outputs = subject.run(GROUPS * draws, &|run| {
            let mut is_missing = vec![false; values.len()];
            groups[run / draws].iter().for_each(|&pixel| is_missing[pixel] = true);
            removal.without(&is_missing, run % draws)
        })?;
        let whole = picture.output().probability(picture.target());
        let loss = |outputs: &[Output]| {
            let left =
                outputs.iter().map(|output| output.probability(picture.target())).sum::<f64>();
            whole - left / draws as f64
        };
        let losses: Vec<f64> = outputs.chunks(draws).map(loss).collect();
        let relevance: Vec<f64> =
            groups.iter().map(|group| group.iter().map(|&pixel| values[pixel]).sum()).collect();
        match coefficient(&relevance, &losses) {
            Some(value) => Ok(value),
            None => undefined("all groups of pixels have the same relevance"),
        }
    }
}

/// The coefficient of groups from the most to the least relevant one; `None` where all have the same relevance.
fn coefficient(relevance: &[f64], losses: &[f64]) -> Option<f64> {
    let (mut signed, mut all) = (0.0, 0.0);
    for later in 0..relevance.len() {
        for earlier in 0..later {
            let weight = relevance[earlier] - relevance[later];
            signed += if losses[earlier] >= losses[later] { weight } else { -weight };
            all += weight.abs();
        }
    }
    (all > 0.0).then(|| signed / all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_count_by_their_difference() {
        assert_eq!(coefficient(&[3.0, 2.0, 0.0], &[0.9, 0.5, 0.1]), Some(1.0));
        assert_eq!(coefficient(&[3.0, 2.0, 0.0], &[0.1, 0.5, 0.9]), Some(-1.0));
        // The first two are in the wrong order: (−1 + 3 + 2) / 6.
        let value = coefficient(&[3.0, 2.0, 0.0], &[0.5, 0.9, 0.1]).unwrap();
        assert!((value - 4.0 / 6.0).abs() < 1e-12);
        assert_eq!(coefficient(&[1.0, 1.0], &[0.5, 0.9]), None);
    }
}
