//! The operators of a network, and their kinds, which composites match on.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::linear::{
    AveragePooling, Convolution, Dense, LinearMap, Reduction, Resampling, Sum, WeightPart,
};
use crate::operator::{
    Activation, Affine, Choice, Concat, LayerNormalization, MatrixProduct, MaxPooling,
    MaximumShift, Operator, Pick, Product, Quotient, ResponseNormalization, Routing, Sampling,
    Softmax, TopElements, TopPositions, TwoSignals,
};
use crate::tensor::Tensor;

/// What a layer computes.
#[derive(Clone, Debug)]
pub enum Op {
    /// An input of the network.
    Input,
    /// A value that does not change with the input (a class token).
    Constant(Tensor),
    /// Convolution and transposed convolution.
    Convolution(Convolution),
    /// Fully connected layer.
    Dense(Dense),
    /// Average over a sliding window.
    AveragePooling(AveragePooling),
    /// Mean or sum over axes.
    Reduction(Reduction),
    /// Interpolation.
    Resampling(Resampling),
    /// Sum of signals.
    Sum(Sum),
    /// Scale and shift per channel.
    Affine(Affine),
    /// Elementwise nonlinearity.
    Activation(Activation),
    /// Maximum of a window.
    MaxPooling(MaxPooling),
    /// Concatenation.
    Concat(Concat),
    /// Reshape, transpose, slice, pad, ...
    Routing(Routing),
    /// Product of two signals.
    Product(Product),
    /// Quotient of two signals.
    Quotient(Quotient),
    /// Difference of a signal and its own maximum.
    MaximumShift(MaximumShift),
    /// Maximum of two signals, their comparison, ...
    TwoSignals(TwoSignals),
    /// The largest elements of an axis.
    TopElements(TopElements),
    /// Where along an axis the largest elements are.
    TopPositions(TopPositions),
    /// Elements at places that another signal says.
    Pick(Pick),
    /// Interpolation at places that another signal says.
    Sampling(Sampling),
    /// The choice between two signals by a condition.
    Choice(Choice),
    /// Matrix product of two signals.
    MatrixProduct(MatrixProduct),
    /// Softmax inside the network.
    Softmax(Softmax),
    /// Normalisation by the signal's own statistics.
    LayerNormalization(LayerNormalization),
    /// Local response normalisation.
    ResponseNormalization(ResponseNormalization),
}

/// The kinds: for each its word in YAML and in tables, and which layers it has.
macro_rules! kinds {
    ($($kind:ident $word:literal: $about:literal),+ $(,)?) => {
        /// What composites match on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind {
            $(#[doc = $about] #[serde(rename = $word)] $kind),+
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Kind] = &[$(Kind::$kind),+];

            /// The word in YAML and in tables.
            pub fn word(self) -> &'static str {
                match self {
                    $(Kind::$kind => $word),+
                }
            }

            /// Which layers have this kind, in a sentence.
            pub fn about(self) -> &'static str {
                match self {
                    $(Kind::$kind => $about),+
                }
            }
        }
    };
}

kinds! {
    Input "input": "An input itself.",
    Constant "constant": "A value that does not change with the input, or only in jumps: a comparison.",
    Convolution "convolution": "Convolution over one, two or three axes, transposed ones included.",
    Dense "dense": "Fully connected layer.",
    AveragePool "average-pool": "Average over a window or over axes.",
    MaxPool "max-pool": "Maximum of a window, of an axis, or of two signals.",
    Sum "sum": "Sum of signals.",
    Concat "concat": "Concatenation.",
    Gate "gate": "Product of a signal with a gate (squeeze-excite), quotient of a signal and its norm, difference of a signal and its maximum.",
    Product "product": "Product of two signals, neither being a gate.",
    Activation "activation": "Elementwise nonlinearity.",
    Normalization "normalization": "BatchNormalization that was not merged, other scales and shifts, local response normalisation.",
    LayerNormalization "layer-normalization": "LayerNormalization, RMSNormalization and similar ones.",
    Matmul "matmul": "Matrix product of two signals: attention scores, and their product with the values.",
    Softmax "softmax": "Softmax inside the network.",
    Reshape "reshape": "Operators that only move elements: reshape, transpose, slice, gather, pad, split, nearest upsampling, the choice between two signals, elements taken at computed places.",
    Resize "resize": "Interpolation, at computed places too, and other linear maps along one axis (a running sum).",
}

impl Kind {
    /// Whether layers of this kind have weights: what `first`, `last` and `depth` count.
    pub fn is_weighted(self) -> bool {
        matches!(self, Kind::Convolution | Kind::Dense)
    }

