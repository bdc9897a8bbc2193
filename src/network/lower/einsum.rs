//! ONNX `MatMul`, `Gemm` and `Einsum`: sums of products, factor by factor.
//!
//! Every axis of a factor has a label. Axes with the same label have the same index, and labels that the output does not
//! have are summed over. Diagonals and sums of a single factor come first; then two factors at a time become a dense
//! layer or a product of signals.

use anyhow::{Context, Result, bail, ensure};
use tract_core::internal::Axis;
use tract_core::ops::einsum::EinSum;

use super::constant::Constant;
use super::{Lowering, NodeContext, Value};
use crate::operator::Routing;
use crate::tensor::Tensor;

/// The label of an axis.
pub(super) type Label = usize;

/// A factor, and the label of each of its axes.
pub(super) struct Factor {
    pub value: Value,
    pub labels: Vec<Label>,
}

impl Factor {
    fn place(&self, label: Label) -> Option<usize> {
        self.labels.iter().position(|&other| other == label)
    }
}

/// The wanted product of two factors: its axes and their lengths.
pub(super) struct Wanted {
    pub labels: Vec<Label>,
    pub shape: Vec<usize>,
}

impl Wanted {
    pub fn place(&self, label: Label) -> Option<usize> {
        self.labels.iter().position(|&other| other == label)
    }
}

impl Lowering<'_> {
    pub(super) fn einsum(&mut self, context: &NodeContext, op: &EinSum) -> Result<Value> {
        ensure!(op.q_params.is_none(), "quantized arithmetic");
        let axes: Vec<&Axis> = op.axes.iter_all_axes().collect();
        let count = context.inputs.len();
        let mut factors = vec![];
        for (slot, value) in context.inputs.iter().enumerate() {
            let labels = labels(axes.iter().map(|axis| axis.inputs[slot].as_slice()));
            factors.push(Factor { value: value.clone(), labels });
        }
        let output = labels(axes.iter().map(|axis| axis.outputs[0].as_slice()));
        for index in 0..count {
            let others = factors.iter().enumerate().filter(|(other, _)| *other != index);
            let mut outside = output.clone();
            outside.extend(others.flat_map(|(_, factor)| &factor.labels));
            self.reduce_factor(context, &mut factors[index], &outside)?;
        }
        let wanted = Wanted { labels: output, shape: context.output_shape.clone() };
        let mut factors = factors.into_iter();
        let mut product = factors.next().context("a product of nothing")?;
        if factors.len() == 0 {
            return self.arrange_factor(context, product, &wanted);
        }
        while let Some(factor) = factors.next() {
            if factors.len() == 0 {
                return self.multiply_factors(context, product, factor, &wanted);
            }
            let later: Vec<Label> =
                factors.as_slice().iter().flat_map(|factor| factor.labels.clone()).collect();
            let is_kept = |label: &Label| wanted.labels.contains(label) || later.contains(label);
            let mut kept: Vec<Label> =
                product.labels.iter().chain(&factor.labels).copied().filter(is_kept).collect();
            kept.sort_unstable();
            kept.dedup();
            let length = |&label: &Label| {
                let of = |factor: &Factor| {
                    factor.place(label).map_or(1, |axis| self.shape_of(&factor.value)[axis])
                };
                of(&product).max(of(&factor))
            };
            let shape = kept.iter().map(length).collect();
            let partial = Wanted { labels: kept, shape };
            let value = self.multiply_factors(context, product, factor, &partial)?;
            product = Factor { value, labels: partial.labels };
        }
        bail!("a product of nothing")
    }

    fn multiply_factors(
        &mut self,
        context: &NodeContext,
        left: Factor,
        right: Factor,
        wanted: &Wanted,
    ) -> Result<Value> {
        match (&left.value, &right.value) {
            (Value::Layer(a), Value::Layer(b)) => {
                self.product_of_signals(context, (*a, &left.labels), (*b, &right.labels), wanted)
            }
            (Value::Layer(signal), Value::Constant(weight)) => {
                let (signal, weight) = ((*signal, &left.labels[..]), weight.weight()?);
                self.dense(context, signal, (weight, &right.labels), wanted)
            }
            (Value::Constant(weight), Value::Layer(signal)) => {
                let (signal, weight) = ((*signal, &right.labels[..]), weight.weight()?);
                self.dense(context, signal, (weight, &left.labels), wanted)
            }
            (Value::Constant(a), Value::Constant(b)) => {
                let (a, b) = (a.array()?, b.array()?);
                let product = summed(&[(&a, &left.labels), (&b, &right.labels)], wanted)?;
                Ok(Value::Constant(Constant::Read(product.to_tract()?)))
            }
        }
    }

    /// Takes the diagonal over axes with the same label, and sums over labels that occur in no other factor.
    fn reduce_factor(
        &mut self,
        context: &NodeContext,
        factor: &mut Factor,
        outside: &[Label],
    ) -> Result<()> {
        let mut kept: Vec<Label> = vec![];
        let is_known = |label: &&Label| outside.contains(label);
        factor.labels.iter().filter(is_known).for_each(|&label| {
            if !kept.contains(&label) {
                kept.push(label);
            }
        });
        if kept == factor.labels {
            return Ok(());
        }
        let shape = self.shape_of(&factor.value);
        let length = |&label: &Label| factor.place(label).map_or(1, |axis| shape[axis]);
        let wanted = Wanted { shape: kept.iter().map(length).collect(), labels: kept };
        factor.value = match &factor.value {
            Value::Constant(constant) => {
                let reduced = summed(&[(&constant.array()?, &factor.labels)], &wanted)?;
                Value::Constant(Constant::Read(reduced.to_tract()?))
            }
            Value::Layer(signal) => {
                let mut labels = factor.labels.clone();
                labels.sort_unstable();
                labels.dedup();
                let lengths: Vec<usize> = labels.iter().map(length).collect();
                let sources = sources(&shape, &factor.labels, &labels, &lengths);
                let diagonal = Routing::from_sources("Einsum", &shape, &lengths, sources);
                let diagonal = self.route(context, *signal, diagonal);
                let axes: Vec<usize> = (0..labels.len())
                    .filter(|&axis| wanted.place(labels[axis]).is_none())
                    .collect();
                let summed = self.reduce_sum(context, diagonal, &axes, 1.0)?;
                let factor = Factor { value: summed, labels };
                self.arrange_factor(context, factor, &wanted)?
            }
        };
        factor.labels = wanted.labels;
        Ok(())
    }

    /// A signal with its axes in another order; the axes that are left out have the length one.
    fn arrange_factor(
        &mut self,
        context: &NodeContext,
        factor: Factor,
        wanted: &Wanted,
    ) -> Result<Value> {
        let Value::Layer(signal) = factor.value else {
            bail!("a sum of constants");
        };
        let shape = self.shape_of(&factor.value);
        let wanted_axes = wanted.labels.iter().filter_map(|&label| factor.place(label));
        let mut order: Vec<usize> = wanted_axes.collect();
        order.extend((0..shape.len()).filter(|axis| wanted.place(factor.labels[*axis]).is_none()));
        let routing = Routing {
            output_shape: wanted.shape.clone(),
            ..Routing::transpose("Transpose", &shape, &order)
        };
        Ok(Value::Layer(self.route(context, signal, routing)))
    }

    fn shape_of(&self, value: &Value) -> Vec<usize> {
        match value {
            Value::Layer(id) => self.lowered.drafts[*id].shape.clone(),
            Value::Constant(constant) => constant.shape().to_vec(),
        }
    }
}

