//! Metrics of heatmaps: how good an explanation is.
//!
//! In the order of the data:
//!
//! 1. [`Map`]: relevance as one number a pixel. [`Reading`] says how.
//! 2. [`Picture`]: what does not depend on a map, and so is computed once for all methods: regions, fills, random
//!    subsets and what the network says without them. [`removal`] removes parts of it.
//! 3. [`Subject`]: a map of a method on a picture, with what several metrics ask of it: curves, maps under noise.
//! 4. [`Metric`]: a file of this folder and a line of its table. It makes a number of a subject, under [`Conditions`].
//!
//! The network and the methods are behind the traits [`Network`] and [`Explain`].

mod complexity;
mod conditions;
mod curve;
mod faithfulness;
mod hog;
mod info;
mod localisation;
mod map;
mod mask;
mod measure;
mod network;
mod picture;
mod randomisation;
pub mod removal;
mod robustness;
mod seeds;
mod similarity;
mod subject;
mod table;
#[cfg(test)]
mod tests;
mod undefined;

pub use complexity::{average_total_variation, total_variation};
pub use conditions::{Conditions, OtherClass, Score};
pub use curve::{Curve, Curves};
pub use faithfulness::{PerturbationCurve, area_under_curve};
pub use hog::oriented_gradients;
pub use info::{Category, Direction, MetricInfo};
pub use localisation::positive_share;
pub use map::{Map, Reading};
pub use mask::Mask;
pub use measure::{Metric, Needs};
pub use network::{Beside, Explain, Explained, Mosaic, Network, Output};
pub use picture::Picture;
pub use seeds::Seeds;
pub use similarity::{cosine, pearson, ranks, spearman, ssim};
pub use subject::{Noisy, Subject};
pub use table::{all, find, metrics, named};
pub use undefined::{Undefined, finite, undefined};
