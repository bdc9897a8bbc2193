//! Functions that a kernel applies to its sums before it writes them.

use onnxplain_kernels::elementwise;
use onnxplain_kernels::nchwc::epilogue::Elementwise;

use super::{Function, Step, Unary};

/// A function that a kernel applies to its sums.
pub(crate) enum Pointwise {
    /// Clips: ReLU, ReLU6.
    Clip { low: f32, high: f32 },
    /// One operation: SiLU, sigmoid.
    Unary(Unary),
    /// A chain of operations, whose parameters are in blocks of channels.
    Chain(Function),
}

impl Pointwise {
    /// The function, if it can be applied in place; `None` otherwise.
    pub fn new(function: &Function) -> Option<Pointwise> {
        if let Some((low, high)) = function.clip_bounds().filter(|_| !function.has_parameters()) {
            return Some(Pointwise::Clip { low, high });
        }
        if let Some(Step::Unary(operation, _)) = function.single_step() {
            return Some(Pointwise::Unary(*operation));
        }
        function.is_chain().then(|| Pointwise::Chain(function.clone()))
    }
}

impl Elementwise for Pointwise {
    fn clip_bounds(&self) -> Option<(f32, f32)> {
        match self {
            Pointwise::Clip { low, high } => Some((*low, *high)),
            _ => None,
        }
    }

    fn apply(&self, block: usize, numbers: &mut [f32]) {
        match self {
            Pointwise::Clip { low, high } => elementwise::clip(numbers, *low, *high),
            Pointwise::Unary(operation) => operation.apply(numbers),
            Pointwise::Chain(function) => function.apply_to_run(block, numbers),
        }
    }
}
