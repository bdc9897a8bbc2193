//! Sparseness (Chalasani et al. 2020): the Gini coefficient of |h|, Σ(2i − n − 1)a_i / (nΣa), ascending. From 0 for an even map
//! to 1 for a single pixel; higher is better. White noise has 0.33. Undefined for a map that is 0 everywhere.

use anyhow::Result;

use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;
use crate::metric::undefined::undefined;

/// Gini coefficient of |relevance|.
pub struct Sparseness;

impl Metric for Sparseness {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "sparseness",
            category: Category::Complexity,
            direction: Direction::Higher,
            is_default: true,
            paper: "Chalasani et al. 2020",
            about: "Gini coefficient of |relevance|: how few pixels hold it; white noise has 0.33",
        }
    }

    fn measure(&self, subject: &Subject, _conditions: &Conditions) -> Result<f64> {
        match gini(subject.map().values()) {
            Some(value) => Ok(value),
            None => undefined("the map is 0 everywhere"),
        }
    }
}

/// The Gini coefficient of the magnitudes; `None` where all are 0.
fn gini(values: &[f64]) -> Option<f64> {
    let mut magnitudes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
    magnitudes.sort_unstable_by(f64::total_cmp);
    let count = magnitudes.len() as f64;
    let sum: f64 = magnitudes.iter().sum();
    let weighted = magnitudes
        .iter()
        .zip(1..)
        .map(|(value, place)| (2.0 * f64::from(place) - count - 1.0) * value);
    (sum > 0.0).then(|| weighted.sum::<f64>() / (count * sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_maps_have_none_and_single_pixels_the_most() {
        assert_eq!(gini(&[2.0, -2.0, 2.0, 2.0]), Some(0.0));
        assert_eq!(gini(&[0.0, 0.0, -5.0, 0.0]), Some(0.75));
        // (−3·1 − 1·2 + 1·3 + 3·4) / (4 · 10).
        assert_eq!(gini(&[4.0, 1.0, -3.0, 2.0]), Some(0.25));
        assert_eq!(gini(&[0.0, -0.0]), None);
    }
}
