//! ONNX `GlobalLpPool`: `(Σ |x|ᵖ)^(1/p)` over a plane, which tract reads as something else.

use tract_core::ops::nn::{Reduce, Reducer};
use tract_hir::internal::*;
use tract_hir::ops::math::{abs, pow};
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

/// What the ONNX reader calls for a `GlobalLpPool` node.
pub(super) fn global(
    _context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let power = node.get_attr_opt::<i64>("p")?.unwrap_or(2) as f32;
    Ok((expand(GlobalLpPool { power }), vec![]))
}

#[derive(Clone, Debug)]
struct GlobalLpPool {
    power: f32,
}

impl Expansion for GlobalLpPool {
    fn name(&self) -> StaticName {
        "GlobalLpPool".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        solver.given(&inputs[0].shape, move |solver, shape| {
            let mut pooled = shape.to_vec();
            pooled.iter_mut().skip(2).for_each(|length| *length = 1.to_dim());
            solver.equals(&outputs[0].shape, ShapeFactoid::from(pooled))
        })
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let rank = model.outlet_fact(inputs[0])?.rank();
        let mut number = |name: &str, value: f32| {
            let tensor = tensor0(value).broadcast_into_rank(rank)?;
            model.add_const(format!("{prefix}.{name}"), tensor)
        };
        let (power, root) = (number("p", self.power)?, number("root", self.power.recip())?);
        let size = model.wire_node(format!("{prefix}.abs"), abs(), inputs)?[0];
        let powers = model.wire_node(format!("{prefix}.powers"), pow(), &[size, power])?;
        let sum = Reduce::new((2..rank).collect(), Reducer::Sum);
        let sum = model.wire_node(format!("{prefix}.sum"), sum, &powers)?[0];
        model.wire_node(prefix, pow(), &[sum, root])
    }
}
