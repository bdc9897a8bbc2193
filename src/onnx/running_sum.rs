//! ONNX `CumSum`, which tract refuses of numbers that it counts lengths with: the positions of tokens are a running sum of
//! a mask.

use tract_core::ops::array::CumSum;
use tract_core::ops::cast::cast;
use tract_hir::internal::*;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

use super::wires::shaped_like_first;
use crate::tensor::scalar;

/// What the ONNX reader calls for a `CumSum` node.
pub(super) fn build(
    _context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let flag = |name: &str| Ok::<bool, TractError>(node.get_attr_opt::<i64>(name)? == Some(1));
    let sum = RunningSum { reverse: flag("reverse")?, exclusive: flag("exclusive")? };
    Ok((expand(sum), vec![]))
}

#[derive(Clone, Debug)]
struct RunningSum {
    reverse: bool,
    exclusive: bool,
}

impl Expansion for RunningSum {
    fn name(&self) -> StaticName {
        "CumSum".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        shaped_like_first(solver, inputs, outputs, 2)
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let axis = model.outlet_fact(inputs[1])?.konst.clone();
        let axis = axis.context("its axis is not stored")?;
        let axis = scalar::<i64>(&axis)?;
        let rank = model.outlet_fact(inputs[0])?.rank() as i64;
        let axis = if axis < 0 { axis + rank } else { axis };
        ensure!((0..rank).contains(&axis), "a running sum over the axis {axis} of {rank}");
        let sum = CumSum { axis: axis as usize, exclusive: self.exclusive, reverse: self.reverse };
        if model.outlet_fact(inputs[0])?.datum_type != TDim::datum_type() {
            return model.wire_node(prefix, sum, &inputs[..1]);
        }
        let whole = cast(i64::datum_type());
        let numbers = model.wire_node(format!("{prefix}.numbers"), whole, &inputs[..1])?;
        let sums = model.wire_node(format!("{prefix}.sums"), sum, &numbers)?;
        model.wire_node(prefix, cast(TDim::datum_type()), &sums)
    }
}
