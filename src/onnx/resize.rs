//! ONNX `Resize` of every version, and `Upsample`: for each axis, the places that every place of the output reads, and
//! their weights.
//!
//! The weights are worked out from the file, axis by axis. Where versions and readers disagree, onnxruntime decides: the
//! nearest pixel of `Resize` in opset 10 is `⌊x / factor⌋`, as in `Upsample`; corners are aligned of the length that
//! comes out, `⌊length · factor⌋`.

use tract_core::ops::nn::resize::{AxisPlan, Interpolator};
use tract_core::ops::nn::resize::{cubic_weights, linear_weights, plan_axis, window_size};
use tract_hir::internal::*;
use tract_hir::ops::math::add;
use tract_onnx::model::{ParsingContext, optional_inputs};
use tract_onnx::pb::NodeProto;

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
    let resize = Resize {
        mode: Interpolator::parse(word("mode")?.unwrap_or("nearest"))?,
        place: Place::parse(place.unwrap_or(if is_old { "asymmetric" } else { "half_pixel" }))?,
        rounding: Rounding::parse(rounding.unwrap_or(if is_old {
            "floor"
        } else {
            "round_prefer_floor"
        }))?,
        antialias: node.get_attr_opt::<i64>("antialias")?.unwrap_or(0) != 0,
        excludes_outside: node.get_attr_opt::<i64>("exclude_outside")?.unwrap_or(0) != 0,
        cubic_coefficient: node.get_attr_opt("cubic_coeff_a")?.unwrap_or(-0.75),
        outside: node.get_attr_opt("extrapolation_value")?.unwrap_or(0.0),
        ratio: Ratio::parse(word("keep_aspect_ratio_policy")?.unwrap_or("stretch"))?,
        axes: node.get_attr_opt_vec("axes")?,
        scales_attribute: node.get_attr_opt_vec("scales")?,
        roi,
        scales,
        sizes,
    };
    Ok((expand(resize), vec![]))
}

/// Which place of the input a place of the output stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    TensorflowHalfPixel,
    AlignCorners,
    Asymmetric,
    CropAndResize,
}

/// An axis: how long it is and becomes, by which factor, and which part of it is taken.
#[derive(Clone, Copy, Debug)]
struct Axis {
    input: usize,
    output: usize,
    factor: f32,
    /// Begin and end, as shares of the length.
    region: (f32, f32),
}

impl Place {
    fn parse(word: &str) -> TractResult<Place> {
        Ok(match word {
            "half_pixel" => Place::HalfPixel,
            "half_pixel_symmetric" => Place::HalfPixelSymmetric,
            "pytorch_half_pixel" => Place::PytorchHalfPixel,
            "tf_half_pixel_for_nn" => Place::TensorflowHalfPixel,
            "align_corners" => Place::AlignCorners,
            "asymmetric" => Place::Asymmetric,
            "tf_crop_and_resize" => Place::CropAndResize,
            other => bail!("the coordinate_transformation_mode {other} of a Resize"),
        })
    }

    /// The place in the input, in the order of operations of onnxruntime: a rounding decides which pixel is nearest.
    fn of(self, at: usize, axis: Axis) -> f32 {
        let Axis { input, output, factor, region: (begin, end) } = axis;
        let (at, length, resized) = (at as f32, input as f32, output as f32);
        let middle = (at + 0.5) / factor - 0.5;
        match self {
            Place::HalfPixel => middle,
            Place::HalfPixelSymmetric => {
                let adjustment = resized / (factor * length);
                let offset = f64::from(length / 2.0 * (1.0 - adjustment));
                (offset + (f64::from(at) + 0.5) / f64::from(factor) - 0.5) as f32
            }
            Place::PytorchHalfPixel if output > 1 => middle,
            Place::PytorchHalfPixel => 0.0,
            Place::TensorflowHalfPixel => (at + 0.5) / factor,
            Place::AlignCorners if output == 1 => 0.0,
            Place::AlignCorners => at * (length - 1.0) / (resized - 1.0),
            Place::Asymmetric => at / factor,
            Place::CropAndResize if output > 1 => {
                begin * (length - 1.0) + at * (end - begin) * (length - 1.0) / (resized - 1.0)
            }
            Place::CropAndResize => 0.5 * (begin + end) * (length - 1.0),
        }
    }
}

