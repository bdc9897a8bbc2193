//! Elementwise operators: of one signal, of a signal and a constant, of two signals.

use anyhow::{Result, bail};
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::math::{IsInf, PowConst};
use tract_core::ops::nn::LeakyRelu;

use super::{Lowering, NodeContext, Value};
use crate::linear::Broadcast;
use crate::network::recognise::DraftOp;
use crate::network::{LayerId, Op};
use crate::operator::{Affine, Binary, Elementary, Function, Routing, Stair, Step, Unary};
use crate::tensor::Tensor;

/// The name of the typed operator that rounds, with 1 as its derivative.
pub const ROUND_STRAIGHT_THROUGH: &str = "RoundStraightThrough";

impl Lowering<'_> {
    pub(super) fn unary(&mut self, context: &NodeContext, op: &ElementWiseOp) -> Result<Value> {
        let input = self.signal(context, 0)?;
        let name = op.0.name();
        let operation = if let Some(operation) = unary_named(&name) {
            operation
        } else if let Some(leaky) = op.0.downcast_ref::<LeakyRelu>() {
            Unary::LeakyRelu(leaky.alpha)
        } else if let Some(power) = op.0.downcast_ref::<PowConst>() {
            Unary::Power(power.exponent)
        } else if let Some(test) = op.0.downcast_ref::<IsInf>() {
            Unary::Stair(Stair::IsInfinite(test.detect_positive, test.detect_negative))
        } else {
            bail!("the elementwise function {name}")
        };
        if operation == Unary::Neg {
            let scale = Some(Tensor::new(&[], &[-1.0])?);
            return Ok(self.layer(
                context,
                Op::Affine(Affine { scale, shift: None }).into(),
                vec![input],
            ));
        }
        let function = DraftOp::Function(Function::unary(operation));
        Ok(self.layer(context, function, vec![input]))
    }

    pub(super) fn binary(&mut self, context: &NodeContext, op: &TypedBinOp) -> Result<Value> {
        let operation = match op.0.name() {
            "Add" => Binary::Add,
            "Sub" => Binary::Sub,
            "Mul" => Binary::Mul,
            "Div" => Binary::Div,
            "Max" => Binary::Max,
            "Min" => Binary::Min,
            "Pow" => Binary::Pow,
            "LT" => Binary::Less,
            "LTE" => Binary::LessOrEqual,
            "GT" => Binary::Greater,
            "GTE" => Binary::GreaterOrEqual,
            "Eq" => Binary::Equal,
            "NE" | "Xor" => Binary::NotEqual,
            "And" => Binary::And,
            "Or" => Binary::Or,
            "Rem" => Binary::Remainder,
            name => bail!("the operator {name} of two tensors"),
        };
        match context.inputs.as_slice() {
            [Value::Layer(a), Value::Layer(b)] => {
                let inputs = self.operands(context, operation, *a, *b);
                Ok(self.layer(context, DraftOp::Binary(operation), inputs))
            }
            [Value::Layer(signal), Value::Constant(constant)] => {
                let constant = constant.array()?;
                self.with_constant(context, operation, *signal, constant, false)
            }
            [Value::Constant(constant), Value::Layer(signal)] => {
                let constant = constant.array()?;
                self.with_constant(context, operation, *signal, constant, true)
            }
            _ => bail!("the operator {operation:?} of {} tensors", context.inputs.len()),
        }
    }

    pub(super) fn with_constant(
        &mut self,
        context: &NodeContext,
        operation: Binary,
        signal: LayerId,
        constant: Tensor,
        is_left: bool,
    ) -> Result<Value> {
        let signal = self.spread_over(context, signal, &context.output_shape);
        let constant = fitting(constant, &context.output_shape)?;
        let op = match affine(operation, &constant, is_left)? {
            Some(affine) => Op::Affine(affine).into(),
            None => DraftOp::Function(Function::with_constant(operation, &constant, is_left)),
        };
        Ok(self.layer(context, op, vec![signal]))
    }

    /// The two signals of an operation, broadcast unless the operator does that itself: a sum broadcasts both, a product
    /// one of them, a quotient its divisor.
    fn operands(
        &mut self,
        context: &NodeContext,
        operation: Binary,
        a: LayerId,
        b: LayerId,
    ) -> Vec<LayerId> {
        let is_whole = |id: LayerId| self.lowered.drafts[id].shape == context.output_shape;
        let spreads = match operation {
            Binary::Add | Binary::Sub => [true, true],
            Binary::Mul => [is_whole(b), true],
            Binary::Div => [false, true],
            _ => [false, false],
        };
        let operand = |(id, spreads): (LayerId, bool)| match spreads {
            true => self.spread(context, id),
            false => self.spread_over(context, id, &context.output_shape),
        };
        [a, b].into_iter().zip(spreads).map(operand).collect()
    }

    /// `Where`: chooses between two values, element by element.
    pub(super) fn select(&mut self, context: &NodeContext) -> Result<Value> {
        if let Value::Constant(_) = &context.inputs[0] {
            return self.moved(context, &[1, 2]);
        }
        let inputs = self.layers_of_inputs(context)?;
        if let Some(guarded) = self.guarded_softmax(&inputs) {
            return Ok(Value::Layer(guarded));
        }
        let spread = |id: LayerId| self.spread(context, id);
        let inputs = inputs.into_iter().map(spread).collect();
        Ok(self.layer(context, DraftOp::Select, inputs))
    }

    /// The softmax in a guard `Where(IsNaN(softmax), 0, softmax)`, as attention is exported. Rows in which the mask excludes
    /// every element become 0; our operator does that itself.
    fn guarded_softmax(&mut self, inputs: &[LayerId]) -> Option<LayerId> {
        let &[condition, replacement, guarded] = inputs else {
            return None;
        };
        let drafts = &self.lowered.drafts;
        let is_test = match &drafts[condition].op {
            DraftOp::Function(function) => {
                matches!(function.single_step(), Some(Step::Unary(Unary::Stair(Stair::IsNan), _)))
            }
            _ => false,
        };
        let reads_guarded = drafts[condition].inputs == [guarded];
        let is_zero = match &drafts[replacement].op {
            DraftOp::Op(Op::Constant(value)) => value.max_abs() == 0.0,
            _ => false,
        };
        match &mut self.lowered.drafts[guarded].op {
            DraftOp::Op(Op::Softmax(softmax)) if is_test && reads_guarded && is_zero => {
                softmax.is_guarded = true;
                Some(guarded)
            }
            _ => None,
        }
    }

    /// Inserts an explicit broadcast if the axes of a signal are not neighbours in the output.
    fn spread(&mut self, context: &NodeContext, signal: LayerId) -> LayerId {
        let shape = &self.lowered.drafts[signal].shape;
        if Broadcast::between(shape, &context.output_shape).is_some() {
            return signal;
        }
        self.spread_over(context, signal, &context.output_shape)
    }

    /// Inserts an explicit broadcast if a signal does not have the given shape.
    pub(super) fn spread_over(
        &mut self,
        context: &NodeContext,
        signal: LayerId,
        shape: &[usize],
    ) -> LayerId {
        let from = self.lowered.drafts[signal].shape.clone();
        if from == shape {
            return signal;
        }
        let padding = shape.len() - from.len();
        let sources = shape.iter().enumerate().fold(vec![0u32], |sources, (axis, &length)| {
            let own = if axis < padding { 1 } else { from[axis - padding] };
            let step = |&source: &u32| {
                (0..length)
                    .map(move |at| source * own as u32 + if own == 1 { 0 } else { at as u32 })
            };
            sources.iter().flat_map(step).collect()
        });
        let routing = Routing::from_sources("Expand", &from, shape, sources);
        self.route(context, signal, routing)
    }
}

