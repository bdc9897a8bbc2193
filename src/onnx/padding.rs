//! ONNX `Pad` of any mode and sign: what is padded by less than nothing is cut off first, which tract does not do, and
//! what is padded with the signal itself is gathered.

use tract_core::ops::array::{Gather, Pad, PadMode, Slice};
use tract_hir::internal::*;
use tract_onnx::model::{ParsingContext, optional_inputs};
use tract_onnx::pb::NodeProto;

use super::wires::whole_numbers;
use crate::tensor::scalar;

/// What the ONNX reader calls for a `Pad` node.
pub(super) fn build(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let mode = match node.get_attr_opt::<&str>("mode")?.unwrap_or("constant") {
        "constant" => Mode::Constant,
        "reflect" => Mode::Reflect,
        "edge" => Mode::Edge,
        "wrap" => Mode::Wrap,
        other => bail!("padding of the mode {other}"),
    };
    let mut padding = Padding { mode, pads: None, value: 0.0, value_input: None, axes_input: None };
    if context.onnx_operator_set_version < 11 {
        padding.pads = Some(node.get_attr_vec::<i64>("pads")?);
        padding.value = node.get_attr_opt::<f32>("value")?.unwrap_or(0.0);
    } else {
        let mut inputs = optional_inputs(node).skip(2);
        padding.value_input = inputs.next().flatten();
        padding.axes_input = inputs.next().flatten();
    }
    Ok((expand(padding), vec![]))
}

/// What stands in the padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Constant,
    /// The signal as in a mirror at its first and last element.
    Reflect,
    /// The first and last element.
    Edge,
    /// The signal over again.
    Wrap,
}

impl Mode {
    /// The element that stands at a place before, within or behind `length` elements.
    fn source(self, at: i64, length: i64) -> i64 {
        match self {
            Mode::Reflect if length > 1 => {
                let turned = at.rem_euclid(2 * (length - 1));
                turned.min(2 * (length - 1) - turned)
            }
            Mode::Wrap => at.rem_euclid(length),
            _ => at.clamp(0, length - 1),
        }
    }
}

#[derive(Clone, Debug)]
struct Padding {
    mode: Mode,
    /// Where they are an attribute.
    pads: Option<Vec<i64>>,
    value: f32,
    value_input: Option<usize>,
    axes_input: Option<usize>,
}

/// Elements in front of an axis and behind it.
type Ends = Vec<(i64, i64)>;

/// The padding of every axis.
fn ends(pads: &[i64], axes: Option<&[i64]>, rank: usize) -> TractResult<Ends> {
    let count = pads.len() / 2;
    let mut ends = vec![(0, 0); rank];
    for index in 0..count {
        let axis = axes.map_or(index as i64, |axes| axes.get(index).copied().unwrap_or(0));
        let axis = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis })?;
        ensure!(axis < rank, "padding of the axis {axis} of {rank}");
        ends[axis] = (pads[index], pads[index + count]);
    }
    Ok(ends)
}

fn infer(
    solver: &mut Solver,
    output: &TensorProxy,
    shape: &[TDim],
    ends: &[(i64, i64)],
) -> InferenceResult {
    for (axis, (length, (before, behind))) in shape.iter().zip(ends).enumerate() {
        solver.equals(&output.shape[axis], length.clone() + *before + *behind)?;
    }
    Ok(())
}

impl Expansion for Padding {
    fn name(&self) -> StaticName {
        "Pad".into()
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
        if let Some(pads) = &self.pads {
            return solver.given(&inputs[0].shape, move |solver, shape| {
                infer(solver, &outputs[0], &shape, &ends(pads, None, shape.len())?)
            });
        }
        solver.given_2(&inputs[0].shape, &inputs[1].value, move |solver, shape, pads| {
            let pads = whole_numbers(&pads)?;
            let Some(axes) = self.axes_input else {
                return infer(solver, &outputs[0], &shape, &ends(&pads, None, shape.len())?);
            };
            solver.given(&inputs[axes].value, move |solver, axes| {
                let axes = whole_numbers(&axes)?;
                infer(solver, &outputs[0], &shape, &ends(&pads, Some(&axes), shape.len())?)
            })
        })
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let fact = model.outlet_fact(inputs[0])?.clone();
        let known = |index: usize, what: &str| {
            let outlet = inputs.get(index).copied().context("an input is missing")?;
            let value = model.outlet_fact(outlet)?.konst.clone();
            value.with_context(|| format!("its {what} must be known"))
        };
        let pads = match &self.pads {
            Some(pads) => pads.clone(),
            None => whole_numbers(&*known(1, "amounts")?)?,
        };
        let axes = self.axes_input.map(|index| known(index, "axes")).transpose()?;
        let axes = axes.map(|axes| whole_numbers(&axes)).transpose()?;
        let value = self.value_input.map(|index| known(index, "value")).transpose()?;
        let value = value.map_or(Ok(self.value), |value| scalar::<f32>(&value))?;
        let mut ends = ends(&pads, axes.as_deref(), fact.rank())?;
        let mut outlet = inputs[0];
        for (axis, (before, behind)) in ends.iter_mut().enumerate() {
            if *before < 0 || *behind < 0 {
                let length = model.outlet_fact(outlet)?.shape[axis].to_i64()?;
                let slice = Slice::new(axis, -(*before).min(0), length + (*behind).min(0));
                outlet = model.wire_node(format!("{prefix}.cut-{axis}"), slice, &[outlet])?[0];
            }
            (*before, *behind) = ((*before).max(0), (*behind).max(0));
        }
        if self.mode == Mode::Constant {
            let value = tensor0(value).cast_to_dt(fact.datum_type)?.into_owned();
            let pads = ends.iter().map(|&(a, b)| (a as usize, b as usize)).collect();
            let pad = Pad { pads, mode: PadMode::Constant(value.into_arc_tensor()) };
            return model.wire_node(prefix, pad, &[outlet]);
        }
        for (axis, (before, behind)) in ends.into_iter().enumerate() {
            if (before, behind) == (0, 0) {
                continue;
            }
            let length = model.outlet_fact(outlet)?.shape[axis].to_i64()?;
            let sources: Vec<i64> =
                (-before..length + behind).map(|at| self.mode.source(at, length)).collect();
            let sources = model.add_const(format!("{prefix}.sources-{axis}"), tensor1(&sources))?;
            let name = format!("{prefix}.gather-{axis}");
            outlet = model.wire_node(name, Gather::new(axis), &[outlet, sources])?[0];
        }
        Ok(tvec![outlet])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_and_behind_three_elements() {
        let of = |mode: Mode| (-3..6).map(|at| mode.source(at, 3)).collect::<Vec<i64>>();
        assert_eq!(of(Mode::Edge), [0, 0, 0, 0, 1, 2, 2, 2, 2]);
        assert_eq!(of(Mode::Reflect), [1, 2, 1, 0, 1, 2, 1, 0, 1]);
        assert_eq!(of(Mode::Wrap), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
        assert_eq!(Mode::Reflect.source(-1, 1), 0);
    }

    #[test]
    fn amounts_are_those_of_the_axes_that_are_named() {
        let of = |axes: Option<&[i64]>| ends(&[1, -2, 3, 4], axes, 3).unwrap();
        assert_eq!(of(Some(&[-1, 0])), [(-2, 4), (0, 0), (1, 3)]);
        assert_eq!(of(None), [(1, 3), (-2, 4), (0, 0)]);
        assert!(ends(&[1, 1], Some(&[5]), 3).is_err());
    }
}