/// Which pixel is nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rounding {
    Floor,
    Ceil,
    PreferFloor,
    PreferCeil,
}

impl Rounding {
    fn parse(word: &str) -> TractResult<Rounding> {
        Ok(match word {
            "floor" => Rounding::Floor,
            "ceil" => Rounding::Ceil,
            "round_prefer_floor" => Rounding::PreferFloor,
            "round_prefer_ceil" => Rounding::PreferCeil,
            other => bail!("the nearest_mode {other} of a Resize"),
        })
    }

    fn of(self, place: f32, length: usize) -> usize {
        let rounded = match self {
            Rounding::Floor => place.floor(),
            Rounding::Ceil => place.ceil(),
            Rounding::PreferFloor => (place - 0.5).ceil(),
            Rounding::PreferCeil => (place + 0.5).floor(),
        };
        rounded.clamp(0.0, length as f32 - 1.0) as usize
    }
}

/// What becomes of two sizes that would change the ratio of the sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ratio {
    Stretch,
    NotLarger,
    NotSmaller,
}

impl Ratio {
    fn parse(word: &str) -> TractResult<Ratio> {
        Ok(match word {
            "stretch" => Ratio::Stretch,
            "not_larger" => Ratio::NotLarger,
            "not_smaller" => Ratio::NotSmaller,
            other => bail!("the keep_aspect_ratio_policy {other} of a Resize"),
        })
    }
}

#[derive(Clone, Debug)]
struct Resize {
    mode: Interpolator,
    place: Place,
    rounding: Rounding,
    antialias: bool,
    excludes_outside: bool,
    cubic_coefficient: f32,
    /// The value where a region reaches beyond the picture.
    outside: f32,
    ratio: Ratio,
    /// The axes that the other inputs are about; all where there are none.
    axes: Option<Vec<i64>>,
    /// Of `Upsample` in opset 7.
    scales_attribute: Option<Vec<f32>>,
    roi: Option<usize>,
    scales: Option<usize>,
    sizes: Option<usize>,
}

impl Resize {
    /// The axes of `length` inputs of a node, of a value of the given rank.
    fn axes(&self, rank: usize) -> TractResult<Vec<usize>> {
        let Some(axes) = &self.axes else { return Ok((0..rank).collect()) };
        let axis = |&axis: &i64| {
            let counted = if axis < 0 { axis + rank as i64 } else { axis };
            let known = usize::try_from(counted).ok().filter(|&axis| axis < rank);
            known.with_context(|| format!("a Resize of the axis {axis} of {rank}"))
        };
        axes.iter().map(axis).collect()
    }

