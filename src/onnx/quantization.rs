//! Quantised arithmetic as the real-valued arithmetic that it stands for.
//!
//! A quantised value is held as whole numbers in `f32`, a quantised weight is dequantised while the model is loaded.
//! What is lost by rounding is lost here too, so that predictions are those of the file within one step; but the
//! derivative of rounding is taken as 1 (Bengio et al. 2013, the straight-through estimator), that of clipping as it is.
//!
//! [`rewrite::quantized`](super::rewrite) makes these operators of all others that compute with quantised numbers.

use tract_core::ops::cast::cast;
use tract_core::ops::element_wise::{ElementWiseMiniOp, ElementWiseOp};
use tract_hir::internal::*;
use tract_hir::ops::math::{add, div, max, min, mul, sub};
use tract_onnx::model::{Onnx, ParsingContext};
use tract_onnx::pb::NodeProto;

use super::wires::Wires;
use crate::network::ROUND_STRAIGHT_THROUGH;

/// A value quantised and dequantised: `scale · clip(round(x / scale), lowest − zero, highest − zero)`.
pub(super) const FAKE_QUANTIZE: &str = "FakeQuantize";

/// `round(x)` with the derivative 1.
pub(super) const ROUND: &str = "RoundStraightThrough";

/// Tells tract of them.
pub(super) fn register(reader: &mut Onnx) {
    reader.op_register.insert("QuantizeLinear", |_, node| build(node, Step::Quantize));
    reader.op_register.insert("DequantizeLinear", |_, node| build(node, Step::Dequantize));
    reader.op_register.insert(FAKE_QUANTIZE, |_, node| build(node, Step::Both));
    reader.op_register.insert(ROUND, round);
}

fn round(
    _context: &ParsingContext,
    _node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    Ok((ElementWiseOp(Box::new(RoundStraightThrough), None).into_hir(), vec![]))
}

fn build(node: &NodeProto, step: Step) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let block = node.get_attr_opt::<i64>("block_size")?.unwrap_or(0);
    ensure!(block == 0, "a scale for every block of {block} numbers");
    let axis = node.get_attr_opt::<i64>("axis")?.unwrap_or(1);
    let has_zero_point = node.input.get(2).is_some_and(|name| !name.is_empty());
    Ok((expand(Quantization { step, axis, has_zero_point }), vec![]))
}

/// What is done to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Quantize,
    Dequantize,
    Both,
}

#[derive(Clone, Debug)]
struct Quantization {
    step: Step,
    /// The axis along which scale and zero point change, where they hold several numbers.
    axis: i64,
    has_zero_point: bool,
}

/// Rounding to the next whole number, of two the even one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RoundStraightThrough;

impl ElementWiseMiniOp for RoundStraightThrough {
    fn name(&self) -> String {
        ROUND_STRAIGHT_THROUGH.to_string()
    }

    fn eval_in_place(&self, tensor: &mut Tensor, _: Option<DatumType>) -> TractResult<()> {
        let mut numbers = tensor.try_as_plain_ram_mut()?;
        numbers.as_slice_mut::<f32>()?.iter_mut().for_each(|x| *x = x.round_ties_even());
        Ok(())
    }
}

impl Expansion for Quantization {
    fn name(&self) -> StaticName {
        match self.step {
            Step::Quantize => "QuantizeLinear".into(),
            Step::Dequantize => "DequantizeLinear".into(),
            Step::Both => FAKE_QUANTIZE.into(),
        }
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 2 + usize::from(self.has_zero_point))?;
        check_output_arity(outputs, 1)?;
        solver.equals(&outputs[0].datum_type, DatumType::F32)?;
        solver.equals(&inputs[0].shape, &outputs[0].shape)
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let rank = model.outlet_fact(inputs[0])?.rank();
        let (low, high) = match inputs.get(2) {
            Some(&zero) => range_of(model.outlet_fact(zero)?.datum_type)?,
            None => (0.0, 255.0),
        };
        let mut wires = Wires::new(model, prefix);
        let scale = wires.along(inputs[1], self.axis, rank)?;
        let zero = match inputs.get(2) {
            Some(&zero) => Some(wires.along(zero, self.axis, rank)?),
            None => None,
        };
        let mut x = wires.node(cast(DatumType::F32), &[inputs[0]])?;
        if self.step != Step::Dequantize {
            let (mut low, mut high) = (wires.number(low, rank)?, wires.number(high, rank)?);
            x = wires.node(div(), &[x, scale])?;
            x = wires.node(ElementWiseOp(Box::new(RoundStraightThrough), None), &[x])?;
            match zero {
                Some(zero) if self.step == Step::Quantize => x = wires.node(add(), &[x, zero])?,
                Some(zero) => {
                    low = wires.node(sub(), &[low, zero])?;
                    high = wires.node(sub(), &[high, zero])?;
                }
                None => {}
            }
            x = wires.node(max(), &[x, low])?;
            x = wires.node(min(), &[x, high])?;
        }
        if self.step != Step::Quantize {
            if let Some(zero) = zero.filter(|_| self.step == Step::Dequantize) {
                x = wires.node(sub(), &[x, zero])?;
            }
            x = wires.node(mul(), &[x, scale])?;
        }
        Ok(tvec![x])
    }
}

/// The lowest and highest number of a type.
fn range_of(number_type: DatumType) -> TractResult<(f32, f32)> {
    Ok(match number_type {
        DatumType::U8 => (0.0, 255.0),
        DatumType::I8 => (-128.0, 127.0),
        DatumType::U16 => (0.0, 65535.0),
        DatumType::I16 => (-32768.0, 32767.0),
        // Of a bias, which is not clipped.
        DatumType::I32 | DatumType::F32 => (f32::NEG_INFINITY, f32::INFINITY),
        other => bail!("numbers quantised to {other:?}"),
    })
}

impl Wires<'_> {
    /// A parameter that holds one number, or one for each position of an axis, as it broadcasts.
    fn along(&mut self, parameter: OutletId, axis: i64, rank: usize) -> TractResult<OutletId> {
        let fact = self.model.outlet_fact(parameter)?.clone();
        let mut parameter = self.node(cast(DatumType::F32), &[parameter])?;
        let axis = if axis < 0 { axis + rank as i64 } else { axis };
        let behind = match fact.rank() == 1 && !fact.shape[0].is_one() {
            true => rank.saturating_sub(1 + usize::try_from(axis).unwrap_or(0)),
            false => 0,
        };
        for _ in 0..behind {
            let end = self.model.outlet_fact(parameter)?.rank();
            parameter = self.node(AxisOp::Add(end), &[parameter])?;
        }
        while self.model.outlet_fact(parameter)?.rank() < rank {
            parameter = self.node(AxisOp::Add(0), &[parameter])?;
        }
        // A single number may have an axis where the values have none.
        while self.model.outlet_fact(parameter)?.rank() > rank {
            parameter = self.node(AxisOp::Rm(0), &[parameter])?;
        }
        Ok(parameter)
    }
}
