//! What the answers to an edit say together.

use serde::Serialize;

use crate::statistics::{Bootstrap, Sample, SignedRank, holm, mcnemar, wilson};

/// Below this p-value, adjusted for all tests of a run, a region may be said to be used.
const LEVEL: f64 = 0.01;

/// The least mean effect, as a share of the mean lead of the strongest class, for which it is said.
const LEAST_EFFECT: f64 = 0.1;

/// Draws for an interval.
const RESAMPLES: usize = 2000;

/// How the network answers to an edit of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The change of the target's logit.
    pub logit: f64,
    /// The mean change by the same edit elsewhere; `None` where there is no elsewhere.
    pub control: Option<f64>,
    /// The change of the target's probability, −1 to 1.
    pub probability: f64,
    /// The logit of the strongest class less that of the next, before the edit.
    pub lead: f64,
    /// Whether the target was the strongest class before and after.
    pub before: bool,
    pub after: bool,
}

impl Answer {
    /// The change that is not one of any edit anywhere.
    fn effect(&self) -> f64 {
        self.logit - self.control.unwrap_or(0.0)
    }
}

/// What an edit does to a group of pictures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Pictures.
    pub n: usize,
    /// The mean change of the target's logit, and that of the control.
    pub mean_logit: f64,
    pub control: Option<f64>,
    /// The change less that of the control: mean, median, and the interval of the mean at 95 %.
    pub mean: f64,
    pub median: f64,
    pub interval: Option<[f64; 2]>,
    /// The mean lead of the strongest class, to compare it with.
    pub lead: f64,
    /// The mean change of the target's probability.
    pub mean_probability: f64,
    /// Pictures whose strongest class was the target and is not, or was not and is; shares with intervals at 95 %.
    pub lost: usize,
    pub gained: usize,
    pub lost_share: Option<[f64; 2]>,
    pub gained_share: Option<[f64; 2]>,
    /// The rank-biserial correlation of the effects, −1 to 1.
    pub correlation: f64,
    /// Wilcoxon's test of the effects, and McNemar's of the flips; then adjusted by Holm over the run.
    pub p: f64,
    pub p_flips: f64,
    pub p_adjusted: f64,
    pub p_flips_adjusted: f64,
    /// Whether the region is used: p is low, and the effect is not small.
    pub is_used: bool,
}

/// The outcome of a group; `None` without pictures. p-values are adjusted by [`adjusted`].
pub fn outcome(answers: &[Answer]) -> Option<Outcome> {
    let n = answers.len();
    let mean = |of: &dyn Fn(&Answer) -> f64| answers.iter().map(of).sum::<f64>() / n as f64;
    let effects: Vec<f64> = answers.iter().map(Answer::effect).collect();
    let sample = Sample::of_pictures(effects.iter().copied());
    let bootstrap = Bootstrap { resamples: RESAMPLES, ..Bootstrap::default() };
    let ranks = SignedRank::of(&effects);
    let lost = answers.iter().filter(|answer| answer.before && !answer.after).count();
    let gained = answers.iter().filter(|answer| !answer.before && answer.after).count();
    let has_control = answers.iter().all(|answer| answer.control.is_some());
    let (p, p_flips) = (ranks.p, mcnemar(lost, gained));
    Some(Outcome {
        n,
        mean_logit: mean(&|answer| answer.logit),
        control: has_control.then(|| mean(&|answer| answer.control.unwrap_or(0.0))),
        mean: sample.mean()?,
        median: sample.median()?,
        interval: bootstrap.interval(&sample),
        lead: mean(&|answer| answer.lead),
        mean_probability: mean(&|answer| answer.probability),
        lost,
        gained,
        lost_share: wilson(lost, n),
        gained_share: wilson(gained, n),
        correlation: ranks.correlation(),
        p,
        p_flips,
        p_adjusted: p,
        p_flips_adjusted: p_flips,
        is_used: false,
    })
}

/// Outcomes with the p-values of all tests of a run adjusted for their number, and what follows from them.
pub fn adjusted(outcomes: Vec<Outcome>) -> Vec<Outcome> {
    let p_values: Vec<f64> =
        outcomes.iter().flat_map(|outcome| [outcome.p, outcome.p_flips]).collect();
    let adjusted = holm(&p_values);
    let pairs = outcomes.into_iter().zip(adjusted.chunks_exact(2));
    let with = |(outcome, p): (Outcome, &[f64])| {
        let is_large = outcome.mean.abs() >= LEAST_EFFECT * outcome.lead;
        let is_used = p[0] < LEVEL && is_large && outcome.mean != 0.0;
        Outcome { p_adjusted: p[0], p_flips_adjusted: p[1], is_used, ..outcome }
    };
    pairs.map(with).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(effect: f64, count: usize) -> Vec<Answer> {
        let answer = |index: usize| Answer {
            logit: effect * (1.0 + 0.01 * index as f64) + 1.0,
            control: Some(1.0),
            probability: -0.25,
            lead: 4.0,
            before: true,
            after: !index.is_multiple_of(4),
        };
        (0..count).map(answer).collect()
    }

    #[test]
    fn effects_are_less_the_control_and_large_ones_count() {
        let strong = outcome(&answers(-2.0, 20)).unwrap();
        assert!((strong.mean + 2.19).abs() < 1e-12 && (strong.mean_logit + 1.19).abs() < 1e-12);
        assert_eq!((strong.lost, strong.gained, strong.correlation), (5, 0, -1.0));
        assert_eq!(strong.p, 2.0 * 0.5_f64.powi(20));
        let weak = outcome(&answers(-0.1, 20)).unwrap();
        let [strong, weak] = &adjusted(vec![strong, weak])[..] else { panic!("two") };
        assert!(strong.is_used && !weak.is_used && weak.p_adjusted < LEVEL);
        assert_eq!(strong.p_adjusted, 4.0 * strong.p);
        let [low, high] = strong.interval.unwrap();
        assert!(low < strong.mean && strong.mean < high);
        assert_eq!(outcome(&[]), None);
    }

    #[test]
    fn a_few_pictures_decide_nothing() {
        let few = adjusted(vec![outcome(&answers(-5.0, 3)).unwrap()]);
        assert!(!few[0].is_used && few[0].interval.is_none());
    }
}
