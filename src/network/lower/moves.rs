//! Operators that only move numbers, found out by running them on the numbers 0, 1, 2, ...; and interpolation.

use anyhow::{Context, Result, bail, ensure};
use tract_core::internal::*;
use tract_core::ops::array::{
    Gather, GatherNd, MultiBroadcastTo, Pad, PadMode, Slice, StridedSlice, Tile, TypedConcat,
};
use tract_core::ops::change_axes::AxisOp;

use super::{Lowering, NodeContext, Value};
use crate::linear::{ResampledAxis, Resampling};
use crate::network::Op;
use crate::operator::{Concat, Routing};
use crate::tensor::Tensor as Array;

impl Lowering<'_> {
    pub(super) fn concat(&mut self, context: &NodeContext, op: &TypedConcat) -> Result<Value> {
        let inputs = self.layers_of_inputs(context)?;
        let input_shapes = inputs.iter().map(|&id| self.lowered.drafts[id].shape.clone()).collect();
        let concat = Concat { axis: op.axis, input_shapes };
        Ok(self.layer(context, Op::Concat(concat).into(), inputs))
    }

    pub(super) fn routing(&mut self, context: &NodeContext) -> Result<Value> {
        let op = &context.node.op;
        let moves = op.is::<AxisOp>()
            || op.is::<Slice>()
            || op.is::<StridedSlice>()
            || op.is::<Pad>()
            || op.is::<Gather>()
            || op.is::<GatherNd>()
            || op.is::<MultiBroadcastTo>()
            || op.is::<Tile>();
        if !moves {
            bail!("tract operator {}", op.name());
        }
        let input = self.signal(context, 0)?;
        let input_shape = self.lowered.drafts[input].shape.clone();
        let (op, constant) = numbered_padding(op.as_ref())?;
        let sources = self.numbers_moved(context, op.as_ref(), &input_shape)?;
        let mut routing =
            Routing::from_sources(&context.op_type, &input_shape, &context.output_shape, sources);
        routing.constant = constant;
        if routing.is_identity() {
            return Ok(Value::Layer(input));
        }
        Ok(self.layer(context, Op::Routing(routing).into(), vec![input]))
    }

    /// The operator's output for the input 0, 1, 2, ...
    fn numbers_moved(
        &self,
        context: &NodeContext,
        op: &dyn TypedOp,
        input_shape: &[usize],
    ) -> Result<Vec<u32>> {
        let len: usize = input_shape.iter().product();
        let numbers: Vec<i64> = (0..len as i64).collect();
        let mut inputs = tvec![Tensor::from_shape(input_shape, &numbers)?.into_tvalue()];
        for index in 1..context.inputs.len() {
            match &context.inputs[index] {
                Value::Constant(constant) => inputs.push(constant.tensor()?.into_tvalue()),
                Value::Layer(_) => bail!("its input {index} depends on the picture"),
            }
        }
        let outputs = op.eval_out_of_plan(inputs)?.context("tract cannot run it by itself")?;
        let moved = outputs[0].cast_to::<i64>()?;
        let moved = moved.try_as_plain_ram()?.as_slice::<i64>()?;
        // Padding is numbered −1, which becomes Routing::CONSTANT.
        Ok(moved.iter().map(|&number| u32::try_from(number).unwrap_or(Routing::CONSTANT)).collect())
    }

    pub(super) fn resize(&mut self, context: &NodeContext) -> Result<Value> {
        let input = self.signal(context, 0)?;
        let input_shape = self.lowered.drafts[input].shape.clone();
        let mut axes = vec![];
        for axis in 0..input_shape.len() {
            if self.changes_axis(context, &input_shape, axis)? {
                axes.push(self.resampled_axis(context, &input_shape, axis)?);
            }
        }
        let copies =
            |taps: &Vec<(usize, f32)>| matches!(taps.as_slice(), [(_, weight)] if *weight == 1.0);
        if axes.iter().all(|axis| axis.taps.iter().all(copies)) {
            let routing = nearest(&context.op_type, &input_shape, &context.output_shape, &axes);
            return Ok(Value::Layer(self.route(context, input, routing)));
        }
        let negative =
            axes.iter().flat_map(|axis| axis.taps.iter().flatten()).any(|tap| tap.1 < 0.0);
        ensure!(!negative, "an interpolation with negative weights (cubic)");
        let op = Op::Resampling(Resampling { axes, input_shape });
        Ok(self.layer(context, op.into(), vec![input]))
    }

    /// Whether the interpolation does anything along an axis: a scale of 1.2 may keep the length and
    /// still move the positions, so a ramp is sent through.
    fn changes_axis(&self, context: &NodeContext, shape: &[usize], axis: usize) -> Result<bool> {
        let (length, stride) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
        if length != context.output_shape[axis] {
            return Ok(true);
        }
        let output_stride: usize = context.output_shape[axis + 1..].iter().product();
        let answer = self.probed(context, shape, |at| (at / stride % length) as f32)?;
        let is_kept = |at: usize| (answer.data()[at * output_stride] - at as f32).abs() < 1e-4;
        Ok(!(0..length).all(is_kept))
    }

    /// The operator's output for an input made of `value(place)`.
    fn probed(
        &self,
        context: &NodeContext,
        input_shape: &[usize],
        value: impl Fn(usize) -> f32,
    ) -> Result<Array> {
        let mut probe = Array::zeros(input_shape)?;
        probe.data_mut().iter_mut().enumerate().for_each(|(at, to)| *to = value(at));
        let mut inputs = tvec![probe.to_value()];
        for input in &context.inputs[1..] {
            match input {
                Value::Constant(constant) => inputs.push(constant.tensor()?.into_tvalue()),
                Value::Layer(_) => bail!("its size depends on the picture"),
            }
        }
        let outputs = context.node.op.eval_out_of_plan(inputs)?;
        Array::from_value(outputs.context("tract cannot run it by itself")?.remove(0))
    }

    /// The weights along one axis: the answer to an input that is 1 at one position of it.
    fn resampled_axis(
        &self,
        context: &NodeContext,
        input_shape: &[usize],
        axis: usize,
    ) -> Result<ResampledAxis> {
        let (length, stride) =
            (input_shape[axis], input_shape[axis + 1..].iter().product::<usize>());
        let output_stride: usize = context.output_shape[axis + 1..].iter().product();
        let mut taps = vec![vec![]; context.output_shape[axis]];
        for position in 0..length {
            let answer = self
                .probed(context, input_shape, |at| f32::from(at / stride % length == position))?;
            for (output, taps) in taps.iter_mut().enumerate() {
                let weight = answer.data()[output * output_stride];
                if weight.abs() > 1e-7 {
                    taps.push((position, weight));
                }
            }
        }
        Ok(ResampledAxis { axis, input: length, taps })
    }
}

