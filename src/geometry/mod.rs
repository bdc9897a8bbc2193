//! What kernels and the layers above them both speak of: sliding windows, padded planes, parts of weights.

pub(crate) mod padded_planes;
mod rows;
mod weight_part;
mod window;

pub(crate) use rows::for_each_row;
pub use weight_part::{Signs, WeightPart};
#[cfg(test)]
pub(crate) use window::axis;
pub use window::{Window, WindowAxis};
