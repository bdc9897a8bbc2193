//! ONNX `Upsample` (deprecated since opset 10), which tract does not register: the `Resize` of opset 10 by its old name.

use tract_core::ops::nn::resize::{CoordTransformer, Interpolator};
use tract_hir::internal::*;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx_opl::resize::{AspectRatio, CoordTransform, Nearest, Resize};

/// What the ONNX reader calls for an `Upsample` node.
pub(super) fn build(
    _context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let mode = node.attribute.iter().find(|attribute| attribute.name == "mode");
    let mode = mode.map_or("nearest", |mode| std::str::from_utf8(&mode.s).unwrap_or("nearest"));
    let resize = Resize {
        axes: None,
        coord_transformer: CoordTransform::Plain(CoordTransformer::Asymmetric),
        interpolator: Interpolator::parse(mode)?,
        nearest: Nearest::parse("floor")?,
        antialias: false,
        cubic_coeff_a_bits: (-0.75f32).to_bits(),
        exclude_outside: false,
        extrapolation_value_bits: 0f32.to_bits(),
        keep_aspect_ratio_policy: AspectRatio::Stretch,
        optional_roi_input: None,
        optional_scales_input: Some(1),
        optional_sizes_input: None,
    };
    Ok((expand(Upsample(resize)), vec![]))
}

#[derive(Clone, Debug)]
struct Upsample(Resize);

impl Expansion for Upsample {
    fn name(&self) -> StaticName {
        "Upsample".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 2)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        solver.equals(&inputs[0].rank, &outputs[0].rank)?;
        solver.given_2(&inputs[0].shape, &inputs[1].value, move |solver, shape, scales| {
            let shape = self.0.compute_output_shape(&shape, Some(scales.as_ref()), None)?;
            for (axis, length) in shape.iter().enumerate() {
                solver.equals(&outputs[0].shape[axis], length.to_dim())?;
            }
            Ok(())
        })
    }

    fn wire(
        &self,
        name: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        model.wire_node(name, self.0.clone(), inputs)
    }
}
