//! The change of a map relative to that of something else.

use anyhow::Result;

use crate::metric::conditions::Conditions;
use crate::metric::subject::Subject;
use crate::metric::undefined::undefined;

/// The largest (‖h_j − h‖ / ‖h‖) / (‖a_j − a‖ / ‖a‖) over the noisy inputs that keep the strongest class.
pub(super) fn largest_ratio(
    subject: &Subject,
    conditions: &Conditions,
    unchanged: &[f32],
    changed: &[Vec<f32>],
) -> Result<f64> {
    let noisy = subject.noisy(conditions)?;
    let outputs = subject.noisy_outputs(conditions)?;
    let class = subject.picture().output().top();
    let draws = noisy.change.iter().zip(changed).zip(&outputs);
    let keeping = draws.filter(|(_, output)| output.top() == class);
    let ratios = keeping.map(|((change, values), _)| change / relative_change(unchanged, values));
    match ratios.filter(|ratio| ratio.is_finite()).reduce(f64::max) {
        Some(largest) => Ok(largest),
        None => undefined("no noisy input keeps the class"),
    }
}

/// ‖b − a‖ / ‖a‖.
fn relative_change(a: &[f32], b: &[f32]) -> f64 {
    let square = |value: f64| value * value;
    let norm: f64 = a.iter().map(|&value| square(f64::from(value))).sum();
    let change: f64 = a.iter().zip(b).map(|(&a, &b)| square(f64::from(b) - f64::from(a))).sum();
    change.sqrt() / norm.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_relative() {
        assert_eq!(relative_change(&[3.0, 4.0], &[3.0, 9.0]), 1.0);
        assert_eq!(relative_change(&[3.0, 4.0], &[3.0, 4.0]), 0.0);
    }
}
