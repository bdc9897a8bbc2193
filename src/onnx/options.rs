//! What the one who loads a model says about it.

use super::rewrite::Reduction;
use crate::picture::Layout;
use crate::tensor::Tensor;

/// What can be said about a model that its file leaves open.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// `[height, width]` of the input that the user asks for; a model of another fixed size is refused.
    pub size: Option<[usize; 2]>,
    /// `[height, width]` that the model's card says, for a model that leaves them open.
    pub card_size: Option<[usize; 2]>,
    /// The shape of the tensor that is to be explained, with or without the batch axis, for a model that leaves axes
    /// open: that of the only input which none of `inputs` names.
    pub input_shape: Option<Vec<usize>>,
    /// What is known of single inputs.
    pub inputs: Vec<GivenInput>,
    /// Which inputs are explained; the others are held fixed.
    pub explained: ExplainedInputs,
    /// Where the numbers of an input are needed and were not given, ids are 0 and all others 1: for looking at a model
    /// without an input.
    pub fills_in: bool,
    /// Where the channels are; default: read off the shape.
    pub layout: Option<Layout>,
    /// The output to explain; default: the first.
    pub output_name: Option<String>,
    /// How an output that has a score for every position becomes one score a class.
    pub reduce: Option<Reduction>,
    /// The axis of such an output that holds the classes, counted with the batch axis; default: by its rank.
    pub class_axis: Option<usize>,
    /// ONNX operator types that may pass their gradient where no rule is known.
    pub allow_gradient: Vec<String>,
    /// The most bytes that a value of the network may take; default: three quarters of the machine's memory.
    pub max_memory: Option<u64>,
    /// Whether [`Model::run_reference`](super::Model::run_reference) is not needed. Otherwise tract's graph holds on to the weights, and
    /// canonization has to work on copies. Without it, large weights are read when they are needed.
    pub is_without_reference: bool,
}

/// What is known of an input before it is explained.
#[derive(Clone, Debug)]
pub struct GivenInput {
    /// Its name in the file; `None`: the only input that is not named.
    pub name: Option<String>,
    /// Its shape, with or without the batch axis.
    pub shape: Vec<usize>,
    /// Its numbers: needed where it is held fixed, or holds token ids.
    pub values: Option<Tensor>,
    /// Whether it has two axes, and a model that has them the other way round may take it turned.
    pub is_table: bool,
}

impl GivenInput {
    /// An input of which only the shape is known.
    pub fn of_shape(name: Option<String>, shape: Vec<usize>) -> GivenInput {
        GivenInput { name, shape, values: None, is_table: false }
    }
}

/// Which of several inputs are explained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ExplainedInputs {
    /// Those of floating point numbers, of bytes and of token ids; an only input, whatever it holds.
    #[default]
    Suitable,
    /// All.
    All,
    /// These.
    Named(Vec<String>),
}