    /// What becomes of every axis, by factors or to sizes.
    fn resized(
        &self,
        shape: &[usize],
        scales: Option<&[f32]>,
        sizes: Option<&[i64]>,
    ) -> TractResult<Vec<Axis>> {
        let whole = |&input: &usize| Axis { input, output: input, factor: 1.0, region: (0.0, 1.0) };
        let mut resized: Vec<Axis> = shape.iter().map(whole).collect();
        let axes = self.axes(shape.len())?;
        let scales = scales.or(self.scales_attribute.as_deref());
        match (scales.filter(|scales| !scales.is_empty()), sizes) {
            (Some(scales), _) => {
                ensure!(
                    scales.len() == axes.len(),
                    "a Resize of {} axes by {scales:?}",
                    axes.len()
                );
                for (&axis, &factor) in axes.iter().zip(scales) {
                    ensure!(factor > 0.0 && factor.is_finite(), "a Resize by the factor {factor}");
                    resized[axis].factor = factor;
                    resized[axis].output = (shape[axis] as f32 * factor).floor() as usize;
                }
            }
            (None, Some(sizes)) => {
                ensure!(sizes.len() == axes.len(), "a Resize of {} axes to {sizes:?}", axes.len());
                let factor = |(&axis, &size): (&usize, &i64)| size as f32 / shape[axis] as f32;
                let factors = axes.iter().zip(sizes).map(factor);
                let common = match self.ratio {
                    Ratio::Stretch => None,
                    Ratio::NotLarger => factors.clone().reduce(f32::min),
                    Ratio::NotSmaller => factors.clone().reduce(f32::max),
                };
                for ((&axis, &size), own) in axes.iter().zip(sizes).zip(factors) {
                    let kept = |factor: f32| (factor * shape[axis] as f32 + 0.5) as usize;
                    let output = common.map_or(usize::try_from(size).ok(), |f| Some(kept(f)));
                    resized[axis].output = output.context("a Resize to a negative size")?;
                    resized[axis].factor = common.unwrap_or(own);
                }
            }
            (None, None) => bail!("a Resize with neither factors nor sizes"),
        }
        Ok(resized)
    }

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
        let (scales, sizes) = (numbers(scales)?, whole_numbers(sizes)?);
        let resized = self.resized(&shape, scales.as_deref(), sizes.as_deref())?;
        for (at, axis) in resized.iter().enumerate() {
            solver.equals(&output.shape[at], axis.output.to_dim())?;
        }
        Ok(())
    }

    /// Whether rounding decides which pixel is nearest. The offset of `half_pixel_symmetric` is the only one that is a
    /// difference of numbers next to each other.
    fn is_undecided(&self, axis: Axis) -> bool {
        let is_offset = axis.output as f32 != axis.factor * axis.input as f32;
        let reads = self.place == Place::HalfPixelSymmetric && self.mode == Interpolator::Nearest;
        let edge = match self.rounding {
            Rounding::Floor | Rounding::Ceil => 0.0,
            Rounding::PreferFloor | Rounding::PreferCeil => 0.5,
        };
        let is_on_edge = |at: usize| {
            let place = self.place.of(at, axis) - edge;
            let inside = (-0.5..axis.input as f32 - 0.5).contains(&place);
            inside && (place - place.round()).abs() < 1e-6 * axis.input as f32
        };
        reads && is_offset && (0..axis.output).any(is_on_edge)
    }

    /// The places that every place of the output reads; `None` for those that lie outside.
    fn plan(&self, axis: Axis) -> AxisPlan {
        let window = window_size(&self.mode, self.antialias, axis.factor);
        let place = |at| {
            let place = self.place.of(at, axis);
            let is_inside = (0.0..=axis.input as f32 - 1.0).contains(&place);
            (self.place != Place::CropAndResize || is_inside).then_some(place)
        };
        let (antialias, a) = (self.antialias, self.cubic_coefficient);
        let plan = |place: &dyn Fn(usize) -> Option<f32>, weights: &dyn Fn(f32, &mut [f32])| {
            plan_axis(axis.input, axis.output, window, self.excludes_outside, place, weights)
        };
        match self.mode {
            Interpolator::Linear => {
                plan(&place, &|r, w| linear_weights(r, axis.factor, antialias, w))
            }
            Interpolator::Cubic => {
                plan(&place, &|r, w| cubic_weights(r, axis.factor, a, antialias, w))
            }
            Interpolator::Nearest => {
                let nearest = |at| Some(self.rounding.of(place(at)?, axis.input) as f32);
                // A place that is a whole number is the right one of two.
                plan(&nearest, &|_, w| w.copy_from_slice(&[0.0, 1.0]))
            }
        }
    }
}

/// The weights of a plan, those of the same place added up.
fn taps(plan: &AxisPlan) -> Vec<Vec<(usize, f32)>> {
    let of_output = |(indices, weights): (&[usize], &[f32])| {
        let mut taps: Vec<(usize, f32)> = vec![];
        for (&index, &weight) in indices.iter().zip(weights) {
            match taps.iter_mut().find(|tap| tap.0 == index) {
                Some(tap) => tap.1 += weight,
                None => taps.push((index, weight)),
            }
        }
        taps.retain(|tap| tap.1.abs() > 1e-7);
        taps
    };
    let windows = plan.indices.chunks(plan.window).zip(plan.weights.chunks(plan.window));
    let taps = windows.map(of_output).zip(&plan.extrapolated);
    taps.map(|(taps, &is_outside)| if is_outside { vec![] } else { taps }).collect()
}

