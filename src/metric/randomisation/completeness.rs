//! Completeness (Sundararajan, Taly, Yan 2017, proposition 1): whether the relevance adds up to what its method promises, as a
//! relative error. For Integrated Gradients |Σr − (z(x) − z(x₀))| / |z(x) − z(x₀)|; for layer-wise relevance propagation
//! |Σr + absorbed − z| / |z|. At least 0; lower is better. Undefined for methods that promise nothing.

use anyhow::Result;

use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::measure::Metric;
use crate::metric::subject::Subject;
use crate::metric::undefined::undefined;

/// Relative error of the sum of relevance.
pub struct Completeness;

impl Metric for Completeness {
    fn info(&self) -> &'static MetricInfo {
        &MetricInfo {
            name: "completeness",
            category: Category::Axioms,
            direction: Direction::Lower,
            is_default: true,
            paper: "Sundararajan et al. 2017",
            about: "relative error of the sum of relevance, where the method promises one",
        }
    }

    fn measure(&self, subject: &Subject, _conditions: &Conditions) -> Result<f64> {
        match subject.relative_error() {
            Some(error) => Ok(error),
            None => undefined("the method promises no sum"),
        }
    }
}
