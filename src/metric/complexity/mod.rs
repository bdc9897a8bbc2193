//! Complexity: whether the map is concentrated on few pixels.

mod complexity_share;
mod entropy;
mod sparseness;
mod total_variation;
mod variation;

pub use complexity_share::ComplexityShare;
pub use entropy::Complexity;
pub use sparseness::Sparseness;
pub use total_variation::TotalVariation;
pub use variation::{average_total_variation, total_variation};
