//! What the one who loads a model says about it.

use crate::picture::Layout;

/// What can be said about a model that its file leaves open.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// `[height, width]` of the input that the user asks for; a model of another fixed size is refused.
    pub size: Option<[usize; 2]>,
    /// `[height, width]` that the model's card says, for a model that leaves them open.
    pub card_size: Option<[usize; 2]>,
    /// The shape of the tensor that is to be explained, with or without the batch axis, for a model that leaves axes open.
    pub input_shape: Option<Vec<usize>>,
    /// Where the channels are; default: read off the shape.
    pub layout: Option<Layout>,
    /// The output to explain; default: the first.
    pub output_name: Option<String>,
    /// ONNX operator types that may pass their gradient where no rule is known.
    pub allow_gradient: Vec<String>,
    /// The most bytes that a value of the network may take; default: three quarters of the machine's memory.
    pub max_memory: Option<u64>,
    /// Whether [`Model::run_reference`](super::Model::run_reference) is not needed. Otherwise tract's graph holds on to the weights, and
    /// canonization has to work on copies. Without it, large weights are read when they are needed.
    pub is_without_reference: bool,
}