/// The function of a tract operator without parameters, by the operator's name.
fn unary_named(name: &str) -> Option<Unary> {
    Some(match name {
        "Abs" => Unary::Abs,
        "Neg" => Unary::Neg,
        "Exp" => Unary::Exp,
        "Ln" => Unary::Ln,
        "Sqrt" => Unary::Sqrt,
        "Rsqrt" => Unary::Rsqrt,
        "Recip" => Unary::Reciprocal,
        "Square" => Unary::Square,
        "Tanh" => Unary::Tanh,
        "Erf" => Unary::Erf,
        "Sigmoid" => Unary::Sigmoid,
        "HardSwish" => Unary::HardSwish,
        "Silu" => Unary::Silu,
        "GeluApproximate" => Unary::GeluTanh,
        "GeluExact" => Unary::Gelu,
        "Floor" => Unary::Stair(Stair::Floor),
        "Ceil" => Unary::Stair(Stair::Ceil),
        "RoundHalfToEven" => Unary::Stair(Stair::Round),
        "Sign" => Unary::Stair(Stair::Sign),
        "Not" => Unary::Stair(Stair::Not),
        "IsNan" => Unary::Stair(Stair::IsNan),
        ROUND_STRAIGHT_THROUGH => Unary::Stair(Stair::RoundStraightThrough),
        _ => return Elementary::named(name).map(Unary::Elementary),
    })
}

/// The operator as `scale · x + shift`; `None` if it is another function.
fn affine(operation: Binary, constant: &Tensor, is_left: bool) -> Result<Option<Affine>> {
    let one = |value: f32| Tensor::new(&[], &[value]);
    let (scale, shift) = match (operation, is_left) {
        (Binary::Add, _) => (None, Some(constant.clone())),
        (Binary::Sub, false) => (None, Some(constant.map(|value| -value)?)),
        (Binary::Sub, true) => (Some(one(-1.0)?), Some(constant.clone())),
        (Binary::Mul, _) => (Some(constant.clone()), None),
        (Binary::Div, false) => (Some(constant.map(f32::recip)?), None),
        _ => return Ok(None),
    };
    Ok(Some(Affine { scale, shift }))
}

/// The constant in a shape whose axes are neighbours in the output: unchanged, or broadcast to the whole shape.
fn fitting(constant: Tensor, shape: &[usize]) -> Result<Tensor> {
    if constant.len() == 1 {
        return Tensor::new(&[], constant.data());
    }
    if Broadcast::between(constant.shape(), shape).is_some() {
        return Ok(constant);
    }
    let spread = constant.to_tract()?.broadcast_to_shape(shape)?;
    Tensor::from_tract(spread)
}
