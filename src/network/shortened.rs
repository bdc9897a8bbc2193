//! A part of the network with shorter axes, which says as much about what the part computes and takes less time and
//! memory.
//!
//! The layers of such a part are arithmetic on single elements, and sums over axes. Where all parameters are the same along
//! an axis, its elements are treated alike. So the axis can be shortened, if sums over it are multiplied by the ratio of the
//! lengths: all that such a sum tells of the elements is their mean.

use std::borrow::Cow;

use anyhow::{Context, Result};

use super::{LayerId, Network, Op};
use crate::linear::{Reduction, Sum};
use crate::operator::{LayerNormalization, Product, Quotient};
use crate::tensor::Tensor;

/// The length that axes are shortened to.
const KEPT: usize = 16;

/// Layers between one signal and a value that depends on that signal only, with short axes.
pub(super) struct Shortened<'a> {
    /// Shape of the signal and of the value.
    pub shape: Vec<usize>,
    /// The same with the axes as they were.
    full: Vec<usize>,
    signal: LayerId,
    members: Vec<(LayerId, &'a [LayerId], Cow<'a, Op>)>,
}

impl<'a> Shortened<'a> {
    /// `members` are the layers in the order in which they run.
    pub fn new(network: &'a Network, signal: LayerId, members: &[LayerId]) -> Shortened<'a> {
        let lengths = Lengths::of(network, signal, members);
        let op = |&id: &LayerId| {
            let layer = &network.layers[id];
            (id, &layer.inputs[..], lengths.op(&layer.op, &layer.shape))
        };
        let members = members.iter().map(op).collect();
        Shortened { members, signal, shape: lengths.short, full: lengths.full }
    }

    /// Whether a tensor can be a parameter of the full part: it does not change along an axis that was shortened.
    pub fn is_parameter(&self, tensor: &Tensor) -> bool {
        let short = self.shape.iter().zip(&self.full);
        tensor
            .shape()
            .iter()
            .zip(short)
            .all(|(&length, (short, full))| length == 1 || short == full)
    }

    /// The value for a signal.
    ///
    /// # Errors
    /// When the signal has another shape, or memory is short.
    pub fn value(&self, signal: &Tensor) -> Result<Tensor> {
        let mut values = vec![(self.signal, signal.clone())];
        for (id, inputs, op) in &self.members {
            let value = |input: &LayerId| {
                let found = values.iter().find(|(id, _)| id == input);
                found
                    .map(|(_, value)| value.clone())
                    .context("a part of a normalisation reads another value than its signal")
            };
            let inputs = inputs.iter().map(value).collect::<Result<_>>()?;
            values.push((*id, op.evaluate(inputs)?));
        }
        Ok(values.swap_remove(values.len() - 1).1)
    }
}

/// The lengths of the signal's axes.
struct Lengths {
    full: Vec<usize>,
    short: Vec<usize>,
}

impl Lengths {
    fn of(network: &Network, signal: LayerId, members: &[LayerId]) -> Lengths {
        let full = network.layers[signal].shape.clone();
        let layers = || members.iter().map(|&id| &network.layers[id]);
        let parameters: Vec<&Tensor> = layers().flat_map(|layer| parameters(&layer.op)).collect();
        let is_plain = layers()
            .all(|layer| layer.shape.len() == full.len() && !matches!(layer.op, Op::Routing(_)));
        // Parameters may have fewer axes: theirs are the last ones.
        let is_alike = |axis: usize| {
            let length = |it: &&Tensor| {
                (axis + it.shape().len()).checked_sub(full.len()).map(|at| it.shape()[at])
            };
            parameters.iter().filter_map(length).all(|length| length == 1)
        };
        let short =
            full.iter().enumerate().map(|(axis, &length)| match is_plain && is_alike(axis) {
                true => length.min(KEPT),
                false => length,
            });
        Lengths { short: short.collect(), full }
    }

    /// A value's shape with the short lengths.
    fn shape(&self, shape: &[usize]) -> Vec<usize> {
        let lengths = shape.iter().zip(self.full.iter().zip(&self.short));
        lengths
            .map(|(&length, (&full, &short))| if length == full { short } else { length })
            .collect()
    }

    /// An operator whose value has `shape`, for the short lengths.
    fn op<'a>(&self, op: &'a Op, shape: &[usize]) -> Cow<'a, Op> {
        if self.full == self.short {
            return Cow::Borrowed(op);
        }
        let pair = |shapes: &[Vec<usize>; 2]| [self.shape(&shapes[0]), self.shape(&shapes[1])];
        Cow::Owned(match op {
            Op::Sum(sum) => Op::Sum(Sum {
                coefficients: sum.coefficients.clone(),
                input_shapes: sum.input_shapes.iter().map(|shape| self.shape(shape)).collect(),
                output_shape: self.shape(&sum.output_shape),
            }),
            Op::Product(product) => Op::Product(Product {
                input_shapes: pair(&product.input_shapes),
                ..product.clone()
            }),
            Op::Quotient(quotient) => {
                Op::Quotient(Quotient { input_shapes: pair(&quotient.input_shapes) })
            }
            Op::Reduction(reduction) => Op::Reduction(self.reduction(reduction)),
            Op::LayerNormalization(norm) => {
                let Some((first, count)) = norm.axes(shape) else { return Cow::Borrowed(op) };
                let short = self.shape(shape);
                let plain = LayerNormalization::over_axes(
                    &short,
                    first,
                    count,
                    norm.is_centred,
                    norm.epsilon,
                );
                let (scale, shift) = (norm.scale.clone(), norm.shift.clone());
                Op::LayerNormalization(LayerNormalization { scale, shift, ..plain })
            }
            _ => return Cow::Borrowed(op),
        })
    }

    fn reduction(&self, reduction: &Reduction) -> Reduction {
        let input_shape = self.shape(&reduction.input_shape);
        let count = |shape: &[usize]| {
            let axes = &shape[reduction.first_axis..][..reduction.axis_count];
            axes.iter().product::<usize>() as f64
        };
        let ratio = count(&reduction.input_shape) / count(&input_shape);
        let weight = (f64::from(reduction.weight) * ratio) as f32;
        Reduction { weight, input_shape, ..*reduction }
    }
}

/// The parameters that broadcast to the value.
fn parameters(op: &Op) -> Vec<&Tensor> {
    let (first, second) = match op {
        Op::Constant(value) => (Some(value), None),
        Op::Affine(affine) => (affine.scale.as_ref(), affine.shift.as_ref()),
        Op::LayerNormalization(norm) => (norm.scale.as_ref(), norm.shift.as_ref()),
        _ => (None, None),
    };
    first.into_iter().chain(second).collect()
}
