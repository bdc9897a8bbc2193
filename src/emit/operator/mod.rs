//! Operators that are no linear maps: their values, and their gradients, which for operators that only move elements are
//! the relevance rule.

mod activation;
mod affine;
mod choice;
mod concat;
mod function;
mod layer_normalization;
mod matrix_product;
mod max_pooling;
mod product;
mod response_normalization;
mod routing;
mod routing_grid;
mod sampling;
mod selection;
mod softmax;
mod two_signals;

use anyhow::{Result, bail};

use super::graph::Graph;
use super::value::{Value, axes_of};
use crate::network::{Layer, Op};

/// An operator with the values around it.
#[derive(Clone, Copy)]
pub(super) struct Operator<'a> {
    pub layer: &'a Layer,
    pub inputs: &'a [Value],
    /// The value of the layer, or of the ReLU behind it where relevance arrives at positive elements only.
    pub output: &'a Value,
}

/// The value of an operator.
pub(super) fn forward(graph: &mut Graph, layer: &Layer, inputs: &[Value]) -> Result<Value> {
    let axes = axes_of(&layer.shape);
    Ok(match &layer.op {
        Op::Affine(affine) => affine::forward(graph, affine, &inputs[0]),
        Op::Activation(activation) => activation::forward(graph, activation, &inputs[0]),
        Op::MaxPooling(pooling) => max_pooling::forward(graph, pooling, &inputs[0]),
        Op::Concat(concat) => concat::forward(graph, concat, inputs, &axes),
        Op::Routing(routing) => routing::forward(graph, routing, &inputs[0])?,
        Op::Product(_) => graph.multiply(&inputs[0], &inputs[1]),
        Op::Quotient(_) => graph.divide(&inputs[0], &inputs[1]),
        Op::MaximumShift(_) => graph.subtract(&inputs[0], &inputs[1]),
        Op::TwoSignals(function) => two_signals::forward(graph, function, inputs),
        Op::Choice(choice) => choice::forward(graph, choice, inputs),
        Op::TopElements(top) => selection::top_elements(graph, top, &inputs[0]).0,
        Op::TopPositions(top) => selection::top_positions(graph, top, &inputs[0], &axes),
        Op::Pick(pick) => selection::picked(graph, pick, inputs, &axes)?,
        Op::Sampling(sampling) => sampling::forward(graph, sampling, inputs, &axes)?,
        Op::MatrixProduct(_) => matrix_product::forward(graph, inputs),
        Op::Softmax(softmax) => softmax::forward(graph, softmax, &inputs[0]),
        Op::LayerNormalization(norm) => {
            layer_normalization::forward(graph, norm, &inputs[0], &layer.shape)
        }
        Op::ResponseNormalization(norm) => response_normalization::forward(graph, norm, &inputs[0]),
        Op::Input | Op::Constant(_) => bail!("a value has no inputs"),
        Op::Convolution(_) | Op::Dense(_) | Op::AveragePooling(_) | Op::Reduction(_) => {
            bail!("a linear map has a file of its own")
        }
        Op::Resampling(_) | Op::Sum(_) => bail!("a linear map has a file of its own"),
    })
}

/// `Jᵀ relevance`: a value per input; `None` where it is 0.
pub(super) fn gradient(
    graph: &mut Graph,
    operator: Operator,
    relevance: &Value,
) -> Result<Vec<Option<Value>>> {
    let Operator { layer, inputs, output } = operator;
    let only = |value: Value| Ok(vec![Some(value)]);
    match &layer.op {
        Op::Affine(affine) => only(affine::gradient(graph, affine, relevance)),
        Op::Activation(activation) => {
            only(activation::gradient(graph, activation, (&inputs[0], output), relevance))
        }
        Op::MaxPooling(pooling) => {
            only(max_pooling::gradient(graph, pooling, (&inputs[0], output), relevance))
        }
        Op::Concat(concat) => Ok(concat::gradient(graph, concat, inputs, relevance)),
        Op::Routing(routing) => only(routing::gradient(graph, routing, relevance)?),
        Op::Product(_) => Ok(product::gradient(graph, inputs, relevance)),
        Op::Quotient(_) => Ok(product::gradient_of_quotient(graph, inputs, relevance)),
        Op::MaximumShift(_) => {
            let negative = graph.unary("Neg", relevance);
            let by_maximum = graph.summed_to(&negative, &inputs[1].axes);
            Ok(vec![Some(relevance.clone()), Some(by_maximum)])
        }
        Op::TwoSignals(function) => two_signals::gradient(graph, function, inputs, relevance),
        Op::Choice(_) => Ok(choice::gradient(graph, inputs, relevance)),
        Op::TopElements(top) => only(selection::gradient_of_top(graph, top, &inputs[0], relevance)),
        Op::TopPositions(_) => Ok(vec![None]),
        Op::Pick(pick) => selection::gradient_of_pick(graph, pick, inputs, relevance),
        Op::Sampling(_) => sampling::gradient(),
        Op::MatrixProduct(_) => Ok(matrix_product::gradient(graph, inputs, relevance)),
        Op::Softmax(softmax) => only(softmax::gradient(graph, softmax, &inputs[0], relevance)),
        Op::LayerNormalization(norm) => only(layer_normalization::gradient(
            graph,
            norm,
            (&inputs[0], &layer.shape),
            relevance,
            false,
        )),
        Op::ResponseNormalization(norm) => {
            only(response_normalization::gradient(graph, norm, &inputs[0], relevance, false))
        }
        Op::Input | Op::Constant(_) => bail!("a value has no gradient"),
        Op::Convolution(_) | Op::Dense(_) | Op::AveragePooling(_) | Op::Reduction(_) => {
            bail!("a linear map has a file of its own")
        }
        Op::Resampling(_) | Op::Sum(_) => bail!("a linear map has a file of its own"),
    }
}

/// `Jᵀ relevance` with the coefficients of an operator that is linear in its signal held constant.
pub(super) fn gradient_of_signal(
    graph: &mut Graph,
    operator: Operator,
    relevance: &Value,
) -> Result<Vec<Option<Value>>> {
    let Operator { layer, inputs, .. } = operator;
    match &layer.op {
        Op::LayerNormalization(norm) => Ok(vec![Some(layer_normalization::gradient(
            graph,
            norm,
            (&inputs[0], &layer.shape),
            relevance,
            true,
        ))]),
        Op::ResponseNormalization(norm) => Ok(vec![Some(response_normalization::gradient(
            graph, norm, &inputs[0], relevance, true,
        ))]),
        Op::MatrixProduct(product) => {
            let mut both = matrix_product::gradient(graph, inputs, relevance);
            if let Some(signal) = product.signal {
                both[1 - signal] = None;
            }
            Ok(both)
        }
        _ => gradient(graph, operator, relevance),
    }
}

/// `Jᵀ (relevance ⊘ y)` where that needs no division.
pub(super) fn relative_gradient(
    graph: &mut Graph,
    operator: Operator,
    relevance: &Value,
) -> Option<Vec<Option<Value>>> {
    match &operator.layer.op {
        Op::Softmax(softmax) if !softmax.is_logarithm => {
            let centred = softmax::centred(graph, softmax, &operator.inputs[0], relevance);
            Some(vec![Some(centred)])
        }
        _ => None,
    }
}
