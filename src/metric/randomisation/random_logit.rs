//! Random logit (Sixt, Granz, Landgraf 2020, section 4): how similar the target's map is to that of another class. From −1 to
//! 1; lower is better: a map that looks the same whatever is explained says nothing about the decision.
//!
//! Spearman's correlation is the figure; the structural similarity, Pearson's correlation and the cosine are there to compare
//! with other work. `class: second` takes the strongest of the other classes, `magnitude: true` compares |h|.

use anyhow::Result;

use super::other_class::other_class;
use crate::metric::conditions::Conditions;
use crate::metric::info::{Category, Direction, MetricInfo};
use crate::metric::map::Map;
use crate::metric::measure::Metric;
use crate::metric::picture::Picture;
use crate::metric::similarity::{cosine, pearson, spearman, ssim};
use crate::metric::subject::Subject;

/// Spearman's correlation with the map of another class.
pub struct RandomLogit;

/// The structural similarity to the map of another class.
pub struct RandomLogitSsim;

/// Pearson's correlation with the map of another class.
pub struct RandomLogitPearson;

/// The cosine of the angle to the map of another class.
pub struct RandomLogitCosine;

const fn info(name: &'static str, is_default: bool, about: &'static str) -> MetricInfo {
    MetricInfo {
        name,
        category: Category::Randomisation,
        direction: Direction::Lower,
        is_default,
        paper: "Sixt et al. 2020",
        about,
    }
}

/// The similarity of the target's map and that of the other class.
fn compared(
    subject: &Subject,
    conditions: &Conditions,
    similarity: impl Fn(&Map, &Map) -> Result<f64>,
) -> Result<f64> {
    let other = subject.map_of(other_class(subject.picture(), conditions)?)?;
    match conditions.magnitude {
        true => similarity(&subject.map().magnitudes(), &other.magnitudes()),
        false => similarity(subject.map(), &other),
    }
}

/// The parts that the variants share.
macro_rules! random_logit {
    ($metric:ident, $info:expr, $similarity:expr) => {
        impl Metric for $metric {
            fn info(&self) -> &'static MetricInfo {
                const INFO: MetricInfo = $info;
                &INFO
            }

            fn takes(&self) -> &'static [&'static str] {
                &["class", "magnitude"]
            }

            fn classes(&self, picture: &Picture, conditions: &Conditions) -> Result<Vec<usize>> {
                Ok(vec![other_class(picture, conditions)?])
            }

            fn measure(&self, subject: &Subject, conditions: &Conditions) -> Result<f64> {
                compared(subject, conditions, $similarity)
            }
        }
    };
}

random_logit!(
    RandomLogit,
    info("random-logit", true, "rank correlation with the map of another class"),
    |a, b| spearman(a.values(), b.values())
);
random_logit!(
    RandomLogitSsim,
    info("random-logit-ssim", false, "structural similarity to the map of another class"),
    ssim
);
random_logit!(
    RandomLogitPearson,
    info("random-logit-pearson", false, "correlation with the map of another class"),
    |a, b| pearson(a.values(), b.values())
);
random_logit!(
    RandomLogitCosine,
    info("random-logit-cosine", false, "cosine of the angle to the map of another class"),
    |a, b| cosine(a.values(), b.values())
);
