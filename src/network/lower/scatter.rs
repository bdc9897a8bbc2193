//! ONNX `ScatterElements` and `ScatterND`: updates replace elements of a tensor, or are combined with them.

use anyhow::{Result, bail, ensure};
use tract_core::ops::array::{ScatterElements, ScatterNd, ScatterReduction};

use super::{Lowering, NodeContext, Value};
use crate::network::recognise::DraftOp;
use crate::operator::Binary;
use crate::tensor::Tensor as Array;

impl Lowering<'_> {
    pub(super) fn scatter_elements(
        &mut self,
        context: &NodeContext,
        op: &ScatterElements,
    ) -> Result<Value> {
        let Some((operation, neutral)) = combination(&op.reduction) else {
            return self.moved(context, &[0, 2]);
        };
        let (indices, shape) = self.indices(context)?;
        let output = &context.output_shape;
        let target = |(mut at, index): (usize, i64)| {
            let (mut place, mut stride) = (0, 1);
            for axis in (0..shape.len()).rev() {
                let own =
                    if axis == op.axis { wrapped(index, output[axis])? } else { at % shape[axis] };
                place += own * stride;
                stride *= output[axis];
                at /= shape[axis];
            }
            Ok(place)
        };
        let targets = indices.into_iter().enumerate().map(target).collect::<Result<Vec<_>>>()?;
        self.combine_at(context, (operation, neutral), &targets)
    }

    pub(super) fn scatter_nd(&mut self, context: &NodeContext, op: &ScatterNd) -> Result<Value> {
        let Some((operation, neutral)) = combination(&op.reduction) else {
            return self.moved(context, &[0, 2]);
        };
        let (indices, shape) = self.indices(context)?;
        let output = &context.output_shape;
        let depth = shape.last().copied().unwrap_or(1).max(1);
        ensure!(depth <= output.len(), "indices of {depth} axes into {}", output.len());
        let len: usize = output[depth..].iter().product();
        let mut targets = vec![];
        for tuple in indices.chunks_exact(depth) {
            let place = tuple.iter().zip(output).try_fold(0, |place, (&index, &length)| {
                Ok::<usize, anyhow::Error>(place * length + wrapped(index, length)?)
            })?;
            targets.extend(place * len..(place + 1) * len);
        }
        self.combine_at(context, (operation, neutral), &targets)
    }

    /// The indices and their shape.
    fn indices(&self, context: &NodeContext) -> Result<(Vec<i64>, Vec<usize>)> {
        let Some(Value::Constant(indices)) = context.inputs.get(1) else {
            bail!("its indices depend on the input");
        };
        let indices = indices.tensor()?.cast_to::<i64>()?.into_owned();
        let shape = indices.shape().to_vec();
        Ok((indices.try_as_plain_ram()?.as_slice::<i64>()?.to_vec(), shape))
    }

    /// Combines every update with its target, an element of the output. Updates with the same target are applied one after
    /// the other, so that every step is an operation on two tensors.
    fn combine_at(
        &mut self,
        context: &NodeContext,
        (operation, neutral): (Binary, f32),
        targets: &[usize],
    ) -> Result<Value> {
        let count: usize = context.output_shape.iter().product();
        let mut met = vec![0; count];
        // The numbers of the updates, from 1 on; −1 for elements without an update.
        let mut rounds: Vec<Vec<i64>> = vec![];
        for (update, &target) in targets.iter().enumerate() {
            let round = met[target];
            met[target] += 1;
            if round == rounds.len() {
                rounds.push(vec![-1; count]);
            }
            rounds[round][target] = update as i64 + 1;
        }
        let mut value = context.inputs[0].clone();
        for numbers in rounds {
            value = match (&context.inputs[2], value) {
                (Value::Layer(updates), before) => {
                    let part = self.copies(context, *updates, &numbers, &[neutral])?;
                    match (part, before) {
                        (Value::Layer(part), Value::Layer(before)) => {
                            self.layer(context, DraftOp::Binary(operation), vec![before, part])
                        }
                        (Value::Layer(part), Value::Constant(before)) => {
                            self.with_constant(context, operation, part, before.array()?, true)?
                        }
                        _ => bail!("updates that do not depend on the picture"),
                    }
                }
                (Value::Constant(updates), Value::Layer(before)) => {
                    let updates = updates.array()?;
                    let number = |number: &i64| match usize::try_from(number - 1) {
                        Ok(at) => updates.data()[at],
                        Err(_) => neutral,
                    };
                    let numbers: Vec<f32> = numbers.iter().map(number).collect();
                    let part = Array::new(&context.output_shape, &numbers)?;
                    self.with_constant(context, operation, before, part, false)?
                }
                _ => bail!("a scatter of constants"),
            };
        }
        Ok(value)
    }
}

/// The operation of a scatter that combines, and its neutral element.
fn combination(reduction: &ScatterReduction) -> Option<(Binary, f32)> {
    Some(match reduction {
        ScatterReduction::None => return None,
        ScatterReduction::Add => (Binary::Add, 0.0),
        ScatterReduction::Mul => (Binary::Mul, 1.0),
        ScatterReduction::Min => (Binary::Min, f32::INFINITY),
        ScatterReduction::Max => (Binary::Max, f32::NEG_INFINITY),
    })
}

/// An index; those below 0 count from the end.
fn wrapped(index: i64, length: usize) -> Result<usize> {
    let place = if index < 0 { index + length as i64 } else { index };
    match usize::try_from(place) {
        Ok(place) if place < length => Ok(place),
        _ => bail!("the index {index} on an axis of length {length}"),
    }
}
