//! Products of a signal and a constant: fully connected layers, one for each matrix of a batch of weights.

use anyhow::{Context, Result, bail};

use super::einsum::{Label, Wanted};
use super::{Lowering, NodeContext, Value};
use crate::linear::{Dense, Weight};
use crate::network::{LayerId, Op};
use crate::operator::{Concat, Routing};
use crate::tensor::Tensor;

/// The axes of a product by their role.
#[derive(Default)]
struct Roles {
    /// One matrix for each position: (signal, weight, output).
    batch: Vec<(usize, usize, usize)>,
    /// Summed over: (signal, weight).
    contracted: Vec<(usize, usize)>,
    /// Only in the signal: (signal, output).
    positions: Vec<(usize, usize)>,
    /// Only in the weight: (weight, output).
    features: Vec<(usize, usize)>,
    /// Axes of length one that only one side has.
    dropped_of_signal: Vec<usize>,
    dropped_of_weight: Vec<usize>,
}

impl Lowering<'_> {
    /// Transposes the signal to `[batch, positions, contracted]`, multiplies, transposes to the output's order.
    pub(super) fn dense(
        &mut self,
        context: &NodeContext,
        (signal, signal_labels): (LayerId, &[Label]),
        (weight, weight_labels): (Weight, &[Label]),
        wanted: &Wanted,
    ) -> Result<Value> {
        let shape = self.lowered.drafts[signal].shape.clone();
        let roles = roles((&shape, signal_labels), (weight.shape(), weight_labels), wanted)?;
        let order: Vec<usize> = (roles.batch.iter().map(|&(axis, ..)| axis))
            .chain(roles.positions.iter().map(|&(axis, _)| axis))
            .chain(roles.dropped_of_signal.iter().copied())
            .chain(roles.contracted.iter().map(|&(axis, _)| axis))
            .collect();
        let routing = Routing::transpose("Transpose", &shape, &order);
        let input = self.route(context, signal, routing);
        let from_batch = roles.batch.iter().map(|&(.., output)| output);
        let from_signal = roles.positions.iter().map(|&(_, output)| output);
        let from_weight = roles.features.iter().map(|&(_, output)| output);
        let output_axes: Vec<usize> = from_batch.chain(from_signal).chain(from_weight).collect();
        let mut product_shape: Vec<usize> =
            output_axes.iter().map(|&axis| wanted.shape[axis]).collect();
        if product_shape.is_empty() {
            product_shape.push(1);
        }
        let product = match roles.batch.is_empty() {
            true => {
                let weight = roles.matrices(weight, &shape)?.0;
                self.fully_connected(context, input, weight, product_shape)
            }
            false => {
                self.batch_of_matrices(context, input, (weight, &roles), (&shape, product_shape))?
            }
        };
        let mut back: Vec<usize> = (0..output_axes.len()).collect();
        back.sort_by_key(|&index| output_axes[index]);
        let product_shape = self.lowered.drafts[product].shape.clone();
        let mut routing = Routing::transpose("Transpose", &product_shape, &back);
        routing.output_shape.clone_from(&wanted.shape);
        Ok(Value::Layer(self.route(context, product, routing)))
    }

    fn fully_connected(
        &mut self,
        context: &NodeContext,
        input: LayerId,
        weight: Weight,
        output_shape: Vec<usize>,
    ) -> LayerId {
        let input_shape = self.lowered.drafts[input].shape.clone();
        let dense = Dense { weight, bias: None, input_shape, output_shape: output_shape.clone() };
        let (name, op_type) = (&context.name, &context.op_type);
        self.push(name, op_type, Op::Dense(dense).into(), vec![input], output_shape)
    }

    /// One fully connected layer for every matrix, side by side.
    fn batch_of_matrices(
        &mut self,
        context: &NodeContext,
        input: LayerId,
        (weight, roles): (Weight, &Roles),
        (signal_shape, product_shape): (&[usize], Vec<usize>),
    ) -> Result<LayerId> {
        let (weight, batch) = roles.matrices(weight, signal_shape)?;
        let weight = weight.load()?;
        let (outputs, inputs) = (weight.shape()[0] / batch.max(1), weight.shape()[1]);
        let input_shape = self.lowered.drafts[input].shape.clone();
        let axes = roles.batch.len();
        let part_shape = [&[1], &input_shape[axes..]].concat();
        let part_len: usize = part_shape.iter().product();
        let output_shape = [&[1], &product_shape[axes..]].concat();
        let mut parts = vec![];
        for index in 0..batch {
            let sources = (index * part_len..(index + 1) * part_len).map(|at| at as u32).collect();
            let slice = Routing::from_sources("Slice", &input_shape, &part_shape, sources);
            let part = self.route(context, input, slice);
            let matrix = &weight.data()[index * outputs * inputs..][..outputs * inputs];
            let matrix = Tensor::new(&[outputs, inputs], matrix)?.into();
            parts.push(self.fully_connected(context, part, matrix, output_shape.clone()));
        }
        let concat = Concat { axis: 0, input_shapes: vec![output_shape; batch] };
        let shape = [&[batch], &product_shape[axes..]].concat();
        let (name, op_type) = (&context.name, &context.op_type);
        let joined = self.push(name, op_type, Op::Concat(concat).into(), parts, shape.clone());
        Ok(self.route(context, joined, Routing::reshape("Reshape", &shape, &product_shape)))
    }

    /// Adds a routing layer, unless it would change nothing.
    pub(super) fn route(
        &mut self,
        context: &NodeContext,
        input: LayerId,
        routing: Routing,
    ) -> LayerId {
        if routing.is_identity() {
            return input;
        }
        let shape = routing.output_shape.clone();
        let op = Op::Routing(routing).into();
        self.push(&context.name, &context.op_type, op, vec![input], shape)
    }
}