fn numbers(tensor: Option<&Tensor>) -> TractResult<Option<Vec<f32>>> {
    let Some(tensor) = tensor else { return Ok(None) };
    Ok(Some(tensor.cast_to::<f32>()?.try_as_plain_ram()?.as_slice::<f32>()?.to_vec()))
}

fn whole_numbers(tensor: Option<&Tensor>) -> TractResult<Option<Vec<i64>>> {
    let Some(tensor) = tensor else { return Ok(None) };
    Ok(Some(tensor.cast_to::<i64>()?.try_as_plain_ram()?.as_slice::<i64>()?.to_vec()))
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
        let region = match self.place {
            Place::CropAndResize => known(self.roi, "regions")?,
            _ => None,
        };
        let (scales, sizes) = (numbers(scales.as_deref())?, whole_numbers(sizes.as_deref())?);
        let shape = model.outlet_fact(inputs[0])?.shape.clone();
        let shape = shape.as_concrete().context("a Resize of something of unknown size")?;
        let mut resized = self.resized(shape, scales.as_deref(), sizes.as_deref())?;
        if let Some(region) = numbers(region.as_deref())? {
            let axes = self.axes(shape.len())?;
            ensure!(
                region.len() == 2 * axes.len(),
                "a region of {} axes as {region:?}",
                axes.len()
            );
            for (at, &axis) in axes.iter().enumerate() {
                resized[axis].region = (region[at], region[at + axes.len()]);
            }
        }
        if let Some(axis) = resized.iter().find(|axis| self.is_undecided(**axis)) {
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
            let plan = self.plan(resized);
            let taps = taps(&plan);
            if !taps.iter().enumerate().all(|(at, taps)| taps.as_slice() == [(at, 1.0)])
                || resized.input != resized.output
            {
                axes.push(ResampledAxis { axis, input: resized.input, taps });
            }
            for (at, _) in plan.extrapolated.iter().enumerate().filter(|outside| *outside.1) {
                reaches_beyond |= self.outside != 0.0;
                let mut view = outside.to_plain_array_view_mut::<f32>()?;
                view.index_axis_mut(tract_ndarray::Axis(axis), at).fill(self.outside);
            }
        }
        // As onnxruntime: where no length changes, nothing does, whatever the factors.
        let is_copy = output == shape && self.place != Place::CropAndResize;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(input: usize, output: usize) -> Axis {
        Axis { input, output, factor: output as f32 / input as f32, region: (0.0, 1.0) }
    }

    #[test]
    fn a_place_in_the_middle_of_two_pixels_is_rounded_as_the_file_says() {
        let of = |rounding: Rounding| [0.5, 1.5, -0.5, 9.0].map(|place| rounding.of(place, 3));
        assert_eq!(of(Rounding::Floor), [0, 1, 0, 2]);
        assert_eq!(of(Rounding::Ceil), [1, 2, 0, 2]);
        assert_eq!(of(Rounding::PreferFloor), [0, 1, 0, 2]);
        assert_eq!(of(Rounding::PreferCeil), [1, 2, 0, 2]);
    }

    #[test]
    fn places_follow_their_formulas() {
        let of = |place: Place| (0..4).map(|at| place.of(at, axis(2, 4))).collect::<Vec<f32>>();
        assert_eq!(of(Place::HalfPixel), [-0.25, 0.25, 0.75, 1.25]);
        assert_eq!(of(Place::HalfPixelSymmetric), [-0.25, 0.25, 0.75, 1.25]);
        assert_eq!(of(Place::AlignCorners), [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]);
        assert_eq!(of(Place::Asymmetric), [0.0, 0.5, 1.0, 1.5]);
        assert_eq!(Place::PytorchHalfPixel.of(0, axis(5, 1)), 0.0);
        let part = Axis { region: (0.5, 1.0), ..axis(5, 3) };
        assert_eq!([0, 1, 2].map(|at| Place::CropAndResize.of(at, part)), [2.0, 3.0, 4.0]);
    }
}
