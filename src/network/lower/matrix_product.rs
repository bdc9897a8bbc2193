//! `MatMul` and `Einsum` of two signals, and the fused `Attention`, which consists of two such products.

use anyhow::{Result, bail, ensure};
use tract_transformers::ops::sdpa::Sdpa;

use super::einsum::{Label, Wanted};
use super::{Lowering, NodeContext, Value};
use crate::network::recognise::DraftOp;
use crate::network::{LayerId, Op};
use crate::operator::{Affine, Binary, MatrixProduct, Routing, Softmax};
use crate::tensor::{Tensor, scalar};

/// The axes of a product of two signals by their role; axes of length one have none.
#[derive(Default)]
struct Roles {
    /// In both and in the output: (left, right, output).
    batch: Vec<(usize, usize, usize)>,
    /// Only in the left factor: (left, output).
    rows: Vec<(usize, usize)>,
    /// Summed over: (left, right).
    inner: Vec<(usize, usize)>,
    /// Only in the right factor: (right, output).
    columns: Vec<(usize, usize)>,
}

impl Lowering<'_> {
    /// Transposes the factors to `[batch, rows, inner]` and `[batch, inner, columns]`, multiplies,
    /// transposes to the output's order.
    pub(super) fn product_of_signals(
        &mut self,
        context: &NodeContext,
        (left, left_labels): (LayerId, &[Label]),
        (right, right_labels): (LayerId, &[Label]),
        wanted: &Wanted,
    ) -> Result<Value> {
        let ids = [left, right];
        let shapes = ids.map(|id| self.lowered.drafts[id].shape.clone());
        let roles = roles([left_labels, right_labels], &shapes, wanted)?;
        let length = |axes: &mut dyn Iterator<Item = usize>, shape: &[usize]| -> usize {
            axes.map(|axis| shape[axis]).product()
        };
        let product = MatrixProduct {
            signal: None,
            batch: length(&mut roles.batch.iter().map(|axes| axes.0), &shapes[0]),
            rows: length(&mut roles.rows.iter().map(|axes| axes.0), &shapes[0]),
            inner: length(&mut roles.inner.iter().map(|axes| axes.0), &shapes[0]),
            columns: length(&mut roles.columns.iter().map(|axes| axes.0), &shapes[1]),
        };
        let left_order = (roles.batch.iter().map(|axes| axes.0))
            .chain(roles.rows.iter().map(|axes| axes.0))
            .chain(roles.inner.iter().map(|axes| axes.0));
        let right_order = (roles.batch.iter().map(|axes| axes.1))
            .chain(roles.inner.iter().map(|axes| axes.1))
            .chain(roles.columns.iter().map(|axes| axes.0));
        let [left_shape, right_shape] = product.input_shapes();
        let left = self.arranged(context, ids[0], left_order.collect(), left_shape);
        let right = self.arranged(context, ids[1], right_order.collect(), right_shape);
        let output_axes: Vec<usize> = (roles.batch.iter().map(|axes| axes.2))
            .chain(roles.rows.iter().map(|axes| axes.1))
            .chain(roles.columns.iter().map(|axes| axes.1))
            .collect();
        let id = self.multiply(context, product, left, right);
        let axes_shape: Vec<usize> = output_axes.iter().map(|&axis| wanted.shape[axis]).collect();
        let mut back: Vec<usize> = (0..output_axes.len()).collect();
        back.sort_by_key(|&index| output_axes[index]);
        let routing = Routing {
            input_shape: self.lowered.drafts[id].shape.clone(),
            output_shape: wanted.shape.clone(),
            ..Routing::transpose("Transpose", &axes_shape, &back)
        };
        Ok(Value::Layer(self.route(context, id, routing)))
    }

    /// The layer of a product of two factors that have its shapes.
    fn multiply(
        &mut self,
        context: &NodeContext,
        product: MatrixProduct,
        left: LayerId,
        right: LayerId,
    ) -> LayerId {
        let shape = product.output_shape();
        let op = Op::MatrixProduct(product).into();
        self.push(&context.name, &context.op_type, op, vec![left, right], shape)
    }

    /// A factor with its axes in the given order (those of length one left out) and the given shape.
    fn arranged(
        &mut self,
        context: &NodeContext,
        factor: LayerId,
        order: Vec<usize>,
        output_shape: Vec<usize>,
    ) -> LayerId {
        let input_shape = self.lowered.drafts[factor].shape.clone();
        let (shape, place) = without_ones(&input_shape);
        let order: Vec<usize> = order.into_iter().map(|axis| place[axis]).collect();
        let routing = Routing {
            input_shape,
            output_shape,
            ..Routing::transpose("Transpose", &shape, &order)
        };
        self.route(context, factor, routing)
    }

    /// `softmax(scale · Q Kᵀ + mask) V`, the queries `[N, heads, L, E]` or without the axis of heads.
    pub(super) fn attention(&mut self, context: &NodeContext, op: &Sdpa) -> Result<Value> {
        let inputs = [0, 1, 2].map(|index| self.signal(context, index));
        let mut inputs: Vec<LayerId> = inputs.into_iter().collect::<Result<_>>()?;
        ensure!(!op.is_causal, "a causal mask");
        let heads = self.lowered.drafts[inputs[0]].shape.clone();
        for input in &mut inputs[1..] {
            *input = self.repeated_heads(context, *input, &heads);
        }
        let shape_of = |id: LayerId| self.lowered.drafts[id].shape.clone();
        let (query, key, value) = (shape_of(inputs[0]), shape_of(inputs[1]), shape_of(inputs[2]));
        let rank = query.len();
        ensure!(rank == 3 || rank == 4, "queries of {rank} axes");
        ensure!(query[..rank - 2] == key[..rank - 2], "heads that share keys");
        let batch: usize = query[..rank - 2].iter().product();
        let (rows, inner) = (query[rank - 2], query[rank - 1]);
        let (columns, features) = (key[rank - 2], value[rank - 1]);
        let scores = MatrixProduct { signal: None, batch, rows, inner, columns };
        let mixing = MatrixProduct { signal: None, batch, rows, inner: columns, columns: features };
        let reshaped = |shape: &[usize]| vec![batch, shape[rank - 2], shape[rank - 1]];
        let left = Routing::reshape("Reshape", &query, &reshaped(&query));
        let left = self.route(context, inputs[0], left);
        let transposed = Routing {
            input_shape: key.clone(),
            ..Routing::transpose("Transpose", &reshaped(&key), &[0, 2, 1])
        };
        let right = self.route(context, inputs[1], transposed);
        let scores_shape = scores.output_shape();
        let mut scores = self.multiply(context, scores, left, right);
        let scale = match &op.scale {
            Some(scale) => scalar::<f32>(scale)?,
            None => (inner as f32).sqrt().recip(),
        };
        let scale = Affine { scale: Some(Tensor::new(&[], &[scale])?), shift: None };
        let (name, op_type) = (&context.name, &context.op_type);
        scores =
            self.push(name, op_type, Op::Affine(scale).into(), vec![scores], scores_shape.clone());
        if let Some(mask) = context.inputs.get(3) {
            let shape = [&query[..rank - 1], &[columns]].concat();
            scores = self.masked(context, scores, mask, &shape)?;
        }
        let softmax = Op::Softmax(Softmax::new(&scores_shape, 2, false)).into();
        let weights = self.push(name, op_type, softmax, vec![scores], scores_shape);
        let values = Routing::reshape("Reshape", &value, &reshaped(&value));
        let values = self.route(context, inputs[2], values);
        let mixed_shape = mixing.output_shape();
        let mixed = self.multiply(context, mixing, weights, values);
        let back = Routing::reshape("Reshape", &mixed_shape, &context.output_shape);
        Ok(Value::Layer(self.route(context, mixed, back)))
    }

    /// Keys or values `[N, G, L, E]` of groups of heads, repeated for every head of `[N, H, ...]`.
    fn repeated_heads(
        &mut self,
        context: &NodeContext,
        input: LayerId,
        heads: &[usize],
    ) -> LayerId {
        let shape = self.lowered.drafts[input].shape.clone();
        let (&[_, heads, ..], &[batch, groups, length, features]) = (heads, shape.as_slice())
        else {
            return input;
        };
        if groups == 0 || heads == groups || !heads.is_multiple_of(groups) {
            return input;
        }
        let (len, times) = (length * features, heads / groups);
        let matrices = (0..batch * heads).map(|at| at / heads * groups + at % heads / times);
        let sources =
            matrices.flat_map(|at| (at * len..(at + 1) * len).map(|at| at as u32)).collect();
        let repeated = [batch, heads, length, features];
        let routing = Routing::from_sources("Expand", &shape, &repeated, sources);
        self.route(context, input, routing)
    }

    /// The scores plus a mask. The mask broadcasts to `shape`, which is the shape of the scores before axes were joined.
    fn masked(
        &mut self,
        context: &NodeContext,
        scores: LayerId,
        mask: &Value,
        shape: &[usize],
    ) -> Result<LayerId> {
        let scores_shape = self.lowered.drafts[scores].shape.clone();
        let (op, inputs) = match mask {
            Value::Constant(mask) => {
                let mask = Tensor::from_tract(mask.tensor()?.broadcast_to_shape(shape)?)?;
                let shift = Some(mask.reshaped(&scores_shape)?);
                (Op::Affine(Affine { scale: None, shift }).into(), vec![scores])
            }
            Value::Layer(mask) => {
                let mask = self.spread_over(context, *mask, shape);
                let reshape = Routing::reshape("Reshape", shape, &scores_shape);
                let mask = self.route(context, mask, reshape);
                (DraftOp::Binary(Binary::Add), vec![scores, mask])
            }
        };
        Ok(self.push(&context.name, &context.op_type, op, inputs, scores_shape))
    }
}

/// The shape without axes of length one, and the index of every other axis in it.
fn without_ones(shape: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let mut kept = vec![];
    let mut place = Vec::with_capacity(shape.len());
    for &length in shape {
        place.push(kept.len());
        if length != 1 {
            kept.push(length);
        }
    }
    (kept, place)
}

fn roles(labels: [&[Label]; 2], shapes: &[Vec<usize>; 2], wanted: &Wanted) -> Result<Roles> {
    let mut all: Vec<Label> = labels.concat();
    all.sort_unstable();
    all.dedup();
    let mut roles = Roles::default();
    for label in all {
        let of = |slot: usize| {
            let axis = labels[slot].iter().position(|&other| other == label);
            axis.filter(|&axis| shapes[slot][axis] != 1)
        };
        match (of(0), of(1), wanted.place(label)) {
            (Some(left), Some(right), Some(output)) => roles.batch.push((left, right, output)),
            (Some(left), Some(right), None) => roles.inner.push((left, right)),
            (Some(left), None, Some(output)) => roles.rows.push((left, output)),
            (None, Some(right), Some(output)) => roles.columns.push((right, output)),
            (None, None, _) => {}
            _ => bail!("an axis of a product that only one factor has and the output has not"),
        }
    }
    Ok(roles)
}
