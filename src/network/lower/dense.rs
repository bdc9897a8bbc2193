//! ONNX `Gemm`, `MatMul` and `Einsum` with one constant operand.

use anyhow::{Context, Result, bail, ensure};
use tract_core::internal::Axis;
use tract_core::ops::einsum::EinSum;

use super::{Lowering, NodeContext, Value};
use crate::linear::{Dense, Weight};
use crate::network::{LayerId, Op};
use crate::operator::Routing;
use crate::tensor::Tensor;

/// The axes of a product, by the role they play; each as (axis of the signal, of the weight, of the output).
#[derive(Default)]
struct Roles {
    /// Summed over: signal and weight.
    contracted: Vec<(usize, usize)>,
    /// Only in the signal: signal and output.
    positions: Vec<(usize, usize)>,
    /// Only in the weight: weight and output.
    features: Vec<(usize, usize)>,
    /// Axes of length one that only one side has.
    dropped_of_signal: Vec<usize>,
    dropped_of_weight: Vec<usize>,
}

impl Lowering<'_> {
    pub(super) fn einsum(&mut self, context: &NodeContext, op: &EinSum) -> Result<Value> {
        ensure!(op.q_params.is_none(), "quantized arithmetic");
        let signal_slot = match context.inputs.as_slice() {
            [Value::Layer(_), Value::Layer(_)] => return self.product_of_signals(context, op),
            [Value::Layer(_), _] => 0,
            [_, Value::Layer(_)] => 1,
            inputs => bail!("a product of {} tensors", inputs.len()),
        };
        let weight = self.weight(context, 1 - signal_slot)?;
        let signal = self.signal(context, signal_slot)?;
        let signal_shape = self.lowered.drafts[signal].shape.clone();
        let axes = op.axes.iter_all_axes();
        let roles = roles(axes, signal_slot, &signal_shape, weight.shape())?;
        self.matrix_product(context, signal, weight, &roles)
    }

    /// Transposes the signal to [positions, contracted], multiplies, transposes to the output's order.
    fn matrix_product(
        &mut self,
        context: &NodeContext,
        signal: LayerId,
        weight: Weight,
        roles: &Roles,
    ) -> Result<Value> {
        let shape = self.lowered.drafts[signal].shape.clone();
        let order: Vec<usize> = (roles.positions.iter().map(|&(axis, _)| axis))
            .chain(roles.dropped_of_signal.iter().copied())
            .chain(roles.contracted.iter().map(|&(axis, _)| axis))
            .collect();
        let routing = Routing::transpose("Transpose", &shape, &order);
        let input_shape = routing.output_shape.clone();
        let input = self.route(context, signal, routing);
        let weight_order: Vec<usize> = (roles.features.iter().map(|&(axis, _)| axis))
            .chain(roles.dropped_of_weight.iter().copied())
            .chain(roles.contracted.iter().map(|&(_, axis)| axis))
            .collect();
        let inputs: usize = roles.contracted.iter().map(|&(axis, _)| shape[axis]).product();
        let outputs = weight.len() / inputs.max(1);
        let weight = match weight_order.is_sorted() && weight.shape() == [outputs, inputs] {
            // Large weights are shared with tract's graph or not even read, not copied.
            true => weight,
            false => permuted(&weight.load()?, &weight_order)?.reshaped(&[outputs, inputs])?.into(),
        };
        let from_signal = roles.positions.iter().map(|&(_, output)| output);
        let from_weight = roles.features.iter().map(|&(_, output)| output);
        let output_axes: Vec<usize> = from_signal.chain(from_weight).collect();
        let mut product_shape: Vec<usize> =
            output_axes.iter().map(|&axis| context.output_shape[axis]).collect();
        if product_shape.is_empty() {
            product_shape.push(1);
        }
        let dense = Dense { weight, bias: None, input_shape, output_shape: product_shape.clone() };
        let (name, op_type) = (&context.name, &context.op_type);
        let product = self.push(name, op_type, Op::Dense(dense).into(), vec![input], product_shape);
        let mut back: Vec<usize> = (0..output_axes.len()).collect();
        back.sort_by_key(|&index| output_axes[index]);
        let product_shape = self.lowered.drafts[product].shape.clone();
        let mut routing = Routing::transpose("Transpose", &product_shape, &back);
        routing.output_shape.clone_from(&context.output_shape);
        Ok(Value::Layer(self.route(context, product, routing)))
    }

    /// Adds a routing layer where it does anything.
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

fn roles<'a>(
    axes: impl Iterator<Item = &'a Axis>,
    signal_slot: usize,
    signal_shape: &[usize],
    weight_shape: &[usize],
) -> Result<Roles> {
    let mut roles = Roles::default();
    for axis in axes {
        let of_signal = axis.inputs[signal_slot].first().copied();
        let of_weight = axis.inputs[1 - signal_slot].first().copied();
        let of_output = axis.outputs[0].first().copied();
        // Numpy's broadcasting: an axis of length one is as good as absent.
        let of_weight_used = of_weight.filter(|&axis| weight_shape[axis] != 1);
        match (of_signal, of_weight_used, of_output) {
            (Some(signal), Some(weight), None) => roles.contracted.push((signal, weight)),
            (Some(signal), None, Some(output)) => roles.positions.push((signal, output)),
            (None, Some(weight), Some(output)) => roles.features.push((weight, output)),
            (Some(signal), None, None) if signal_shape[signal] == 1 => {
                roles.dropped_of_signal.push(signal);
            }
            (None, None, _) => {}
            (Some(_), Some(_), Some(_)) => bail!("a batch of weight matrices"),
            _ => bail!("the product {axis:?}"),
        }
        if of_weight_used.is_none() {
            roles.dropped_of_weight.extend(of_weight);
        }
    }
    roles.positions.sort_by_key(|&(_, output)| output);
    roles.features.sort_by_key(|&(_, output)| output);
    Ok(roles)
}

fn permuted(tensor: &Tensor, order: &[usize]) -> Result<Tensor> {
    if order.is_sorted() {
        return Ok(tensor.clone());
    }
    let owned = tensor.as_tract().as_ref().clone();
    let permuted =
        owned.permute_axes(order).context("the weight has another rank than expected")?;
    Tensor::from_tract(permuted)
}

/// For tests of the roles: an axis is described by where it occurs.
#[cfg(test)]
mod tests {
    use super::*;
    use tract_core::internal::{AxesMapping, InOut};

    fn roles_of(expression: &str, signal: &[usize], weight: &[usize]) -> Roles {
        let axes: AxesMapping = expression.parse().unwrap();
        assert_eq!(axes.axis_positions(InOut::Out(0), 'b').unwrap().len(), 1);
        roles(axes.iter_all_axes(), 0, signal, weight).unwrap()
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
}
