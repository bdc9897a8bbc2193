//! `--fill auto`: blur, where it leaves nothing of the class to the network; else the picture's mean.

use anyhow::Result;

use super::engine::output;
use super::evaluator::Evaluator;
use super::input::EvaluationInput;
use super::settings::FillChoice;
use crate::metric::Seeds;
use crate::metric::removal::{Fill, Layered, Removal};
use crate::session::in_parallel;

/// How many inputs decide: the first ones by their names, so that neither the order nor shards matter.
const DECIDING: usize = 16;

/// The leak up to which blur is taken.
const LARGEST_LEAK: f64 = 0.1;

/// The fill for a leak of blur; without any input that can be read, the mean.
pub(super) fn choose_fill(leak: Option<f64>) -> FillChoice {
    let fill = match leak {
        Some(leak) if leak <= LARGEST_LEAK => Fill::Blur(None),
        _ => Fill::Mean,
    };
    // Digits that tell fills apart, not those that processors disagree on.
    let leak = leak.map(|leak| (leak * 1e4).round() / 1e4);
    FillChoice { asked: "auto".to_string(), name: fill.to_string(), leak }
}

/// The mean probability of the target when everything is blurred, minus that of a guess; `None` without inputs that can
/// be read.
pub(super) fn blur_leak(
    evaluator: &Evaluator,
    inputs: &[EvaluationInput],
    jobs: usize,
) -> Option<f64> {
    let mut by_name: Vec<&EvaluationInput> = inputs.iter().collect();
    by_name.sort_by(|a, b| a.stem.cmp(&b.stem));
    let mut found: Vec<f64> = vec![];
    // Further ones stand in for those that cannot be read.
    for some in by_name.chunks(DECIDING) {
        let left = in_parallel(some, jobs, |input| left_by_blur(evaluator, input).ok());
        found.extend(left.into_iter().flatten());
        if found.len() >= DECIDING {
            break;
        }
    }
    found.truncate(DECIDING);
    let guess = 1.0 / evaluator.settings.classes.max(1) as f64;
    (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64 - guess)
}

fn left_by_blur(evaluator: &Evaluator, input: &EvaluationInput) -> Result<f64> {
    let predictor = &evaluator.predictor;
    let tensor = predictor.prepare(&input.path)?.array().tensor().clone();
    let target = evaluator.targets.of(input, output(&predictor.predict(&tensor)?).top())?;
    let layered = Layered::new(tensor, evaluator.shape, None);
    let removal = Removal::new(Fill::Blur(None), &layered, 1, Seeds::new(0, &input.stem))?;
    let emptied = removal.without(&vec![true; layered.height() * layered.width()], 0)?;
    Ok(output(&predictor.predict(&emptied)?).probability(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_of_a_tenth_decides() {
        let name = |leak| choose_fill(leak).name;
        assert_eq!([name(Some(0.1)), name(Some(-0.2))], ["blur", "blur"]);
        assert_eq!([name(Some(0.11)), name(Some(f64::NAN)), name(None)], ["mean", "mean", "mean"]);
    }
}
