//! Metrics of heatmaps: how good an explanation is.
//!
//! A metric is a file of this folder and a line of its table. What it is called with, and what is done with its values,
//! is in [`evaluation`](crate::evaluation).

mod info;
mod perturbation_curve;
mod table;
mod total_variation;

pub use info::{Category, Direction, MetricInfo};
pub use perturbation_curve::{PerturbationCurve, area_under_curve};
pub use table::{all, find};
pub use total_variation::{average_total_variation, total_variation};
