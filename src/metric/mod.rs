//! Measures of heatmaps: how good an explanation is.

mod perturbation_curve;
mod total_variation;

pub use perturbation_curve::{PerturbationCurve, area_under_curve};
pub use total_variation::{average_total_variation, total_variation};
