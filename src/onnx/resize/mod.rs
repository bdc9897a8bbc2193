//! ONNX `Resize` of every version, and `Upsample`: for each axis, the places that every place of the output reads, and
//! their weights.
//!
//! The weights are worked out from the file, axis by axis. Where versions and readers disagree, onnxruntime decides: the
//! nearest pixel of `Resize` in opset 10 is `⌊x / factor⌋`, as in `Upsample`; corners are aligned of the length that
//! comes out, `⌊length · factor⌋`.

mod lengths;
mod place;
mod sampling;

use tract_core::ops::nn::resize::Interpolator;
use tract_hir::internal::*;
use tract_hir::ops::math::add;
use tract_onnx::model::{ParsingContext, optional_inputs};
use tract_onnx::pb::NodeProto;

use self::lengths::{Lengths, Ratio};
use self::place::{Place, Rounding};
use self::sampling::{Sampling, Taps};
use super::wires::whole_numbers;
use crate::linear::ResampledAxis;
use crate::network::Interpolation;

/// What the ONNX reader calls for a `Resize` or `Upsample` node.
pub(super) fn build(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let is_old = node.op_type == "Upsample" || context.onnx_operator_set_version <= 10;
    let word = |name: &str| node.get_attr_opt::<&str>(name);
    let place = word("coordinate_transformation_mode")?;
    let rounding = word("nearest_mode")?;
    let mut inputs = optional_inputs(node).skip(1);
    let [roi, scales, sizes] = match is_old {
        true => [None, inputs.next().flatten(), None],
        false => [0, 1, 2].map(|_| inputs.next().flatten()),
    };
    let usual_rounding = if is_old { "floor" } else { "round_prefer_floor" };
    let resize = Resize {
        sampling: Sampling {
            mode: Interpolator::parse(word("mode")?.unwrap_or("nearest"))?,
            place: Place::parse(place.unwrap_or(if is_old { "asymmetric" } else { "half_pixel" }))?,
            rounding: Rounding::parse(rounding.unwrap_or(usual_rounding))?,
            antialias: node.get_attr_opt::<i64>("antialias")?.unwrap_or(0) != 0,
            excludes_outside: node.get_attr_opt::<i64>("exclude_outside")?.unwrap_or(0) != 0,
            cubic_coefficient: node.get_attr_opt("cubic_coeff_a")?.unwrap_or(-0.75),
        },
        lengths: Lengths {
            ratio: Ratio::parse(word("keep_aspect_ratio_policy")?.unwrap_or("stretch"))?,
            axes: node.get_attr_opt_vec("axes")?,
            factors: node.get_attr_opt_vec("scales")?,
        },
        outside: node.get_attr_opt("extrapolation_value")?.unwrap_or(0.0),
        roi,
        scales,
        sizes,
    };
    Ok((expand(resize), vec![]))
}

#[derive(Clone, Debug)]
struct Resize {
    sampling: Sampling,
    lengths: Lengths,
    /// The value where a region reaches beyond the picture.
    outside: f32,
    /// Which inputs hold the regions, the factors and the sizes, if they are there.
    roi: Option<usize>,
    scales: Option<usize>,
    sizes: Option<usize>,
}

impl Resize {
    fn infer(
        &self,
        solver: &mut Solver,
        output: &TensorProxy,
        shape: &[TDim],
        scales: Option<&Tensor>,
        sizes: Option<&Tensor>,
    ) -> InferenceResult {
        let known: Option<Vec<usize>> = shape.iter().map(|axis| axis.to_usize().ok()).collect();
        let Some(shape) = known else { return Ok(()) };
        let (scales, sizes) = (numbers(scales)?, sizes.map(whole_numbers).transpose()?);
        let resized = self.lengths.of(&shape, scales.as_deref(), sizes.as_deref())?;
        for (at, axis) in resized.iter().enumerate() {
            solver.equals(&output.shape[at], axis.output.to_dim())?;
        }
        Ok(())
    }
}

fn numbers(tensor: Option<&Tensor>) -> TractResult<Option<Vec<f32>>> {
    let Some(tensor) = tensor else { return Ok(None) };
    Ok(Some(tensor.cast_to::<f32>()?.try_as_plain_ram()?.as_slice::<f32>()?.to_vec()))
}

