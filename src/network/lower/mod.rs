//! From tract's typed graph to layers.
//!
//! tract has expanded every compound ONNX operator into a few primitive ones. Each primitive operator becomes the draft
//! of a layer here, and constants are folded. [`recognise`](super::recognise) joins the drafts of one activation or one
//! BatchNormalization again. A new primitive operator is one arm in [`Lowering::lower_node`] and one function in the file
//! of its family.

mod constant;
mod convolutions;
mod dense;
mod einsum;
mod elementwise;
mod gated;
mod interpolation;
mod lowered;
mod matrix_product;
mod moves;
mod normalized;
mod origins;
mod pools;
mod scatter;
mod selection;

use anyhow::{Context, Result, bail, ensure};
use tract_core::internal::*;
use tract_core::ops;

use self::constant::Constant;
pub use self::elementwise::ROUND_STRAIGHT_THROUGH;
pub use self::gated::Gated;
pub use self::interpolation::Interpolation;
pub use self::lowered::Lowered;
pub use self::origins::Origins;
use super::recognise::{Draft, DraftOp};
use super::unknown::{UnknownOp, refuse};
use super::{LayerId, Op};
use crate::linear::Weight;
use crate::operator::{Binary, Function, ResponseNormalization, Stair, Unary};
use crate::tensor::{Tensor as Array, scalar};

/// Lowers a typed, not decluttered tract model with concrete shapes.
///
/// The model's first inputs are those of the network. Those behind them, where there are any, are parameters of
/// the network and have the values `parameters`; `earlier` is what the same model has become with
/// other ones.
///
/// # Errors
/// When operators are unknown: the message lists all of them with their nodes.
pub fn lower(
    model: &TypedModel,
    parameters: &[Weight],
    origins: &Origins,
    earlier: Option<&Lowered>,
) -> Result<Lowered> {
    let outlets = model.input_outlets()?;
    ensure!(outlets.len() > parameters.len(), "the model's output does not depend on its input");
    let (inputs, outlets) = outlets.split_at(outlets.len() - parameters.len());
    let constant = |parameter| Constant::of(parameter).map(Value::Constant);
    let constants = parameters.iter().map(constant).collect::<Result<Vec<Value>>>()?;
    let lowered = Lowered::with(outlets.iter().copied().zip(constants));
    let mut lowering = Lowering { model, origins, earlier, lowered, unknown: vec![] };
    lowering.lower_inputs(inputs)?;
    lowering.lower_all()?;
    refuse(&lowering.unknown, "does not know")?;
    let outlet = *model.output_outlets()?.first().context("the model has no output")?;
    let number_type = model.outlet_fact(outlet)?.datum_type;
    ensure!(
        number_type.is_float(),
        "the model's output holds whole numbers or truth values, which jump: there is nothing to explain; choose \
         an output of scores with --output-name, or export the model without what decides"
    );
    lowering.lowered.output = match lowering.lowered.values.get(&outlet) {
        Some(Value::Layer(id)) => *id,
        Some(Value::Constant(_)) => bail!("the model's output does not depend on its input"),
        None => bail!("no operator computes the model's output"),
    };
    Ok(lowering.lowered)
}

/// What an outlet of the typed graph was lowered to.
#[derive(Clone)]
enum Value {
    Constant(Constant),
    Layer(LayerId),
}

struct Lowering<'a> {
    model: &'a TypedModel,
    origins: &'a Origins,
    /// The result for the same model with other parameters.
    earlier: Option<&'a Lowered>,
    lowered: Lowered,
    unknown: Vec<UnknownOp>,
}

/// The typed node that is being lowered, and its lowered inputs.
struct NodeContext<'a> {
    node: &'a TypedNode,
    /// Operator type of the ONNX node.
    op_type: String,
    /// Name of the ONNX node.
    name: String,
    inputs: Vec<Value>,
    output_shape: Vec<usize>,
}

