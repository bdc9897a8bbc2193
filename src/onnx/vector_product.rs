//! ONNX `MatMul`, whose product of two vectors tract refuses: `a · b = Σ a b`, as spectral normalisation has it.

use tract_core::ops::einsum::EinSum;
use tract_hir::internal::*;
use tract_hir::ops::matmul::MatMulInference;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

/// What the ONNX reader calls for a `MatMul` node.
pub(super) fn build(
    _context: &ParsingContext,
    _node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    Ok((expand(MatMul { matrices: MatMulInference::default() }), vec![]))
}

#[derive(Clone, Debug)]
struct MatMul {
    matrices: MatMulInference,
}

impl Expansion for MatMul {
    fn name(&self) -> StaticName {
        "MatMul".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 2)?;
        check_output_arity(outputs, 1)?;
        solver.given_2(&inputs[0].rank, &inputs[1].rank, move |solver, a, b| {
            if (a, b) != (1, 1) {
                return self.matrices.rules(solver, inputs, outputs);
            }
            solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
            solver.equals(&inputs[0].shape, &inputs[1].shape)?;
            solver.equals(&outputs[0].rank, 0)
        })
    }

    fn wire(
        &self,
        name: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let facts = [model.outlet_fact(inputs[0])?, model.outlet_fact(inputs[1])?];
        if facts.iter().any(|fact| fact.rank() != 1) {
            return self.matrices.wire(name, model, inputs);
        }
        let operating_dt = facts[0].datum_type;
        let axes = "k,k->".parse()?;
        model.wire_node(name, EinSum { axes, operating_dt, q_params: None }, inputs)
    }
}
