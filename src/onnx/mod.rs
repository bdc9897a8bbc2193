//! The ONNX file: bytes, messages, weights, repairs, and the layer graph that comes of them.
//!
//! First step of the data's way: **load** -> canonize -> assign -> compile -> propagate -> render -> write.

mod batch_normalization;
mod bytes;
mod channels;
mod col2im;
mod culprit;
mod decode;
mod external;
mod input;
mod inputs;
mod load;
mod lp_pool;
mod metadata;
mod names;
mod number_type;
mod options;
mod order;
mod padding;
mod parametric;
mod quantization;
mod recurrent;
mod repair;
mod resize;
mod rewrite;
mod runner;
mod running_sum;
mod stored;
mod typed;
mod validate;
mod vector_product;
mod weighted_layers;
mod weights;
mod wires;

pub use input::{DEFAULT_SIZE, ModelInput, Part};
pub use load::Model;
pub use metadata::Metadata;
pub use options::{ExplainedInputs, GivenInput, LoadOptions};
pub use parametric::ParametricModel;
pub use rewrite::Reduction;
pub use runner::{DeclaredInput, GraphRunner, Numbers};
pub use stored::StoredNumbers;
pub use validate::MemoryLimit;
pub use weighted_layers::{LayerParameter, Role, WeightedLayer};
