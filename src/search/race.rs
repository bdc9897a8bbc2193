//! The race: the best candidates of the screening on more and more pictures; who is clearly beaten drops out.

use super::requirement::Requirement;
use super::scores::{Estimate, Scores};

/// Pictures of the first block; each further one doubles what there is.
const FIRST_BLOCK: usize = 4;

/// How many pictures the next block ends with.
pub(super) fn next_block(done: usize, all: usize) -> usize {
    (2 * done).max(FIRST_BLOCK).min(all)
}

/// Who stays: a contestant drops out where another one is better in every objective by more than two standard errors of the
/// paired differences, or where it misses a requirement by as much.
pub(super) fn survivors(
    alive: &[usize],
    scores: &Scores,
    objectives: &[&str],
    requirements: &[Requirement],
) -> Vec<usize> {
    let fails = |number: usize| {
        requirements.iter().any(|requirement| {
            let short = scores.values(number, &requirement.metric).flatten();
            let short = Estimate::of(short.map(|value| -requirement.slack(value)));
            short.is_some_and(|short| short.is_above_zero())
        })
    };
    let stays: Vec<usize> = alive.iter().copied().filter(|&number| !fails(number)).collect();
    // Where nobody keeps the bounds, the race goes on among those that come nearest.
    let stays = if stays.is_empty() { alive.to_vec() } else { stays };
    let is_beaten = |number: usize| {
        stays.iter().any(|&other| other != number && beats(scores, other, number, objectives))
    };
    stays.iter().copied().filter(|&number| !is_beaten(number)).collect()
}

fn beats(scores: &Scores, one: usize, other: usize, objectives: &[&str]) -> bool {
    objectives.iter().all(|metric| {
        let is_defined = |number| scores.estimate(number, metric).is_some();
        match (is_defined(one), is_defined(other)) {
            (true, false) => true,
            (true, true) => Estimate::of(scores.lead(one, other, metric))
                .is_some_and(|lead| lead.is_above_zero()),
            (false, _) => false,
        }
    })
}

/// Those whose means keep all requirements.
pub(super) fn keeping(
    numbers: &[usize],
    scores: &Scores,
    requirements: &[Requirement],
) -> Vec<usize> {
    let keeps = |number: &usize| {
        requirements.iter().all(|requirement| {
            let mean = scores.estimate(*number, &requirement.metric).map(|estimate| estimate.mean);
            mean.is_some_and(|mean| requirement.slack(mean) >= 0.0)
        })
    };
    numbers.iter().copied().filter(keeps).collect()
}

/// The mean that comes nearest to a requirement, for the message that nobody keeps it.
pub(super) fn nearest(
    numbers: &[usize],
    scores: &Scores,
    requirement: &Requirement,
) -> Option<f64> {
    let means = numbers.iter().filter_map(|&it| scores.estimate(it, &requirement.metric));
    let turn = if requirement.is_lowest { 1.0 } else { -1.0 };
    let means = means.map(|estimate| turn * estimate.mean);
    means.max_by(f64::total_cmp).map(|best| turn * best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn scores(rows: &[&[f64]]) -> Scores {
        let mut scores = Scores::default();
        for (number, row) in rows.iter().enumerate() {
            for value in *row {
                let values =
                    [("srg".to_string(), Some(*value)), ("mass".to_string(), Some(-value))];
                scores.add(number, BTreeMap::from(values));
            }
        }
        scores
    }

    #[test]
    fn blocks_double() {
        let mut ends = vec![];
        while ends.last() != Some(&50) {
            ends.push(next_block(ends.last().copied().unwrap_or(0), 50));
        }
        assert_eq!(ends, [4, 8, 16, 32, 50]);
        assert_eq!(next_block(0, 3), 3);
    }

    #[test]
    fn who_is_clearly_beaten_drops_out() {
        let rows: [&[f64]; 3] =
            [&[0.5, 0.6, 0.7, 0.8], &[0.4, 0.49, 0.6, 0.71], &[0.6, 0.5, 0.8, 0.6]];
        let found = survivors(&[0, 1, 2], &scores(&rows), &["srg"], &[]);
        assert_eq!(found, [0, 2]);
        // Where the second objective says the opposite, nobody is beaten.
        assert_eq!(survivors(&[0, 1, 2], &scores(&rows), &["srg", "mass"], &[]), [0, 1, 2]);
    }

    #[test]
    fn bounds_are_kept() {
        let rows: [&[f64]; 2] = [&[0.9, 0.8, 0.9, 0.8], &[0.2, 0.3, 0.2, 0.3]];
        let scores = scores(&rows);
        let require = |text: &str| vec![text.parse::<Requirement>().unwrap()];
        assert_eq!(survivors(&[0, 1], &scores, &["srg"], &require("mass>=-0.5")), [1]);
        assert_eq!(keeping(&[0, 1], &scores, &require("mass>=-0.5")), [1]);
        // Nobody keeps this one: the race goes on by the objective.
        assert_eq!(survivors(&[0, 1], &scores, &["srg"], &require("mass>=0")), [0]);
        assert!(keeping(&[0, 1], &scores, &require("mass>=0")).is_empty());
        assert_eq!(nearest(&[0, 1], &scores, &require("mass>=0")[0]), Some(-0.25));
    }
}
