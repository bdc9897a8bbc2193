//! The ONNX file: bytes, messages, weights, repairs, and the layer graph that comes of them.
//!
//! First step of the data's way: **load** -> canonize -> assign -> compile -> propagate -> render -> write.

mod batch_normalization;
mod bytes;
mod decode;
mod load;
mod lp_pool;
mod metadata;
mod number_type;
mod padding;
mod parametric;
mod quantization;
mod recurrent;
mod repair;
mod rewrite;
mod upsample;
mod vector_product;
mod weights;

pub use load::{DEFAULT_SIZE, LoadOptions, Model, ModelInput};
pub use parametric::ParametricModel;
