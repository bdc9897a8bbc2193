//! Removing parts of a picture: which parts, in which order, and what stands in their place.

mod blur;
mod fill;
mod imputation;
mod order;
mod plane;
mod regions;
mod slic;

pub use blur::blurred_plane;
pub use fill::{Fill, Removal};
pub(crate) use order::ranked;
pub use order::{Levels, Order, area};
pub use plane::Layered;
pub use regions::{Partition, Regions, cell_side, scaled_side};
pub use slic::superpixels;
