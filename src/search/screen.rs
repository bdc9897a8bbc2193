//! Screening: all candidates on some pictures, by metrics that need no run of the network for each of them.
//!
//! Faithfulness-correlation ranks composites much as srg does (.94 over the 250 of `fashion_resnet`), and its runs of the
//! network are shared by all. Objectives that cost nothing stand for themselves.

use crate::metric::{Category, find};
use crate::statistics::pareto_front;

use super::scores::Scores;

/// The metric that stands for faithfulness.
pub(super) const FAITHFULNESS: &str = "faithfulness-correlation";

/// The most pictures that screen: with more, the order of candidates hardly changes.
pub(super) const MOST_PICTURES: usize = 32;

/// At least so many candidates race.
const LEAST_RACING: usize = 10;

/// The share of the candidates that race.
const RACING: f64 = 0.05;

/// The metric by which an objective is screened.
pub(super) fn proxy(objective: &str) -> &str {
    let is_free = find(objective).is_some_and(|info| match info.category {
        Category::Complexity => true,
        // The other two explain further inputs or classes.
        Category::Localisation => !["focus", "contrast"].contains(&info.name),
        _ => false,
    });
    if is_free { objective } else { FAITHFULNESS }
}

/// What a candidate was made of: names of parameters and their values.
type Parameters = [(String, serde_json::Value)];

/// The candidates that race: the [`foremost`], and the best one with each value of each parameter that is not among them.
/// Screening may prefer a value that the objective does not, and then all of the foremost have it.
pub(super) fn racing<'a>(
    candidates: &[usize],
    parameters: impl Fn(usize) -> &'a Parameters,
    scores: &Scores,
    objectives: &[&str],
) -> Vec<usize> {
    let mut chosen = foremost(candidates, scores, objectives);
    let mut seen: Vec<&(String, serde_json::Value)> =
        chosen.iter().flat_map(|&number| parameters(number)).collect();
    let mut rest = candidates.to_vec();
    sort_by_first(&mut rest, scores, objectives);
    for number in rest {
        let unseen: Vec<_> = parameters(number).iter().filter(|it| !seen.contains(it)).collect();
        if !unseen.is_empty() {
            seen.extend(unseen);
            chosen.push(number);
        }
    }
    chosen
}

/// The best candidates, the best first: those that fewest others beat in all objectives.
fn foremost(candidates: &[usize], scores: &Scores, objectives: &[&str]) -> Vec<usize> {
    let wanted = LEAST_RACING.max((RACING * candidates.len() as f64).ceil() as usize);
    let mut rest: Vec<usize> = candidates.to_vec();
    let mut chosen = vec![];
    while chosen.len() < wanted && !rest.is_empty() {
        let rows: Vec<Vec<Option<f64>>> =
            rest.iter().map(|&number| goodness(scores, number, objectives)).collect();
        let is_front = pareto_front(&rows);
        let mut front: Vec<usize> =
            rest.iter().zip(&is_front).filter(|(_, is)| **is).map(|(number, _)| *number).collect();
        // Candidates without a value are on no front.
        if front.is_empty() {
            front.clone_from(&rest);
        }
        sort_by_first(&mut front, scores, objectives);
        rest.retain(|number| !front.contains(number));
        chosen.extend(front);
    }
    chosen.truncate(wanted);
    chosen
}

pub(super) fn goodness(scores: &Scores, number: usize, objectives: &[&str]) -> Vec<Option<f64>> {
    objectives.iter().map(|metric| scores.goodness(number, metric)).collect()
}

/// The best by the first objective first; of equal ones that with the lower number.
pub(super) fn sort_by_first(numbers: &mut [usize], scores: &Scores, objectives: &[&str]) {
    let key = |number: usize| {
        let first = objectives.first().and_then(|metric| scores.goodness(number, metric));
        first.unwrap_or(f64::NEG_INFINITY)
    };
    numbers.sort_by(|&a, &b| key(b).total_cmp(&key(a)).then(a.cmp(&b)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn scores(rows: &[[f64; 2]]) -> Scores {
        let mut scores = Scores::default();
        for (number, [a, b]) in rows.iter().enumerate() {
            let values = [("srg".to_string(), Some(*a)), ("sparseness".to_string(), Some(*b))];
            scores.add(number, BTreeMap::from(values));
        }
        scores
    }

    #[test]
    fn the_best_race_at_least_ten() {
        let rows: Vec<[f64; 2]> = (0..400).map(|number| [f64::from(number % 100), 0.0]).collect();
        let all: Vec<usize> = (0..400).collect();
        let found = foremost(&all, &scores(&rows), &["srg"]);
        assert_eq!(found.len(), 20);
        assert_eq!(found[..5], [99, 199, 299, 399, 98]);
        assert_eq!(foremost(&all[..100], &scores(&rows), &["srg"]).len(), 10);
        assert_eq!(foremost(&all[..3], &scores(&rows), &["srg"]), [2, 1, 0]);
    }

    #[test]
    fn with_two_objectives_fronts_race() {
        let rows = [[3.0, 0.0], [0.0, 3.0], [2.0, 2.0], [1.0, 1.0], [0.0, 0.0]];
        let found = foremost(&[0, 1, 2, 3, 4], &scores(&rows), &["srg", "sparseness"]);
        assert_eq!(found, [0, 2, 1, 3, 4]);
    }

    #[test]
    fn every_value_of_a_parameter_races() {
        let rows: Vec<[f64; 2]> = (0..60).map(|number| [f64::from(number), 0.0]).collect();
        let all: Vec<usize> = (0..60).collect();
        let tens: Vec<[(String, serde_json::Value); 1]> =
            (0..60).map(|number| [("tens".to_string(), (number / 10).into())]).collect();
        let found = racing(&all, |number| &tens[number], &scores(&rows), &["srg"]);
        assert!(found[..10].iter().eq((50..60).rev().collect::<Vec<_>>().iter()), "{found:?}");
        assert_eq!(found[10..], [49, 39, 29, 19, 9]);
    }

    #[test]
    fn what_costs_nothing_stands_for_itself() {
        assert_eq!(["srg", "road", "avg-sensitivity", "focus"].map(proxy), [FAITHFULNESS; 4]);
        assert_eq!(["sparseness", "mass-gain"].map(proxy), ["sparseness", "mass-gain"]);
    }
}
