//! Relevance over stabilized denominators, where they are tensors of their own: `s = R / stab(z)`.

use anyhow::{Context, Result, ensure};

use super::relevance::Absorbed;
use crate::linear::Broadcast;
use crate::rule::Stabilizer;
use crate::tensor::Tensor;

/// Elements that one thread divides at a time where nothing else says it.
const RUN: usize = 1 << 12;

/// Replaces relevance by its quotients; the bias is the one that is part of the denominator.
pub(super) fn quotients(
    bias: Option<&Tensor>,
    stabilizer: Stabilizer,
    relevance: &mut Tensor,
    denominator: &Tensor,
) -> Result<Absorbed> {
    ensure!(relevance.len() == denominator.len(), "a denominator has another size");
    let bias = match bias {
        Some(bias) => Some((bias, spread_over(denominator, bias)?)),
        None => None,
    };
    // A run of one channel at a time says what its bias absorbs.
    let run = match &bias {
        Some((_, spread)) if spread.inner > 1 && spread.lanes == 1 => spread.inner,
        _ => RUN,
    };
    let sums = stabilizer.divide(relevance.data_mut(), denominator.data(), run);
    let by_bias = match bias {
        Some((bias, spread)) if spread.inner > 1 && spread.lanes == 1 => {
            let channels = bias.data().iter().cycle();
            sums.iter().zip(channels).map(|(&[_, sum], &bias)| absorbed(sum, bias)).sum()
        }
        Some((bias, spread)) => weighted_sum(spread, relevance, bias),
        None => 0.0,
    };
    let by_stabilizer = sums.iter().map(|[absorbed, _]| absorbed).sum();
    Ok(Absorbed { by_bias, by_stabilizer })
}

/// What a bias absorbs of quotients that it is `spread` over: `Σ quotient · bias`.
fn weighted_sum(spread: Broadcast, quotients: &Tensor, bias: &Tensor) -> f64 {
    let sums = spread.sum(quotients.data());
    sums.iter().zip(bias.data()).map(|(&s, &b)| absorbed(f64::from(s), b)).sum()
}

/// What one number of a bias absorbs: nothing of a quotient of 0, were it −∞ (a mask).
fn absorbed(quotient: f64, bias: f32) -> f64 {
    if quotient == 0.0 { 0.0 } else { quotient * f64::from(bias) }
}

/// How a bias spreads over the denominators it is part of.
fn spread_over(denominators: &Tensor, bias: &Tensor) -> Result<Broadcast> {
    let spread = Broadcast::between(bias.shape(), denominators.shape());
    spread.context("the bias does not fit the output")
}
