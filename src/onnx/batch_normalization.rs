//! ONNX `BatchNormalization` with parameters that tract does not know: it computes scale and shift
//! while it types the graph, from stored numbers. Here they are nodes of the graph, which
//! [`lower`](fn@crate::network::lower) evaluates when it is given the numbers.

use tract_hir::internal::*;
use tract_hir::ops::math::{add, div, mul, sqrt, sub};
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

use super::wires::{per_channel, shaped_like_first};

/// What the ONNX reader calls for a `BatchNormalization` node.
pub(super) fn build(
    _context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let epsilon = node.attribute.iter().find(|attribute| attribute.name == "epsilon");
    let epsilon = epsilon.map_or(1e-5, |attribute| attribute.f);
    Ok((expand(BatchNormalization { epsilon }), vec![]))
}

#[derive(Clone, Debug)]
struct BatchNormalization {
    epsilon: f32,
}

impl Expansion for BatchNormalization {
    fn name(&self) -> StaticName {
        "BatchNormalization".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        shaped_like_first(solver, inputs, outputs, 5)
    }

    /// `γ / √(σ² + ε) · x + (β − μ γ / √(σ² + ε))`, in the order of tract's own arithmetic, so that
    /// the numbers are the same to the last bit.
    fn wire(
        &self,
        name: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let rank = model.outlet_fact(inputs[0])?.rank();
        let epsilon = model.add_const(format!("{name}.epsilon"), tensor1(&[self.epsilon]))?;
        let mut step = |step: &str, op: Box<dyn TypedOp>, inputs: &[OutletId]| {
            TractResult::Ok(model.wire_node(format!("{name}.{step}"), op, inputs)?[0])
        };
        let [scale, shift, mean, variance] = [inputs[1], inputs[2], inputs[3], inputs[4]];
        let variance = step("variance", Box::new(add()), &[variance, epsilon])?;
        let deviation = step("deviation", Box::new(sqrt()), &[variance])?;
        let slope = step("quotient", Box::new(div()), &[scale, deviation])?;
        let mean = step("mean", Box::new(mul()), &[mean, scale])?;
        let mean = step("mean_quotient", Box::new(div()), &[mean, deviation])?;
        let intercept = step("difference", Box::new(sub()), &[shift, mean])?;
        let slope = per_channel(model, &format!("{name}.slope"), slope, rank)?;
        let intercept = per_channel(model, &format!("{name}.intercept"), intercept, rank)?;
        let scaled = model.wire_node(format!("{name}.mul"), mul(), &[slope, inputs[0]])?;
        model.wire_node(name, add(), &[intercept, scaled[0]])
    }
}