/// A padding with a constant, made to pad with −1; and the constant.
fn numbered_padding(op: &dyn TypedOp) -> Result<(Box<dyn TypedOp>, f32)> {
    if let Some(pad) = op.downcast_ref::<Pad>()
        && let PadMode::Constant(value) = &pad.mode
    {
        let constant = value.cast_to_scalar::<f32>()?;
        let mode = PadMode::Constant(tensor0(-1i64).into_arc_tensor());
        return Ok((Box::new(Pad { mode, pads: pad.pads.clone() }), constant));
    }
    Ok((tract_core::dyn_clone::clone_box(op), 0.0))
}

/// Nearest-neighbour interpolation as a routing.
fn nearest(
    name: &str,
    input_shape: &[usize],
    output_shape: &[usize],
    axes: &[ResampledAxis],
) -> Routing {
    let sources = (0..input_shape.len()).fold(vec![0u32], |sources, axis| {
        let resampled = axes.iter().find(|resampled| resampled.axis == axis);
        let position = |at: usize| match resampled {
            Some(resampled) => resampled.taps[at].first().map_or(0, |tap| tap.0),
            None => at,
        };
        let step = |&source: &u32| {
            let start = source * input_shape[axis] as u32;
            (0..output_shape[axis]).map(|at| start + position(at) as u32).collect::<Vec<_>>()
        };
        sources.iter().flat_map(step).collect()
    });
    Routing::from_sources(name, input_shape, output_shape, sources)
}
