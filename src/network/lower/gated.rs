//! A product of a signal and a gate as a node of tract's graph: what the cells of recurrent layers are made of.
//!
//! Which factor is the signal is known there, whatever the gate's activation, and where the signal is a stored number (the
//! state before the first step): then the product is no scaled gate, and what arrives is lost as what a bias absorbs.

use tract_core::internal::*;

use super::{Lowering, NodeContext, Value};
use crate::network::Op as NetworkOp;
use crate::operator::Product;

/// `signal · gate`, of the same shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gated;

impl Op for Gated {
    fn name(&self) -> StaticName {
        "Gated".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Gated {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (signal, gate) = args_2!(inputs);
        let mut product = signal.cast_to::<f32>()?.into_owned();
        let gate = gate.cast_to::<f32>()?;
        let factors = gate.to_plain_array_view::<f32>()?;
        let mut values = product.to_plain_array_view_mut::<f32>()?;
        values.zip_mut_with(&factors, |value, factor| *value *= factor);
        Ok(tvec![product.into_tvalue()])
    }
}

impl TypedOp for Gated {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs[0].shape == inputs[1].shape, "a gate has the shape of its signal");
        Ok(tvec![inputs[0].without_value()])
    }
}

impl Lowering<'_> {
    pub(super) fn gated(&mut self, context: &NodeContext) -> anyhow::Result<Value> {
        let inputs = self.layers_of_inputs(context)?;
        let shape = context.output_shape.clone();
        let product = Product { signal: Some(0), input_shapes: [shape.clone(), shape] };
        Ok(self.layer(context, NetworkOp::Product(product).into(), inputs))
    }
}
