//! A linear map along axes as a node of tract's graph: what `Resize` becomes.

use std::sync::Arc;

use tract_core::internal::*;

use super::moves::nearest;
use super::{Lowering, NodeContext, Value};
use crate::linear::{LinearMap, ResampledAxis, Resampling, WeightPart};
use crate::network::Op as NetworkOp;
use crate::tensor::Tensor as Array;

/// Interpolates axes, each by a matrix of its own.
#[derive(Clone, Debug)]
pub struct Interpolation {
    map: Arc<Resampling>,
}

impl Interpolation {
    /// For an input of the given shape.
    pub fn new(axes: Vec<ResampledAxis>, input_shape: &[usize]) -> Interpolation {
        Interpolation { map: Arc::new(Resampling { axes, input_shape: input_shape.to_vec() }) }
    }

    fn output_shape(&self) -> Vec<usize> {
        let mut shape = self.map.input_shape.clone();
        for axis in &self.map.axes {
            shape[axis.axis] = axis.taps.len();
        }
        shape
    }
}

impl PartialEq for Interpolation {
    fn eq(&self, other: &Interpolation) -> bool {
        Arc::ptr_eq(&self.map, &other.map)
    }
}

impl Eq for Interpolation {}

impl Op for Interpolation {
    fn name(&self) -> StaticName {
        "Interpolation".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Interpolation {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let number_type = input.datum_type();
        let forward = self.map.forward(WeightPart::Plain, None)?;
        let output = forward(&[Array::from_value(input)?])?.to_value()?.into_tensor();
        Ok(tvec![output.cast_to_dt(number_type)?.into_owned().into_tvalue()])
    }
}

impl TypedOp for Interpolation {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec![inputs[0].datum_type.fact(self.output_shape())])
    }
}

impl Lowering<'_> {
    /// One layer that interpolates all axes; a layer an axis where weights have both signs, since a part of a product of
    /// such weights is no product of parts; copies where there is one weight of 1 each.
    pub(super) fn interpolation(
        &mut self,
        context: &NodeContext,
        op: &Interpolation,
    ) -> anyhow::Result<Value> {
        let input = self.signal(context, 0)?;
        let Resampling { axes, input_shape } = op.map.as_ref().clone();
        let copies =
            |taps: &Vec<(usize, f32)>| matches!(taps.as_slice(), [(_, weight)] if *weight == 1.0);
        if axes.iter().all(|axis| axis.taps.iter().all(copies)) {
            let routing = nearest(&context.op_type, &input_shape, &op.output_shape(), &axes);
            return Ok(Value::Layer(self.route(context, input, routing)));
        }
        let mut weights = axes.iter().flat_map(|axis| axis.taps.iter().flatten());
        if weights.all(|tap| tap.1 >= 0.0) {
            let op = NetworkOp::Resampling(Resampling { axes, input_shape });
            return Ok(self.layer(context, op.into(), vec![input]));
        }
        let (mut layer, mut shape) = (input, input_shape);
        for axis in axes {
            let input_shape = shape.clone();
            shape[axis.axis] = axis.taps.len();
            let op = NetworkOp::Resampling(Resampling { axes: vec![axis], input_shape }).into();
            layer = self.push(&context.name, &context.op_type, op, vec![layer], shape.clone());
        }
        Ok(Value::Layer(layer))
    }
}
