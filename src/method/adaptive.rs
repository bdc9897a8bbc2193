//! Adaptive noising (Goh et al. 2021, algorithm 1): the σ of SmoothTaylor that suits one input.
//!
//! From the mean magnitude of the input σ walks by steps of 0.1 to whichever side lowers the
//! objective; where neither does, the step shrinks, and the third time in a row it ends. The σ that
//! was given is tried as well, so that the chosen one is never worse.

use anyhow::Result;

use super::adaptation::{Adaptation, Objective};
use super::explanation::Explanation;
use super::subject::{Point, Subject};
use crate::metric::average_total_variation;
use crate::metric::{PerturbationCurve, area_under_curve};
use crate::plane::heatmap;
use crate::tensor::Tensor;

/// The first step of σ.
const STEP: f32 = 0.1;
/// What the step is multiplied by where no side is better.
const DECAY: f32 = 0.9;
/// So many rounds without a better side end the search.
const STOPS: usize = 3;
/// The most rounds.
const ROUNDS: usize = 20;
/// The most values of σ that are tried: two a round, the first, and the given one.
pub(super) const MOST_TRIED: usize = 2 * ROUNDS + 2;

/// Explains with the σ that the search finds.
pub(super) fn choose(
    objective: Objective,
    fixed: f32,
    seed: u64,
    subject: &Subject,
    point: &Point,
    explain: impl Fn(f32) -> Result<Explanation>,
) -> Result<(Explanation, Adaptation)> {
    let start = (point.input.sums()[1] / point.input.len().max(1) as f64) as f32;
    let fixed_explanation = explain(fixed)?;
    let fixed_value = value_of(objective, &fixed_explanation, seed, subject, point)?;
    let mut best = (fixed, fixed_value, fixed_explanation);
    let mut tried = 1;
    search(start, |sigma| {
        let explanation = explain(sigma)?;
        let value = value_of(objective, &explanation, seed, subject, point)?;
        tried += 1;
        if value < best.1 {
            best = (sigma, value, explanation);
        }
        Ok(value)
    })?;
    let (sigma, value, explanation) = best;
    let adaptation = Adaptation { objective, sigma, value, fixed_sigma: fixed, fixed_value, tried };
    Ok((explanation, adaptation))
}

/// Walks from `start`; `value` is asked for every σ and remembers the best.
fn search(start: f32, mut value: impl FnMut(f32) -> Result<f32>) -> Result<()> {
    let (mut sigma, mut step, mut stops) = (start, STEP, 0);
    let mut current = value(sigma)?;
    for _ in 0..ROUNDS {
        let mut next = sigma + step;
        let mut found = value(next)?;
        if found > current {
            next = (sigma - step).abs();
            found = value(next)?;
        }
        if found > current {
            step *= DECAY;
            stops += 1;
            if stops == STOPS {
                break;
            }
        } else {
            stops = 0;
        }
        (sigma, current) = (next, found);
    }
    Ok(())
}

/// The objective of an explanation; infinite where it says nothing, as with σ = 0.
fn value_of(
    objective: Objective,
    explanation: &Explanation,
    seed: u64,
    subject: &Subject,
    point: &Point,
) -> Result<f32> {
    let picture = subject.picture()?;
    let map = heatmap(&explanation.relevance, picture);
    if map.iter().all(|value| *value == 0.0) {
        return Ok(f32::INFINITY);
    }
    match objective {
        Objective::Tv => Ok(average_total_variation(&map, picture.height, picture.width)),
        Objective::Aupc => {
            let (low, high) = subject.info.range_of(&point.input)?;
            let curve = PerturbationCurve::of(picture, seed).measure(
                &point.input,
                &map,
                picture,
                (&low, &high),
                |inputs| scores(subject, &inputs),
            )?;
            Ok(area_under_curve(&curve))
        }
    }
}

fn scores(subject: &Subject, inputs: &[Tensor]) -> Result<Vec<f32>> {
    let mut scores = Vec::with_capacity(inputs.len());
    let score = |index: usize| subject.score(&subject.at(inputs[index].clone())?);
    let take = |score| {
        scores.push(score);
        Ok(())
    };
    subject.workers.in_order(inputs.len(), &super::Unwatched, score, take)?;
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_walks_to_the_valley() {
        for (start, valley) in [(0.2, 0.9), (1.1, 0.35), (0.5, 0.5)] {
            let mut tried = vec![];
            search(start, |sigma| {
                tried.push(sigma);
                Ok((sigma - valley).powi(2))
            })
            .unwrap();
            let nearest = tried.iter().map(|sigma| (sigma - valley).abs()).fold(9.0, f32::min);
            assert!(nearest < 0.051, "from {start}: {tried:?}");
            assert!(tried.len() < MOST_TRIED && tried.iter().all(|sigma| *sigma >= 0.0));
        }
    }

    #[test]
    fn a_search_that_never_improves_ends_after_three_rounds() {
        let mut count = 0;
        search(1.0, |_| {
            count += 1;
            Ok(count as f32)
        })
        .unwrap();
        assert_eq!(count, 1 + 2 * STOPS);
    }
}