    /// Whether there is only one possible rule, so that a composite need not name it.
    pub fn routes(self) -> bool {
        matches!(self, Kind::Input | Kind::Constant | Kind::Reshape | Kind::Concat | Kind::MaxPool)
    }
}

impl Op {
    /// What composites match on.
    pub fn kind(&self) -> Kind {
        match self {
            Op::Input => Kind::Input,
            Op::Constant(_) => Kind::Constant,
            Op::Convolution(_) => Kind::Convolution,
            Op::Dense(_) => Kind::Dense,
            Op::AveragePooling(_) | Op::Reduction(_) => Kind::AveragePool,
            Op::Resampling(_) => Kind::Resize,
            Op::Sum(_) => Kind::Sum,
            Op::Affine(_) | Op::ResponseNormalization(_) => Kind::Normalization,
            Op::LayerNormalization(_) => Kind::LayerNormalization,
            Op::MatrixProduct(_) => Kind::Matmul,
            Op::Activation(_) => Kind::Activation,
            Op::MaxPooling(_) | Op::TopElements(_) => Kind::MaxPool,
            Op::Concat(_) => Kind::Concat,
            Op::Routing(_) => Kind::Reshape,
            Op::Product(product) if product.signal.is_some() => Kind::Gate,
            Op::Product(_) => Kind::Product,
            Op::Quotient(_) | Op::MaximumShift(_) => Kind::Gate,
            Op::TwoSignals(function) if function.has_winner() => Kind::MaxPool,
            Op::TwoSignals(function) if function.operation.is_comparison() => Kind::Constant,
            Op::TwoSignals(_) => Kind::Gate,
            Op::TopPositions(_) => Kind::Constant,
            Op::Choice(_) | Op::Pick(_) => Kind::Reshape,
            Op::Sampling(_) => Kind::Resize,
            Op::Softmax(_) => Kind::Softmax,
        }
    }

    /// The operator as a linear map, to which the rules of `y = W x + b` apply.
    pub fn as_linear(&self) -> Option<&dyn LinearMap> {
        match self {
            Op::Convolution(map) => Some(map),
            Op::Dense(map) => Some(map),
            Op::AveragePooling(map) => Some(map),
            Op::Reduction(map) => Some(map),
            Op::Resampling(map) => Some(map),
            Op::Sum(map) => Some(map),
            _ => None,
        }
    }

    /// The operator, if it is neither a linear map nor a value.
    pub fn as_operator(&self) -> Option<&dyn Operator> {
        match self {
            Op::Affine(operator) => Some(operator),
            Op::Activation(operator) => Some(operator),
            Op::MaxPooling(operator) => Some(operator),
            Op::Concat(operator) => Some(operator),
            Op::Routing(operator) => Some(operator),
            Op::Product(operator) => Some(operator),
            Op::Quotient(operator) => Some(operator),
            Op::MaximumShift(operator) => Some(operator),
            Op::TwoSignals(operator) => Some(operator),
            Op::Choice(operator) => Some(operator),
            Op::TopElements(operator) => Some(operator),
            Op::TopPositions(operator) => Some(operator),
            Op::Pick(operator) => Some(operator),
            Op::Sampling(operator) => Some(operator),
            Op::MatrixProduct(operator) => Some(operator),
            Op::Softmax(operator) => Some(operator),
            Op::LayerNormalization(operator) => Some(operator),
            Op::ResponseNormalization(operator) => Some(operator),
            _ => None,
        }
    }

    /// The value for these inputs.
    pub(crate) fn evaluate(&self, inputs: Vec<Tensor>) -> Result<Tensor> {
        if let Some(map) = self.as_linear() {
            return map.forward(WeightPart::Plain, map.bias().cloned())?(&inputs);
        }
        if let Some(operator) = self.as_operator() {
            return operator.forward(inputs);
        }
        match self {
            Op::Constant(value) => Ok(value.clone()),
            _ => bail!("an input has no value of its own"),
        }
    }

    /// The number of stored parameters.
    pub fn parameter_count(&self) -> usize {
        let len = |tensor: &Option<Tensor>| tensor.as_ref().map_or(0, Tensor::len);
        match self {
            Op::Affine(affine) => len(&affine.scale) + len(&affine.shift),
            Op::LayerNormalization(norm) => len(&norm.scale) + len(&norm.shift),
            Op::Constant(value) => value.len(),
            _ => self.as_linear().map_or(0, LinearMap::parameter_count),
        }
    }
}
