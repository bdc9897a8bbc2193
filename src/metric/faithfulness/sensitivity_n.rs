//! Sensitivity-n (Ancona et al. 2018, section 4.1): as the faithfulness correlation, for subsets of several sizes: eight from a
//! 64th of the regions to four fifths, max(1, round(n/64 · 51.2^(t/7))), 25 subsets each; the mean over the sizes. From −1 to 1;
//! higher is better. Undefined where it is for one of the sizes.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::subsets::correlation;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::{Metric, conditions};
use crate::metric::subject::Subject;
use crate::picture::InputShape;

/// The number of sizes.
const SIZES: usize = 8;

/// Correlation of relevance and loss of logit over subsets of several sizes.
pub struct SensitivityN;

impl Metric for SensitivityN {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "sensitivity-n",
            category: Category::Faithfulness,
            direction: Direction::Higher,
            is_default: false,
            paper: "Ancona et al. 2018",
            about: "correlation of relevance and loss of logit over random subsets of eight sizes",
        }
    }

    fn takes(&self) -> &'static [&'static str] {
        &["fill", "regions", "subsets", "draws"]
    }

    fn fixed(&self, _shape: InputShape) -> Map<String, Value> {
        conditions(json!({ "subsets": 25 }))
    }

    fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
        let count = subject.picture().partition(&conditions.regions)?.count();
        let mut sum = 0.0;
        for step in 0..SIZES {
            let size = size(count, step);
            sum += correlation(subject, conditions, ("sensitivity-n", &[step as u64]), size)?;
        }
        Ok(sum / SIZES as f64)
    }
}

/// The size of the subsets of a step.
fn size(count: usize, step: usize) -> usize {
    let growth = libm::pow(51.2, step as f64 / (SIZES - 1) as f64);
    ((count as f64 / 64.0 * growth).round() as usize).clamp(1, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_grow_from_a_64th_to_four_fifths() {
        let sizes: Vec<usize> = (0..SIZES).map(|step| size(196, step)).collect();
        assert_eq!(sizes, [3, 5, 9, 17, 29, 51, 89, 157]);
        assert_eq!(size(4, 0), 1);
    }
}
