//! ONNX `MaxPool`, `AveragePool`, their global forms, and the reductions.

use anyhow::{Result, bail, ensure};
use tract_core::ops::cnn::{MaxPool, SumPool};
use tract_core::ops::nn::{Reduce, Reducer};

use super::convolutions::window_of;
use super::{Lowering, NodeContext, Value};
use crate::linear::{AveragePooling, Reduction, Window, WindowAxis};
use crate::network::recognise::DraftOp;
use crate::network::{LayerId, Op};
use crate::operator::{Affine, Binary, Concat, Function, MaxPooling, Routing, Unary};
use crate::tensor::Tensor;

impl Lowering<'_> {
    pub(super) fn max_pool(&mut self, context: &NodeContext, op: &MaxPool) -> Result<Value> {
        let input = self.signal(context, 0)?;
        let input_shape = self.lowered.drafts[input].shape.clone();
        let pooling = MaxPooling {
            window: window_of(&op.pool_spec, &input_shape)?,
            input_shape,
            output_shape: context.output_shape.clone(),
        };
        Ok(self.layer(context, Op::MaxPooling(pooling).into(), vec![input]))
    }

    pub(super) fn sum_pool(&mut self, context: &NodeContext, op: &SumPool) -> Result<Value> {
        ensure!(op.normalize, "a pooling that sums instead of averaging");
        let input = self.signal(context, 0)?;
        let window = window_of(&op.pool_spec, &self.lowered.drafts[input].shape)?;
        let pooling = AveragePooling::new(window, op.count_include_pad);
        Ok(self.layer(context, Op::AveragePooling(pooling).into(), vec![input]))
    }

    pub(super) fn reduce(&mut self, context: &NodeContext, op: &Reduce) -> Result<Value> {
        let mut axes = op.axes.to_vec();
        axes.sort_unstable();
        match op.reducer {
            Reducer::Sum => {
                let signal = self.signal(context, 0)?;
                self.reduce_sum(context, signal, &axes, 1.0)
            }
            Reducer::MeanOfSquares => self.mean_of_squares(context, &axes),
            Reducer::Max => {
                let signal = self.signal(context, 0)?;
                Ok(Value::Layer(self.reduce_max(context, signal, &axes)))
            }
            Reducer::Min => self.reduce_min(context, &axes),
            Reducer::Prod => self.reduce_product(context, &axes),
            Reducer::ArgMax(is_last) => self.top_position(context, &axes, true, is_last),
            Reducer::ArgMin(is_last) => self.top_position(context, &axes, false, is_last),
            reducer => bail!("the reduction {reducer:?}"),
        }
    }

    fn mean_of_squares(&mut self, context: &NodeContext, axes: &[usize]) -> Result<Value> {
        let signal = self.signal(context, 0)?;
        let shape = self.lowered.drafts[signal].shape.clone();
        let length: usize = axes.iter().map(|&axis| shape[axis]).product();
        let square = DraftOp::Function(Function::unary(Unary::Square));
        let square = self.push(&context.name, &context.op_type, square, vec![signal], shape);
        self.reduce_sum(context, square, axes, (length.max(1) as f32).recip())
    }

    /// One [`Reduction`] per group of neighbouring axes; the first one has the weight.
    pub(super) fn reduce_sum(
        &mut self,
        context: &NodeContext,
        mut layer: LayerId,
        axes: &[usize],
        mut weight: f32,
    ) -> Result<Value> {
        for block in axes.chunk_by(|a, b| a + 1 == *b) {
            let input_shape = self.lowered.drafts[layer].shape.clone();
            let mut shape = input_shape.clone();
            shape[block[0]..][..block.len()].fill(1);
            let reduction =
                Reduction { first_axis: block[0], axis_count: block.len(), weight, input_shape };
            weight = 1.0;
            let op = Op::Reduction(reduction).into();
            layer = self.push(&context.name, &context.op_type, op, vec![layer], shape);
        }
        Ok(Value::Layer(layer))
    }

    /// A global max pooling over the reduced axes, which are moved to the end and joined.
    fn reduce_max(&mut self, context: &NodeContext, input: LayerId, axes: &[usize]) -> LayerId {
        let shape = self.lowered.drafts[input].shape.clone();
        let kept = (0..shape.len()).filter(|axis| !axes.contains(axis));
        let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
        let length: usize = axes.iter().map(|&axis| shape[axis]).product();
        let planes = shape.iter().product::<usize>() / length.max(1);
        let plane_shape = vec![1, planes, length];
        let routing = Routing {
            output_shape: plane_shape.clone(),
            ..Routing::transpose("Transpose", &shape, &order)
        };
        let input = self.route(context, input, routing);
        let axis = WindowAxis { input: length, kernel: length, ..WindowAxis::POINT };
        let output_shape = vec![1, planes, 1];
        let pooling = MaxPooling {
            window: Window { axes: vec![axis] },
            input_shape: plane_shape,
            output_shape: output_shape.clone(),
        };
        let op = Op::MaxPooling(pooling).into();
        let pooled =
            self.push(&context.name, &context.op_type, op, vec![input], output_shape.clone());
        let back = Routing::reshape("Reshape", &output_shape, &context.output_shape);
        self.route(context, pooled, back)
    }

    /// `min x = −max −x`
    fn reduce_min(&mut self, context: &NodeContext, axes: &[usize]) -> Result<Value> {
        let input = self.signal(context, 0)?;
        let negated = self.negated(context, input)?;
        let largest = self.reduce_max(context, negated, axes);
        Ok(Value::Layer(self.negated(context, largest)?))
    }

    fn negated(&mut self, context: &NodeContext, input: LayerId) -> Result<LayerId> {
        let shape = self.lowered.drafts[input].shape.clone();
        let scale = Some(Tensor::new(&[], &[-1.0])?);
        let op = Op::Affine(Affine { scale, shift: None }).into();
        Ok(self.push(&context.name, &context.op_type, op, vec![input], shape))
    }

    /// The product over the reduced axes, which are moved to the front and joined: the first half of the elements is
    /// multiplied with the second half until one is left.
    fn reduce_product(&mut self, context: &NodeContext, axes: &[usize]) -> Result<Value> {
        let input = self.signal(context, 0)?;
        let shape = self.lowered.drafts[input].shape.clone();
        let kept = (0..shape.len()).filter(|axis| !axes.contains(axis));
        let order: Vec<usize> = axes.iter().copied().chain(kept).collect();
        let mut length: usize = axes.iter().map(|&axis| shape[axis]).product();
        let rest = shape.iter().product::<usize>() / length.max(1);
        let routing = Routing {
            output_shape: vec![length, rest],
            ..Routing::transpose("Transpose", &shape, &order)
        };
        let mut layer = self.route(context, input, routing);
        while length > 1 {
            let half = length / 2;
            let parts = [0..half, half..2 * half, 2 * half..length];
            let [a, b, odd] = parts.map(|rows| {
                let sources = (rows.start * rest..rows.end * rest).map(|at| at as u32).collect();
                let to = [rows.len(), rest];
                Routing::from_sources("Slice", &[length, rest], &to, sources)
            });
            let factors = vec![self.route(context, layer, a), self.route(context, layer, b)];
            let product = DraftOp::Binary(Binary::Mul);
            let (name, op_type) = (&context.name, &context.op_type);
            let product = self.push(name, op_type, product, factors, vec![half, rest]);
            if length.is_multiple_of(2) {
                (layer, length) = (product, half);
                continue;
            }
            let inputs = vec![product, self.route(context, layer, odd)];
            let concat = Concat { axis: 0, input_shapes: vec![vec![half, rest], vec![1, rest]] };
            length = half + 1;
            let concat = Op::Concat(concat).into();
            layer = self.push(name, op_type, concat, inputs, vec![length, rest]);
        }
        let back = Routing::reshape("Reshape", &[1, rest], &context.output_shape);
        Ok(Value::Layer(self.route(context, layer, back)))
    }
}