impl Expansion for Resize {
    fn name(&self) -> StaticName {
        "Resize".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        solver.equals(&inputs[0].rank, &outputs[0].rank)?;
        let (x, output) = (&inputs[0].shape, &outputs[0]);
        match (self.scales.map(|at| &inputs[at]), self.sizes.map(|at| &inputs[at])) {
            (None, None) => solver.given(x, move |s, x| self.infer(s, output, &x, None, None)),
            (Some(scales), None) => solver.given_2(x, &scales.value, move |s, x, scales| {
                self.infer(s, output, &x, Some(&scales), None)
            }),
            (None, Some(sizes)) => solver.given_2(x, &sizes.value, move |s, x, sizes| {
                self.infer(s, output, &x, None, Some(&sizes))
            }),
            (Some(scales), Some(sizes)) => {
                solver.given_3(x, &scales.value, &sizes.value, move |s, x, scales, sizes| {
                    self.infer(s, output, &x, Some(&scales), Some(&sizes))
                })
            }
        }
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let known = |at: Option<usize>, what: &str| {
            let Some(outlet) = at.and_then(|at| inputs.get(at)).copied() else { return Ok(None) };
            let value = model.outlet_fact(outlet)?.konst.clone();
            value.map(Some).with_context(|| format!("its {what} depend on the picture"))
        };
        let (scales, sizes) = (known(self.scales, "factors")?, known(self.sizes, "sizes")?);
        let region = match self.sampling.place {
            Place::CropAndResize => known(self.roi, "regions")?,
            _ => None,
        };
        let (scales, sizes) =
            (numbers(scales.as_deref())?, sizes.as_deref().map(whole_numbers).transpose()?);
        let shape = model.outlet_fact(inputs[0])?.shape.clone();
        let shape = shape.as_concrete().context("a Resize of something of unknown size")?;
        let mut resized = self.lengths.of(shape, scales.as_deref(), sizes.as_deref())?;
        if let Some(region) = numbers(region.as_deref())? {
            let axes = self.lengths.axes(shape.len())?;
            ensure!(
                region.len() == 2 * axes.len(),
                "a region of {} axes as {region:?}",
                axes.len()
            );
            for (at, &axis) in axes.iter().enumerate() {
                resized[axis].region = (region[at], region[at + axes.len()]);
            }
        }
        if let Some(axis) = resized.iter().find(|axis| self.sampling.is_undecided(**axis)) {
            bail!(
                "the nearest pixels of a Resize with half_pixel_symmetric by the factor {} lie in the middle of two but \
                 for rounding, and readers decide differently: export it with sizes in the place of factors",
                axis.factor
            );
        }
        let output: Vec<usize> = resized.iter().map(|axis| axis.output).collect();
        let mut axes = vec![];
        let (mut outside, mut reaches_beyond) = (Tensor::zero::<f32>(&output)?, false);
        for (axis, &resized) in resized.iter().enumerate() {
            let Taps { taps, is_outside } = self.sampling.taps(resized);
            for (at, _) in is_outside.iter().enumerate().filter(|outside| *outside.1) {
                reaches_beyond |= self.outside != 0.0;
                let mut view = outside.to_plain_array_view_mut::<f32>()?;
                view.index_axis_mut(tract_ndarray::Axis(axis), at).fill(self.outside);
            }
            if !taps.iter().enumerate().all(|(at, taps)| taps.as_slice() == [(at, 1.0)])
                || resized.input != resized.output
            {
                axes.push(ResampledAxis { axis, input: resized.input, taps });
            }
        }
        // As onnxruntime: where no length changes, nothing does, whatever the factors.
        let is_copy = output == shape && self.sampling.place != Place::CropAndResize;
        if axes.is_empty() || is_copy {
            return Ok(tvec![inputs[0]]);
        }
        let interpolation = Interpolation::new(axes, shape);
        if !reaches_beyond {
            return model.wire_node(prefix, interpolation, &inputs[..1]);
        }
        let inside = model.wire_node(format!("{prefix}.inside"), interpolation, &inputs[..1])?[0];
        let outside = model.add_const(format!("{prefix}.outside"), outside)?;
        model.wire_node(prefix, add(), &[inside, outside])
    }
}