impl Roles {
    /// The weight as `[batch · features, contracted]`, and the length of the batch.
    fn matrices(&self, weight: Weight, signal_shape: &[usize]) -> Result<(Weight, usize)> {
        let order: Vec<usize> = (self.batch.iter().map(|&(_, axis, _)| axis))
            .chain(self.features.iter().map(|&(axis, _)| axis))
            .chain(self.dropped_of_weight.iter().copied())
            .chain(self.contracted.iter().map(|&(_, axis)| axis))
            .collect();
        let inputs: usize = self.contracted.iter().map(|&(axis, _)| signal_shape[axis]).product();
        let batch = self.batch.iter().map(|&(axis, ..)| signal_shape[axis]).product();
        let rows = weight.len() / inputs.max(1);
        Ok(match order.is_sorted() && weight.shape() == [rows, inputs] {
            // Large weights are not copied: they are shared with tract's graph, or not read yet.
            true => (weight, batch),
            false => {
                let matrices = permuted(&weight.load()?, &order)?.reshaped(&[rows, inputs])?;
                (matrices.into(), batch)
            }
        })
    }
}

fn roles(
    (signal_shape, signal_labels): (&[usize], &[Label]),
    (weight_shape, weight_labels): (&[usize], &[Label]),
    wanted: &Wanted,
) -> Result<Roles> {
    let mut labels: Vec<Label> = signal_labels.iter().chain(weight_labels).copied().collect();
    labels.sort_unstable();
    labels.dedup();
    let place = |labels: &[Label], label| labels.iter().position(|&other| other == label);
    let mut roles = Roles::default();
    for label in labels {
        let of_signal = place(signal_labels, label);
        let of_weight = place(weight_labels, label);
        // An axis of length one is broadcast, as in NumPy: it has no role.
        let of_weight_used = of_weight.filter(|&axis| weight_shape[axis] != 1);
        match (of_signal, of_weight_used, wanted.place(label)) {
            (Some(signal), Some(weight), None) => roles.contracted.push((signal, weight)),
            (Some(signal), None, Some(output)) => roles.positions.push((signal, output)),
            (None, Some(weight), Some(output)) => roles.features.push((weight, output)),
            (Some(signal), None, None) if signal_shape[signal] == 1 => {
                roles.dropped_of_signal.push(signal);
            }
            (None, None, _) => {}
            (Some(signal), Some(weight), Some(output)) if signal_shape[signal] == 1 => {
                roles.dropped_of_signal.push(signal);
                roles.features.push((weight, output));
            }
            (Some(signal), Some(weight), Some(output)) => {
                roles.batch.push((signal, weight, output));
            }
            _ => bail!("an axis of a product that only one factor has and the output has not"),
        }
        if of_weight_used.is_none() {
            roles.dropped_of_weight.extend(of_weight);
        }
    }
    roles.batch.sort_by_key(|&(.., output)| output);
    roles.positions.sort_by_key(|&(_, output)| output);
    roles.features.sort_by_key(|&(_, output)| output);
    Ok(roles)
}

fn permuted(tensor: &Tensor, order: &[usize]) -> Result<Tensor> {
    if order.is_sorted() {
        return Ok(tensor.clone());
    }
    let owned = tensor.to_tract()?.as_ref().clone();
    let permuted =
        owned.permute_axes(order).context("the weight has another rank than expected")?;
    Tensor::from_tract(permuted)
}

/// For tests of the roles: an axis is described by where it occurs.
#[cfg(test)]
mod tests {
    use super::*;

    /// The roles of `signal,weight->output`, one letter an axis.
    fn roles_of(expression: &str, signal: &[usize], weight: &[usize]) -> Roles {
        let (inputs, output) = expression.split_once("->").unwrap();
        let (left, right) = inputs.split_once(',').unwrap();
        let [left, right, output] =
            [left, right, output].map(|axes| axes.bytes().map(usize::from).collect::<Vec<Label>>());
        let wanted = Wanted { shape: vec![1; output.len()], labels: output };
        roles((signal, &left), (weight, &right), &wanted).unwrap()
    }

    #[test]
    fn a_gemm_contracts_the_last_axis() {
        let roles = roles_of("bi,oi->bo", &[1, 4], &[3, 4]);
        assert_eq!(roles.contracted, [(1, 1)]);
        assert_eq!(roles.positions, [(0, 0)]);
        assert_eq!(roles.features, [(0, 1)]);
    }

    #[test]
    fn a_broadcast_batch_axis_of_the_weight_is_ignored() {
        let roles = roles_of("bti,bio->bto", &[1, 7, 4], &[1, 4, 3]);
        assert_eq!(roles.contracted, [(2, 1)]);
        assert_eq!(roles.positions, [(0, 0), (1, 1)]);
        assert_eq!(roles.features, [(2, 2)]);
    }

    #[test]
    fn a_matrix_for_every_head_is_a_batch() {
        let roles = roles_of("bhnd,hde->bhne", &[1, 4, 7, 3], &[4, 3, 5]);
        assert_eq!(roles.batch, [(1, 0, 1)]);
        assert_eq!(roles.contracted, [(3, 1)]);
        assert_eq!(roles.features, [(2, 3)]);
    }
}
