//! Operators that only move elements, which are run on the numbers 0, 1, 2, ... to see which; and interpolation.

use anyhow::{Context, Result, bail};
use tract_core::internal::*;
use tract_core::ops::array::{
    CumSum, Gather, GatherElements, GatherNd, MultiBroadcastTo, Pad, PadMode, ScatterElements,
    ScatterNd, Slice, StridedSlice, Tile, Topk, Trilu, TypedConcat,
};
use tract_core::ops::change_axes::AxisOp;

use super::{Lowering, NodeContext, Value};
use crate::linear::{ResampledAxis, Resampling};
use crate::network::{LayerId, Op};
use crate::operator::{Affine, Concat, Routing};
use crate::tensor::{Tensor as Array, scalar};

impl Lowering<'_> {
    pub(super) fn concat(&mut self, context: &NodeContext, op: &TypedConcat) -> Result<Value> {
        let inputs = self.layers_of_inputs(context)?;
        let input_shapes = inputs.iter().map(|&id| self.lowered.drafts[id].shape.clone()).collect();
        let concat = Concat { axis: op.axis, input_shapes };
        Ok(self.layer(context, Op::Concat(concat).into(), inputs))
    }

    pub(super) fn routing(&mut self, context: &NodeContext) -> Result<Value> {
        let op = &context.node.op;
        if let Some(op) = op.downcast_ref::<ScatterNd>() {
            return self.scatter_nd(context, op);
        }
        if let Some(op) = op.downcast_ref::<ScatterElements>() {
            return self.scatter_elements(context, op);
        }
        if let Some(op) = op.downcast_ref::<Topk>() {
            return self.top_elements(context, op);
        }
        if let Some(picked) = self.pick(context)? {
            return Ok(picked);
        }
        let moves = op.is::<AxisOp>()
            || op.is::<Slice>()
            || op.is::<StridedSlice>()
            || op.is::<Pad>()
            || op.is::<Gather>()
            || op.is::<GatherNd>()
            || op.is::<GatherElements>()
            || op.is::<Trilu>()
            || op.is::<MultiBroadcastTo>()
            || op.is::<Tile>();
        if !moves {
            bail!("tract operator {}", op.name());
        }
        self.moved(context, &[0])
    }

    /// An operator whose outputs are copies of elements of the inputs `values`, or constants; the other inputs are indices.
    /// It is run on the numbers 1, 2, ... of the elements; where the output is 0, the operator itself wrote a 0.
    pub(super) fn moved(&mut self, context: &NodeContext, values: &[usize]) -> Result<Value> {
        let (op, padding) = numbered_padding(context.node.op.as_ref())?;
        let mut constants = vec![padding];
        let (mut signals, mut count) = (vec![], 0i64);
        let mut inputs = tvec![];
        for (index, input) in context.inputs.iter().enumerate() {
            inputs.push(match input {
                Value::Layer(id) if values.contains(&index) => {
                    let shape = self.lowered.drafts[*id].shape.clone();
                    let len = shape.iter().product::<usize>() as i64;
                    let numbers: Vec<i64> = (count + 1..=count + len).collect();
                    count += len;
                    signals.push(*id);
                    Tensor::from_shape(&shape, &numbers)?
                }
                Value::Constant(constant) if values.contains(&index) => {
                    // Constant elements get the numbers −1, −2, ...
                    let array = constant.array()?;
                    let first = constants.len() as i64;
                    constants.extend_from_slice(array.data());
                    let numbers: Vec<i64> =
                        (0..array.len() as i64).map(|at| -1 - first - at).collect();
                    Tensor::from_shape(array.shape(), &numbers)?
                }
                Value::Constant(constant) => constant.tensor()?.as_ref().clone(),
                Value::Layer(_) => bail!("its input {index} depends on the network's input"),
            });
        }
        let inputs = inputs.into_iter().map(Tensor::into_tvalue).collect();
        let outputs = op.eval_out_of_plan(inputs)?.context("tract cannot run it on its own")?;
        let moved = outputs[0].cast_to::<i64>()?;
        let moved = moved.try_as_plain_ram()?.as_slice::<i64>()?;
        let signal = self.joined(context, &signals)?;
        self.copies(context, signal, moved, &constants)
    }

    /// Several signals, flattened and concatenated.
    fn joined(&mut self, context: &NodeContext, signals: &[LayerId]) -> Result<LayerId> {
        if let [signal] = *signals {
            return Ok(signal);
        }
        let mut vectors = vec![];
        for &signal in signals {
            let shape = self.lowered.drafts[signal].shape.clone();
            let len = shape.iter().product();
            vectors.push(self.route(
                context,
                signal,
                Routing::reshape("Reshape", &shape, &[1, len]),
            ));
        }
        let input_shapes: Vec<Vec<usize>> =
            vectors.iter().map(|&id| self.lowered.drafts[id].shape.clone()).collect();
        let total = input_shapes.iter().map(|shape| shape[1]).sum();
        let concat = Op::Concat(Concat { axis: 1, input_shapes }).into();
        Ok(self.push(&context.name, &context.op_type, concat, vectors, vec![1, total]))
    }

    /// The layer with the elements of a signal that have the given numbers. The number 0 stands for the value 0, the number
    /// −1 − n for constant n.
    pub(super) fn copies(
        &mut self,
        context: &NodeContext,
        signal: LayerId,
        numbers: &[i64],
        constants: &[f32],
    ) -> Result<Value> {
        let source = |&number: &i64| u32::try_from(number - 1).unwrap_or(Routing::CONSTANT);
        let sources = numbers.iter().map(source).collect();
        let filled = |&number: &i64| match number {
            1.. => None,
            0 => Some(0.0),
            _ => constants.get((-1 - number) as usize).copied(),
        };
        let mut fills = numbers.iter().filter_map(filled);
        let first = fills.next().unwrap_or(0.0);
        let is_uniform = fills.all(|fill| fill == first);
        let input_shape = self.lowered.drafts[signal].shape.clone();
        let shape = context.output_shape.clone();
        let mut routing = Routing::from_sources(&context.op_type, &input_shape, &shape, sources);
        routing.constant = if is_uniform { first } else { 0.0 };
        if routing.is_identity() {
            return Ok(Value::Layer(signal));
        }
        let routed = self.layer(context, Op::Routing(routing).into(), vec![signal]);
        let (Value::Layer(layer), false) = (&routed, is_uniform) else {
            return Ok(routed);
        };
        let shifts: Vec<f32> = numbers.iter().map(|number| filled(number).unwrap_or(0.0)).collect();
        let shift = Some(Array::new(&shape, &shifts)?);
        let affine = Op::Affine(Affine { scale: None, shift });
        Ok(self.layer(context, affine.into(), vec![*layer]))
    }

    /// `CumSum`: running sums along an axis.
    pub(super) fn running_sum(&mut self, context: &NodeContext, op: &CumSum) -> Result<Value> {
        let input = self.signal(context, 0)?;
        let input_shape = self.lowered.drafts[input].shape.clone();
        let length = input_shape[op.axis];
        let summed = |at: usize| match (op.reverse, op.exclusive) {
            (false, false) => 0..at + 1,
            (false, true) => 0..at,
            (true, false) => at..length,
            (true, true) => at + 1..length,
        };
        let taps = (0..length).map(|at| summed(at).map(|from| (from, 1.0)).collect()).collect();
        let axes = vec![ResampledAxis { axis: op.axis, input: length, taps }];
        let op = Op::Resampling(Resampling { axes, input_shape });
        Ok(self.layer(context, op.into(), vec![input]))
    }
}

/// The same padding with −1 as its constant, and the real constant.
fn numbered_padding(op: &dyn TypedOp) -> Result<(Box<dyn TypedOp>, f32)> {
    if let Some(pad) = op.downcast_ref::<Pad>()
        && let PadMode::Constant(value) = &pad.mode
    {
        let constant = scalar::<f32>(value)?;
        let mode = PadMode::Constant(tensor0(-1i64).into_arc_tensor());
        return Ok((Box::new(Pad { mode, pads: pad.pads.clone() }), constant));
    }
    Ok((tract_core::dyn_clone::clone_box(op), 0.0))
}

/// Nearest-neighbour interpolation as a routing.
pub(super) fn nearest(
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
