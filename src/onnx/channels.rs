//! ONNX `BatchNormalization`, whose axis of channels tract reads without looking whether there is one.

use std::sync::LazyLock;

use tract_hir::internal::*;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;

type Builder = fn(&ParsingContext, &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

const NAME: &str = "BatchNormalization";

/// tract's own.
static BUILDER: LazyLock<Option<Builder>> =
    LazyLock::new(|| tract_onnx::onnx().op_register.0.get(NAME).copied());

/// What the ONNX reader calls for a `BatchNormalization` node.
pub(super) fn build(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let builder = BUILDER.context("tract knows no BatchNormalization")?;
    let (op, closures) = builder(context, node)?;
    let tracts = op.as_op().downcast_ref::<Box<dyn Expansion>>().cloned();
    let tracts = tracts.context("tract's BatchNormalization is none of its expansions")?;
    Ok((expand(WithChannels { tracts }), closures))
}

/// tract's operator, once its input is known to have an axis of channels.
#[derive(Clone, Debug)]
struct WithChannels {
    tracts: Box<dyn Expansion>,
}

impl Expansion for WithChannels {
    fn name(&self) -> StaticName {
        self.tracts.name()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 5)?;
        solver.given(&inputs[0].rank, move |solver, rank| {
            ensure!(rank >= 2, "its input has {rank} axes, and so no axis of channels");
            self.tracts.rules(solver, inputs, outputs)
        })
    }

    fn wire(
        &self,
        name: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        self.tracts.wire(name, model, inputs)
    }
}
