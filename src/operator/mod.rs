//! The operators that are not linear maps of a rule: activations, poolings that choose, and what only moves numbers.
//!
//! Each computes its output and carries relevance back by its gradient; for an
//! operator that only routes (concat, reshape, max pooling) the gradient *is*
//! the relevance rule. One file per operator.

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
mod pointwise;
mod product;
mod quotient;
mod response_normalization;
mod routing;
mod scalar;
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
pub(crate) use pointwise::Pointwise;
pub use product::Product;
pub use quotient::Quotient;
pub use response_normalization::ResponseNormalization;
pub use routing::Routing;
pub use scalar::Unary;
pub use softmax::Softmax;
pub use stair::Stair;
pub use top_elements::TopElements;
pub use two_signals::TwoSignals;

use crate::tensor::Tensor;

/// The values that a gradient is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GradientReads {
    /// None: it is the same for all.
    Nothing,
    /// Those of the inputs.
    Inputs,
    /// That of the output, which tells as much: a ReLU passes what is above 0 on either side.
    Output,
}

/// An operator between tensors of fixed shapes.
pub trait Operator: Debug + Send + Sync {
    /// The output. Inputs that nobody else holds may be overwritten.
    ///
    /// # Errors
    /// When the inputs have other shapes than the operator was made for.
    fn forward(&self, inputs: Vec<Tensor>) -> Result<Tensor>;

    /// `Jᵀ relevance` at the given inputs: one result per input, in its shape.
    ///
    /// # Errors
    /// When the tensors have other shapes than the operator was made for.
    fn gradient(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>>;

    /// Which values [`Operator::gradient`] is given in the place of `inputs`.
    fn gradient_reads(&self) -> GradientReads {
        GradientReads::Inputs
    }

    /// Whether the operator is linear in its signal once everything else that it is made of is a
    /// coefficient: attention weights, the standard deviation of a LayerNormalization.
    fn is_linear_in_signal(&self) -> bool {
        false
    }

    /// The only input that is a signal, the others being coefficients; `None`: all are signals.
    fn signal(&self) -> Option<usize> {
        None
    }

    /// `Jᵀ relevance` with the coefficients of [`Operator::is_linear_in_signal`] held constant.
    ///
    /// # Errors
    /// As [`Operator::gradient`].
    fn gradient_of_signal(&self, inputs: &[Tensor], relevance: Tensor) -> Result<Vec<Tensor>> {
        self.gradient(inputs, relevance)
    }

    /// Relevance of every input where factors share it, or a signal takes all and the others are
    /// coefficients ([`Kind::Gate`](crate::network::Kind) and products).
    ///
    /// # Errors
    /// Where the operator is no product; when a share cannot be summed to its input's shape.
    fn share(&self, _relevance: &Tensor) -> Result<Vec<Tensor>> {
        bail!("only what is multiplied shares relevance")
    }

    /// `Jᵀ (relevance ⊘ y)`, `y` being the output, where it can be had without the division: that
    /// of a softmax is 0 almost everywhere.
    ///
    /// # Errors
    /// As [`Operator::gradient`].
    fn relative_gradient(&self, _: &[Tensor], _relevance: &Tensor) -> Result<Option<Vec<Tensor>>> {
        Ok(None)
    }

    /// What is added at the very end, in a shape that broadcasts to the output.
    fn bias(&self) -> Option<&Tensor> {
        None
    }
}
