//! Geometry: sliding windows, their phases and rows, padded planes, parts of weights.

pub(crate) mod padded_planes;
pub mod phases;
mod rows;
mod weight_part;
mod window;

pub use rows::for_each_row;
pub use weight_part::{Signs, WeightPart};
pub use window::{Window, WindowAxis};
