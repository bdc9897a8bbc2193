//! The ONNX file: bytes, messages, weights, repairs, and the layer graph that comes of them.
//!
//! First step of the data's way: **load** -> canonize -> assign -> compile -> propagate -> render -> write.

mod batch_normalization;
mod bytes;
mod decode;
mod load;
mod metadata;
mod number_type;
mod parametric;
mod repair;
mod rewrite;
mod upsample;
mod vector_product;
mod weights;

pub use load::{DEFAULT_SIZE, LoadOptions, Model, ModelInput};
pub use parametric::ParametricModel;
