//! Comparison: the same inputs under several models, composites or methods.
//!
//! ```text
//! Variant: a name and an Explainer ─┐                  ┌─ a heatmap for each variant
//!                                   ├─ Comparer ─ compare(input) ─▶ Compared
//! Regions: masks, boxes ────────────┘                  └─ a ComparedLine for each variant ─ overview ─▶ Overview
//! ```
//!
//! Maps of networks with inputs of different sizes and crops are compared where both networks look, on the grid of the
//! coarser one. Of several states of one network, in order, the shares of regions show how its focus moves while it learns
//! (Lapuschkin et al. 2019).

mod comparer;
mod csv;
mod line;
mod overview;
mod page;
mod plot;
mod region;
mod similarity;
mod variant;
mod view;

pub use comparer::{Compared, Comparer};
pub use csv::{regions_csv, similarity_csv};
pub use line::{ComparedClass, ComparedLine, RegionShare, Similarity};
pub use overview::{Mean, Overview, PairMean, RegionMean, overview};
pub use page::{ComparedPictures, page};
pub use plot::shares_svg;
pub use region::Regions;
pub use variant::{ComparisonSettings, Variant, VariantSettings};