/// The label of every axis of one operand; `places` has for each label the axes with it.
fn labels<'a>(places: impl Iterator<Item = &'a [usize]>) -> Vec<Label> {
    let mut labelled: Vec<(usize, Label)> = places
        .enumerate()
        .flat_map(|(label, axes)| axes.iter().map(move |&axis| (axis, label)))
        .collect();
    labelled.sort_unstable();
    labelled.into_iter().map(|(_, label)| label).collect()
}

/// For every position of the given lengths, in order, the element of a tensor of `shape` whose axes have `labels`.
fn sources(shape: &[usize], labels: &[Label], order: &[Label], lengths: &[usize]) -> Vec<u32> {
    let stride = |label: Label| -> usize {
        let axes = (0..shape.len()).filter(|&axis| labels[axis] == label && shape[axis] != 1);
        axes.map(|axis| shape[axis + 1..].iter().product::<usize>()).sum()
    };
    order.iter().zip(lengths).fold(vec![0u32], |sources, (&label, &length)| {
        let stride = stride(label);
        let step = |&source: &u32| (0..length).map(move |at| source + (at * stride) as u32);
        sources.iter().flat_map(step).collect()
    })
}

/// The sum of products of constants.
fn summed(factors: &[(&Tensor, &Vec<Label>)], wanted: &Wanted) -> Result<Tensor> {
    let mut order = wanted.labels.clone();
    for label in factors.iter().flat_map(|(_, labels)| labels.iter()) {
        if !order.contains(label) {
            order.push(*label);
        }
    }
    let length = |label: Label| {
        let of = |(tensor, labels): &(&Tensor, &Vec<Label>)| {
            let axes = (0..labels.len()).filter(|&axis| labels[axis] == label);
            axes.map(|axis| tensor.shape()[axis]).max().unwrap_or(1)
        };
        factors.iter().map(of).max().unwrap_or(1)
    };
    let lengths: Vec<usize> = order.iter().map(|&label| length(label)).collect();
    let terms: usize = lengths[wanted.labels.len()..].iter().product();
    let places: Vec<Vec<u32>> = factors
        .iter()
        .map(|(tensor, labels)| sources(tensor.shape(), labels, &order, &lengths))
        .collect();
    let mut output = Tensor::zeros(&wanted.shape)?;
    for (at, sum) in output.data_mut().iter_mut().enumerate() {
        *sum = (at * terms..(at + 1) * terms)
            .map(|term| {
                let factors = factors.iter().zip(&places);
                factors
                    .map(|((tensor, _), places)| tensor.data()[places[term] as usize])
                    .product::<f32>()
            })
            .sum();
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_multiplied_and_summed() {
        let matrix = Tensor::new(&[2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let vector = Tensor::new(&[2], &[10.0, 100.0]).unwrap();
        let of = |factors: &[(&Tensor, &Vec<Label>)], labels: &[Label], shape: &[usize]| {
            let wanted = Wanted { labels: labels.to_vec(), shape: shape.to_vec() };
            summed(factors, &wanted).unwrap().data().to_vec()
        };
        assert_eq!(of(&[(&matrix, &vec![0, 1]), (&vector, &vec![1])], &[0], &[2]), [210.0, 430.0]);
        assert_eq!(of(&[(&matrix, &vec![0, 0])], &[], &[]), [5.0]);
        assert_eq!(of(&[(&matrix, &vec![0, 0])], &[0], &[2]), [1.0, 4.0]);
        assert_eq!(of(&[(&matrix, &vec![0, 1])], &[1, 0], &[2, 2]), [1.0, 3.0, 2.0, 4.0]);
    }
}