impl Lowering<'_> {
    /// The inputs come before all other layers.
    fn lower_inputs(&mut self, inputs: &[OutletId]) -> Result<()> {
        for input in inputs {
            let node = &self.model.nodes[input.node];
            let shape = concrete_shape(&node.outputs[0].fact)?;
            let name = if inputs.len() == 1 { "input" } else { &node.name };
            let layer = self.push(name, "Input", Op::Input.into(), vec![], shape);
            self.lowered.values.insert(*input, Value::Layer(layer));
        }
        Ok(())
    }

    fn lower_all(&mut self) -> Result<()> {
        let model = self.model;
        for id in model.eval_order()? {
            let node = &model.nodes[id];
            if self.lowered.values.contains_key(&OutletId::new(id, 0)) {
                continue;
            }
            let start = self.lowered.drafts.len();
            if !self.copy(node) && !self.fold_constant(node)? {
                self.lower_or_note(node)?;
            }
            self.lowered.add_place(node, start);
        }
        Ok(())
    }

    /// Evaluates a node whose inputs are all constants.
    fn fold_constant(&mut self, node: &TypedNode) -> Result<bool> {
        if let Some(constant) = &node.outputs[0].fact.konst {
            self.lowered.add_constants(node, tvec![constant.clone().into_tvalue()]);
            return Ok(true);
        }
        let mut inputs = tvec![];
        for input in &node.inputs {
            match self.lowered.values.get(input) {
                Some(Value::Constant(constant)) => inputs.push(constant.tensor()?.into_tvalue()),
                _ => return Ok(false),
            }
        }
        let Some(outputs) = node.op.eval_out_of_plan(inputs)? else {
            return Ok(false);
        };
        self.lowered.add_constants(node, outputs);
        Ok(true)
    }

    fn lower_or_note(&mut self, node: &TypedNode) -> Result<()> {
        let mut inputs = vec![];
        for input in &node.inputs {
            match self.lowered.values.get(input) {
                Some(value) => inputs.push(value.clone()),
                None => {
                    self.note_missing(node, *input);
                    return Ok(());
                }
            }
        }
        let (name, op_type) = self.origins.of_node(&node.name, &node.op.name());
        let lowered = concrete_shape(&node.outputs[0].fact).and_then(|output_shape| {
            let (name, op_type) = (name.clone(), op_type.clone());
            self.lower_node(&NodeContext { node, op_type, name, inputs, output_shape })
        });
        match lowered {
            Ok(value) => {
                self.lowered.values.insert(OutletId::new(node.id, 0), value);
            }
            Err(error) => self.unknown.push(UnknownOp {
                op_type,
                name,
                reason: format!("{error:#}"),
                has_gradient: false,
            }),
        }
        Ok(())
    }

    /// Records a node whose input is unknown, unless the node before it is recorded already.
    fn note_missing(&mut self, node: &TypedNode, input: OutletId) {
        if input.slot == 0 || !self.lowered.values.contains_key(&OutletId::new(input.node, 0)) {
            return;
        }
        let of = |node: &TypedNode| self.origins.of_node(&node.name, &node.op.name());
        let ((name, op_type), before) = (of(node), of(&self.model.nodes[input.node]));
        let reason = format!("it reads output {} of the {}", input.slot + 1, before.1);
        self.unknown.push(UnknownOp { op_type, name, reason, has_gradient: false });
    }

    fn lower_node(&mut self, context: &NodeContext) -> Result<Value> {
        let op = &context.node.op;
        if op.is::<ops::identity::Identity>() {
            return Ok(context.inputs[0].clone());
        }
        if let Some(cast) = op.downcast_ref::<ops::cast::Cast>() {
            return self.cast(context, cast);
        }
        if op.name() == "Dropout" {
            return self.dropout(context);
        }
        if let Some(op) = op.downcast_ref::<ops::cnn::Conv>() {
            return self.convolution(context, op);
        }
        if let Some(op) = op.downcast_ref::<ops::cnn::Deconv>() {
            return self.transposed_convolution(context, op);
        }
        if let Some(op) = op.downcast_ref::<ops::einsum::EinSum>() {
            return self.einsum(context, op);
        }
        if let Some(op) = op.downcast_ref::<ops::cnn::MaxPool>() {
            return self.max_pool(context, op);
        }
        if let Some(op) = op.downcast_ref::<ops::cnn::SumPool>() {
            return self.sum_pool(context, op);
        }
        if let Some(op) = op.downcast_ref::<ops::nn::Reduce>() {
            return self.reduce(context, op);
        }
        if let Some(op) = op.downcast_ref::<ops::binary::TypedBinOp>() {
            return self.binary(context, op);
        }
        if let Some(op) = op.downcast_ref::<ops::element_wise::ElementWiseOp>() {
            return self.unary(context, op);
        }
        if op.is::<ops::logic::Iff>() {
            return self.select(context);
        }
        if let Some(op) = op.downcast_ref::<ops::nn::Softmax>() {
            return self.softmax(context, op);
        }
        if let Some(op) = op.downcast_ref::<ops::nn::RmsNorm>() {
            return self.root_mean_square_norm(context, op);
        }
        if let Some(op) = op.downcast_ref::<tract_transformers::ops::sdpa::Sdpa>() {
            return self.attention(context, op);
        }
        if let Some(op) = op.downcast_ref::<ops::array::TypedConcat>() {
            return self.concat(context, op);
        }
        if let Some(op) = op.downcast_ref::<tract_onnx_opl::lrn::Lrn>() {
            let lrn = ResponseNormalization {
                alpha: op.alpha,
                beta: op.beta,
                bias: op.bias,
                size: op.size,
            };
            return self.operator(context, Op::ResponseNormalization(lrn));
        }
        if let Some(op) = op.downcast_ref::<ops::array::CumSum>() {
            return self.running_sum(context, op);
        }
        if let Some(op) = op.downcast_ref::<Interpolation>() {
            return self.interpolation(context, op);
        }
        if op.is::<Gated>() {
            return self.gated(context);
        }
        if let Some(op) = op.downcast_ref::<ops::array::OneHot>() {
            return self.one_hot(context, op);
        }
        if let Some(op) = op.downcast_ref::<ops::nn::grid_sample::GridSample>() {
            return self.grid_sample(context, op);
        }
        self.routing(context)
    }

    /// A cast: the identity, unless it rounds.
    fn cast(&mut self, context: &NodeContext, op: &ops::cast::Cast) -> Result<Value> {
        let from = self.model.outlet_fact(context.node.inputs[0])?.datum_type;
        if !from.is_float() || op.to.is_float() {
            return Ok(context.inputs[0].clone());
        }
        let input = self.signal(context, 0)?;
        let mut function = Function::unary(Unary::Stair(Stair::Truncate));
        if op.to == DatumType::Bool {
            let zero = Array::new(&[], &[0.0])?;
            function = Function::with_constant(Binary::NotEqual, &zero, false);
        }
        Ok(self.layer(context, DraftOp::Function(function), vec![input]))
    }

    /// Dropout: the identity, unless it is in training mode.
    fn dropout(&self, context: &NodeContext) -> Result<Value> {
        let is_training = match context.inputs.get(2) {
            Some(Value::Constant(flag)) => scalar::<bool>(flag.tensor()?.as_ref())?,
            Some(Value::Layer(_)) => true,
            None => false,
        };
        ensure!(!is_training, "in training mode: call model.eval() before the export");
        Ok(context.inputs[0].clone())
    }

    /// Adds a layer with one input, which must be a signal.
    fn operator(&mut self, context: &NodeContext, op: Op) -> Result<Value> {
        let input = self.signal(context, 0)?;
        Ok(self.layer(context, op.into(), vec![input]))
    }

    /// The layer of an input, which must be a signal.
    fn signal(&self, context: &NodeContext, index: usize) -> Result<LayerId> {
        match context.inputs.get(index) {
            Some(Value::Layer(id)) => Ok(*id),
            _ => bail!("its input {index} must depend on the network's input"),
        }
    }

    /// The layers of all inputs; a constant becomes a layer.
    fn layers_of_inputs(&mut self, context: &NodeContext) -> Result<Vec<LayerId>> {
        let layer = |input: &Value| {
            let value = match input {
                Value::Layer(id) => return Ok(*id),
                Value::Constant(constant) => constant.array()?,
            };
            let shape = value.shape().to_vec();
            Ok(self.push(&context.name, "Constant", Op::Constant(value).into(), vec![], shape))
        };
        context.inputs.iter().map(layer).collect()
    }

    /// An input, which must be a constant.
    fn constant(&self, context: &NodeContext, index: usize, what: &str) -> Result<Array> {
        match context.inputs.get(index) {
            Some(Value::Constant(constant)) => constant.array(),
            Some(Value::Layer(_)) => bail!("its {what} depends on the input"),
            None => bail!("its {what} is missing"),
        }
    }

    /// The weight of a linear layer.
    fn weight(&self, context: &NodeContext, index: usize) -> Result<Weight> {
        match context.inputs.get(index) {
            Some(Value::Constant(constant)) => constant.weight(),
            _ => Ok(self.constant(context, index, "weight")?.into()),
        }
    }

    fn layer(&mut self, context: &NodeContext, op: DraftOp, inputs: Vec<LayerId>) -> Value {
        let shape = context.output_shape.clone();
        Value::Layer(self.push(&context.name, &context.op_type, op, inputs, shape))
    }

    fn push(
        &mut self,
        name: &str,
        op_type: &str,
        op: DraftOp,
        inputs: Vec<LayerId>,
        shape: Vec<usize>,
    ) -> LayerId {
        let (name, op_type) = (name.to_string(), op_type.to_string());
        self.lowered.drafts.push(Draft { name, op_type, op, inputs, shape });
        self.lowered.drafts.len() - 1
    }
}

/// The shape of a value, which must not contain a symbol.
fn concrete_shape(fact: &TypedFact) -> Result<Vec<usize>> {
    match fact.shape.as_concrete() {
        Some(shape) => Ok(shape.to_vec()),
        None => bail!(
            "a value has the shape {:?}, which is not known; give the input size with --size",
            fact.shape
        ),
    }
}
