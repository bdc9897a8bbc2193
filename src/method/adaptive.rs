//! Adaptive noising (Goh et al. 2021, algorithm 1): the σ of SmoothTaylor that suits one input.
//!
//! The search starts at the mean magnitude of the input and moves σ by steps of 0.1 to the side that lowers the
//! objective. Where neither side does, the step shrinks; after three such rounds in a row the search ends. The given σ
//! is tried as well, so that the chosen one is never worse.

use anyhow::Result;

use super::adaptation::{Adaptation, Objective};
use super::context::{Context, ForwardPass};
use super::explanation::Explanation;
use super::workers::Unwatched;
use crate::metric::average_total_variation;
use crate::metric::{PerturbationCurve, area_under_curve};
use crate::plane::heatmap;
use crate::tensor::Tensor;

/// The first step of σ.
const STEP: f32 = 0.1;
/// Factor on the step after a round in which no side is better.
const DECAY: f32 = 0.9;
/// Rounds in a row without a better side after which the search ends.
const STOPS: usize = 3;
/// Maximum number of rounds.
const ROUNDS: usize = 20;
/// Maximum number of values of σ that are tried: two a round, the first, and the given one.
pub(super) const MOST_TRIED: usize = 2 * ROUNDS + 2;

/// Searches for the best σ and returns its explanation.
pub(super) fn choose(
    objective: Objective,
    fixed: f32,
    seed: u64,
    context: &Context,
    pass: &ForwardPass,
    explain: impl Fn(f32) -> Result<Explanation>,
) -> Result<(Explanation, Adaptation)> {
    let (_, input) = context.picture(pass)?;
    let start = (input.sums()[1] / input.len().max(1) as f64) as f32;
    let fixed_explanation = explain(fixed)?;
    let fixed_value = value_of(objective, &fixed_explanation, seed, context, pass)?;
    let mut best = (fixed, fixed_value, fixed_explanation);
    let mut tried = 1;
    search(start, |sigma| {
        let explanation = explain(sigma)?;
        let value = value_of(objective, &explanation, seed, context, pass)?;
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

/// Searches from `start`. `value` computes the objective of a σ, and remembers the best.
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

/// The objective of an explanation; infinite where the relevance is all zero, as with σ = 0.
fn value_of(
    objective: Objective,
    explanation: &Explanation,
    seed: u64,
    context: &Context,
    pass: &ForwardPass,
) -> Result<f32> {
    let (picture, input) = context.picture(pass)?;
    let map = heatmap(&explanation.relevance[0], picture);
    if map.iter().all(|value| *value == 0.0) {
        return Ok(f32::INFINITY);
    }
    match objective {
        Objective::Tv => Ok(average_total_variation(&map, picture.height, picture.width)),
        Objective::Aupc => {
            let (low, high) = context.infos[0].range_of(input)?;
            let curve = PerturbationCurve::of(picture, seed).measure(
                input,
                &map,
                picture,
                (&low, &high),
                |inputs| scores(context, &inputs),
            )?;
            Ok(area_under_curve(&curve))
        }
    }
}

fn scores(context: &Context, inputs: &[Tensor]) -> Result<Vec<f32>> {
    let mut scores = Vec::with_capacity(inputs.len());
    let score = |index: usize| context.score(&context.forward(inputs[index].clone())?);
    let take = |score| {
        scores.push(score);
        Ok(())
    };
    context.workers.in_order(inputs.len(), &Unwatched, score, take)?;
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
