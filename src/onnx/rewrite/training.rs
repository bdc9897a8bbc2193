//! `BatchNormalization` in training form: `γ (x − μ) / √(σ² + ε) + β` with the mean and variance of `x` itself, over all
//! axes but the channels'. Weights are standardised with it (NFNet, BiT), and networks are exported in it by mistake.
//!
//! tract reads the other form only, so that such nodes become an operator of their own, which is wired as the steps of
//! the formula: of a constant it is folded, of a signal recognised as a normalisation. So does one whose mean and
//! variance are computed in the graph, as dynamo writes weights that are standardised: tract wants them stored.

use tract_core::ops::nn::{Reduce, Reducer};
use tract_hir::internal::*;
use tract_hir::ops::math::{add, mul, rsqrt, square, sub};
use tract_onnx::model::{Onnx, ParsingContext};
use tract_onnx::pb::{GraphProto, NodeProto};

use super::super::batch_normalization;
use super::super::wires::{per_channel, shaped_like_first};
use super::graph::{attribute, constant};

/// The name that marked nodes get.
const OP_TYPE: &str = "BatchNormalizationInTraining";

/// The name of those whose statistics are computed.
const OF_COMPUTED: &str = "BatchNormalizationOfComputed";

/// Marks the nodes that are in training form, whose running statistics nothing reads, and those whose statistics are
/// not stored.
pub(super) fn mark(graph: &mut GraphProto) {
    let is_computed = |node: &NodeProto| {
        node.op_type == "BatchNormalization"
            && node.input.iter().skip(1).any(|name| constant(graph, name).is_none())
    };
    let computed: Vec<bool> = graph.node.iter().map(is_computed).collect();
    for node in graph.node.iter_mut().filter(|node| node.op_type == "BatchNormalization") {
        let is_in_training = attribute(node, "training_mode").is_some_and(|mode| mode.i != 0);
        if is_in_training && node.output.len() == 1 {
            node.op_type = OP_TYPE.to_string();
        }
    }
    for (node, _) in graph.node.iter_mut().zip(computed).filter(|(_, is_computed)| *is_computed) {
        if node.op_type == "BatchNormalization" && node.output.len() == 1 {
            node.op_type = OF_COMPUTED.to_string();
        }
    }
}

/// Tells tract of it.
pub(super) fn register(reader: &mut Onnx) {
    reader.op_register.insert(OP_TYPE, build);
    reader.op_register.insert(OF_COMPUTED, batch_normalization::build);
}

fn build(
    _context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let epsilon = attribute(node, "epsilon").map_or(1e-5, |epsilon| epsilon.f);
    Ok((expand(InTraining { epsilon }), vec![]))
}

#[derive(Clone, Debug)]
struct InTraining {
    epsilon: f32,
}

impl Expansion for InTraining {
    fn name(&self) -> StaticName {
        OP_TYPE.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        shaped_like_first(solver, inputs, outputs, 5)
    }

    fn wire(
        &self,
        name: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let fact = model.outlet_fact(inputs[0])?.clone();
        let rank = fact.rank();
        // A batch of one picture takes no part, so that the other axes are neighbours.
        let first = if fact.shape[0].is_one() { 2 } else { 0 };
        let axes: TVec<usize> = (first..rank).filter(|&axis| axis != 1).collect();
        let count: TDim = axes.iter().map(|&axis| fact.shape[axis].clone()).product();
        let share = tensor0(1.0 / count.to_i64()? as f32).broadcast_into_rank(rank)?;
        let share = model.add_const(format!("{name}.share"), share)?;
        let epsilon = tensor0(self.epsilon).broadcast_into_rank(rank)?;
        let epsilon = model.add_const(format!("{name}.epsilon"), epsilon)?;
        let mut step = |step: &str, op: Box<dyn TypedOp>, inputs: &[OutletId]| {
            TractResult::Ok(model.wire_node(format!("{name}.{step}"), op, inputs)?[0])
        };
        let sum = || Box::new(Reduce::new(axes.clone(), Reducer::Sum));
        let mean = step("sum", sum(), &[inputs[0]])?;
        let mean = step("mean", Box::new(mul()), &[mean, share])?;
        let centred = step("centred", Box::new(sub()), &[inputs[0], mean])?;
        let squares = step("squares", Box::new(square()), &[centred])?;
        let variance = step("sum_of_squares", sum(), &[squares])?;
        let variance = step("variance", Box::new(mul()), &[variance, share])?;
        let variance = step("above_zero", Box::new(add()), &[variance, epsilon])?;
        let inverse = step("inverse", Box::new(rsqrt()), &[variance])?;
        let normal = step("normal", Box::new(mul()), &[centred, inverse])?;
        let scale = per_channel(model, &format!("{name}.scale"), inputs[1], rank)?;
        let shift = per_channel(model, &format!("{name}.shift"), inputs[2], rank)?;
        let scaled = model.wire_node(format!("{name}.scaled"), mul(), &[normal, scale])?;
        model.wire_node(name, add(), &[scaled[0], shift])
    }
}
