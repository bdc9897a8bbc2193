//! Spectral Relevance Analysis: groups of heatmaps that stand apart, where they do, and how much.
//!
//! Lapuschkin et al. 2019, "Unmasking Clever Hans predictors and assessing what machines really learn": heatmaps of a
//! class are clustered; a cluster that stands apart may show a cue, such as a watermark or a padded border. The room
//! knows plain numbers only, nothing of networks and files.
//!
//! ```text
//! relevance [H, W] ─ pool ─▶ feature ─ neighbours ─▶ graph ─ spectrum ─▶ eigenvectors ─ k-means ─▶ clusterings
//!                               │                                            └─ t-SNE ─▶ embedding
//!                               └─ principal components ─ separation, region ─▶ suspects
//! ```
//!
//! Everything is the same on any number of threads: rows are computed in parallel, sums are taken in order.

mod analysis;
mod clusters;
mod embedding;
mod graph;
mod pool;
mod principal;
mod select;
mod spectrum;
mod suspects;
mod symmetric;
#[cfg(test)]
mod tests;

pub use analysis::{Analysis, GraphAnalysis, LEAST_MEMBERS, MOST_CLUSTERS, analyse};
pub use pool::{Feature, Pooling, Reading};
pub use select::{diverse, novelty};
pub use suspects::{Region, Suspect, suspicion};
