//! The operators that are not linear maps: activations, max pooling, products, and operators that only move elements.
//!
//! Each computes its output, and propagates relevance by its gradient. For an operator that only moves elements (concat,
//! reshape, max pooling) the gradient *is* the relevance rule. Each operator has a file of its own.

mod activation;
mod affine;
mod binary;
mod chain;
mod choice;
mod concat;
mod elementary;
mod function;
mod groups;
mod layer_normalization;
mod matrix_product;
mod max_pooling;
mod maximum_shift;
mod pointwise;
mod product;
mod quotient;
mod response_normalization;
mod routing;
mod sampling;
mod scalar;
mod selection;
mod smooth;
mod softmax;
mod stair;
mod top_elements;
mod two_signals;

use std::fmt::Debug;

use anyhow::{Result, bail};

pub use activation::Activation;
pub use affine::Affine;
pub use binary::Binary;
pub use choice::Choice;
pub use concat::Concat;
pub use elementary::Elementary;
pub use function::{Function, Step};
pub use layer_normalization::LayerNormalization;
pub use matrix_product::MatrixProduct;
pub use max_pooling::MaxPooling;
pub use maximum_shift::MaximumShift;
pub(crate) use pointwise::Pointwise;
pub use product::Product;
pub use quotient::Quotient;
pub use response_normalization::ResponseNormalization;
pub use routing::Routing;
pub use sampling::{Beyond, Interpolation, Sampling};
pub use scalar::Unary;
pub use selection::{Pick, PickedBy, TopPositions};
pub use softmax::Softmax;
pub use stair::Stair;
pub use top_elements::TopElements;
pub use two_signals::TwoSignals;

use crate::tensor::Tensor;

/// The values that a gradient depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GradientReads {
    /// None: the gradient is constant.
    Nothing,
    /// The inputs.
    Inputs,
    /// The output is enough: a ReLU passes relevance where its output is above 0.
    Output,
}

/// An operator between tensors of fixed shapes.
pub trait Operator: Debug + Send + Sync {
    /// The output. Inputs whose storage is not shared may be overwritten.
    ///
    /// # Errors
    /// When the inputs have other shapes than the operator was made for.
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor>;

    /// `Jᵀ relevance` at the given inputs: one result per input, in its shape.
    ///
    /// # Errors
    /// When the tensors have other shapes than the operator was made for.
    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>>;

    /// Which values [`Operator::gradient`] gets as `inputs`.
    fn gradient_reads(&self) -> GradientReads {
        GradientReads::Inputs
    }

    /// Whether the operator is linear in its signal when its other quantities (attention weights, the standard deviation
    /// of a LayerNormalization) are treated as constant coefficients.
    fn is_linear_in_signal(&self) -> bool {
        false
    }

    /// The index of the input that is the signal, if the others are coefficients; `None` if all are signals.
    fn signal(&self) -> Option<usize> {
        None
    }

    /// `Jᵀ relevance` with the coefficients of [`Operator::is_linear_in_signal`] held constant.
    ///
    /// # Errors
    /// Those of [`Operator::gradient`].
    fn gradient_of_signal(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        self.gradient(inputs, relevance)
    }

    /// Relevance of every input of a product: the signal gets all of it if the other factors are coefficients
    /// ([`Kind::Gate`](crate::network::Kind)); otherwise the factors share it.
    ///
    /// # Errors
    /// When the operator is not a product, or a share cannot be summed to the shape of its input.
    fn share(&self, _relevance: &Tensor) -> Result<Vec<Tensor>> {
        bail!("only the factors of a product share relevance")
    }

    /// `Jᵀ (relevance ⊘ y)` for the output `y`, if it can be computed without the division; `None` otherwise. The output of
    /// a softmax is almost 0 at most places.
    ///
    /// # Errors
    /// Those of [`Operator::gradient`].
    fn relative_gradient(&self, _: &[Tensor], _relevance: &Tensor) -> Result<Option<Vec<Tensor>>> {
        Ok(None)
    }

    /// A constant that the operator adds at the end, in a shape that broadcasts to the output.
    fn bias(&self) -> Option<&Tensor> {
        None
    }
}
