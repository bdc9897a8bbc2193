//! The first axis behind the others but the last: `[a, b, c, d]` to `[b, c, a, d]`, which onnxruntime fuses to products of
//! matrices (`transBatchA`, `transBatchB`).

use tract_hir::internal::*;
use tract_onnx::model::{Onnx, ParsingContext};
use tract_onnx::pb::NodeProto;

/// What such a move is called in the messages.
pub(super) const BATCH_BEHIND: &str = "BatchBehind";

/// Tells tract of it.
pub(super) fn register(reader: &mut Onnx) {
    reader.op_register.insert(BATCH_BEHIND, build);
}

fn build(
    _context: &ParsingContext,
    _node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    Ok((expand(BatchBehind), vec![]))
}

#[derive(Clone, Debug)]
struct BatchBehind;

impl Expansion for BatchBehind {
    fn name(&self) -> StaticName {
        BATCH_BEHIND.into()
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
            let mut moved = shape.to_vec();
            ensure!(moved.len() > 1, "a batch of {shape:?}");
            let first = moved.remove(0);
            moved.insert(moved.len() - 1, first);
            solver.equals(&outputs[0].shape, ShapeFactoid::from(moved))
        })
    }

    fn wire(
        &self,
        name: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let rank = model.outlet_fact(inputs[0])?.rank();
        model.wire_node(name, AxisOp::Move(0, rank.saturating_sub(2)), inputs)
    }
}
