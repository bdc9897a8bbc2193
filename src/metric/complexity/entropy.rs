//! Complexity (Bhatt, Weller, Moura 2020, eq. 4): the entropy −Σ q ln q of q = |h| / Σ|h|. From 0 for a single pixel to ln n for an
//! even map of n pixels; lower is better. Undefined for a map that is 0 everywhere.

use anyhow::Result;

use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::map::Map;
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;
use crate::metric::undefined::undefined;

/// Entropy of |relevance|.
pub struct Complexity;

impl Metric for Complexity {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "complexity",
            category: Category::Complexity,
            direction: Direction::Lower,
            is_default: false,
            paper: "Bhatt et al. 2020",
            about: "entropy of |relevance|; even maps have ln n",
        }
    }

    fn measure(&self, subject: &Subject, _conditions: &Conditions) -> Result<f64> {
        match entropy(subject.map()) {
            Some(value) => Ok(value),
            None => undefined("the map is 0 everywhere"),
        }
    }
}

/// −Σ q ln q of the magnitudes' shares q; `None` where all are 0.
pub(super) fn entropy(map: &Map) -> Option<f64> {
    let sum: f64 = map.values().iter().map(|value| value.abs()).sum();
    let shares = map.values().iter().map(|value| value.abs() / sum).filter(|share| *share > 0.0);
    let terms = shares.map(|share| -share * libm::log(share));
    (sum > 0.0).then(|| terms.sum::<f64>().max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_maps_have_the_most() {
        let of = |values: &[f64]| entropy(&Map::new(values.to_vec(), 1, values.len()).unwrap());
        assert!((of(&[2.0, -2.0, 2.0, 2.0]).unwrap() - 4f64.ln()).abs() < 1e-12);
        assert_eq!(of(&[0.0, -3.0, 0.0]), Some(0.0));
        // Shares of 1/4 and 3/4.
        let expected = 0.25 * 4f64.ln() + 0.75 * (4f64 / 3.0).ln();
        assert!((of(&[1.0, -3.0]).unwrap() - expected).abs() < 1e-12);
        assert_eq!(of(&[0.0]), None);
    }
}
