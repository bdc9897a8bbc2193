//! Puts together the layers that tract made of one ONNX operator.
//!
//! tract expands compound operators into elementwise steps. Three identities undo that:
//! 1. *same node*: consecutive elementwise steps of one ONNX node are one step
//!    (BatchNormalization, HardSigmoid, a Gemm and its bias, a mean and its division);
//! 2. *diamond*: an operation on two functions of the same signal is a function of that signal. It is applied here if
//!    all of them come from one node (PRelu, Elu), or if the operation cannot be a layer by itself (the maximum of two
//!    functions, a selection);
//! 3. *normalisation*: steps of one node that normalise a signal by its own statistics are a
//!    LayerNormalization ([`normalization`](super::normalization)).
//!
//! Nodes that the *exporter* wrote stay separate layers here. [`canonize`](crate::canonize) joins them, where that can be
//! switched off.

use anyhow::Result;

use super::normalization::{Scope, join_normalizations};
use super::unknown::{Unknown, UnknownOp, refuse};
use super::{Layer, LayerId, Network, Op, output};
use crate::linear::Sum;
use crate::operator::{
    Activation, Affine, Binary, Choice, Function, Product, Quotient, TwoSignals, Unary,
};

/// The most drafts that become one function of the signal where they meet.
const MOST_MEMBERS: usize = 64;

/// A layer whose operator is not yet decided.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub name: String,
    pub op_type: String,
    pub op: DraftOp,
    pub inputs: Vec<LayerId>,
    pub shape: Vec<usize>,
}

/// What a draft computes.
#[derive(Clone, Debug)]
pub(super) enum DraftOp {
    /// An operator.
    Op(Op),
    /// A nonlinear elementwise function of one signal.
    Function(Function),
    /// An operation on two signals.
    Binary(Binary),
    /// The second signal where the first is not 0, otherwise the third.
    Select,
}

impl From<Op> for DraftOp {
    fn from(op: Op) -> DraftOp {
        DraftOp::Op(op)
    }
}

impl Draft {
    /// The draft as a function of its signal, if it has only one.
    fn function(&self) -> Option<Function> {
        match &self.op {
            DraftOp::Function(function) => Some(function.clone()),
            DraftOp::Op(Op::Affine(affine)) => Some(Function::from(affine)),
            _ => None,
        }
    }
}

/// Decides the operators of the drafts, and makes the network.
///
/// # Errors
/// When a layer can neither be explained nor differentiated.
pub(super) fn assemble(
    drafts: Vec<Draft>,
    output: LayerId,
    allow_gradient: &[String],
) -> Result<Network> {
    let mut assembly = Assembly::new(drafts, output);
    for id in 0..assembly.drafts.len() {
        assembly.merge_into_predecessor(id)?;
        assembly.merge_diamond(id);
        assembly.merge_into_predecessor(id)?;
    }
    assembly.finish(allow_gradient)
}

struct Assembly {
    drafts: Vec<Draft>,
    /// How often each draft is read.
    reads: Vec<usize>,
    output: LayerId,
}

impl Assembly {
    fn new(drafts: Vec<Draft>, output: LayerId) -> Assembly {
        let mut reads = vec![0; drafts.len()];
        drafts.iter().flat_map(|draft| &draft.inputs).for_each(|&input| reads[input] += 1);
        Assembly { drafts, reads, output }
    }

    fn has_only_consumer(&self, id: LayerId) -> bool {
        id != self.output && self.reads[id] == 1
    }

    /// Puts another operator in the place of a draft.
    fn replace(&mut self, id: LayerId, op: DraftOp, inputs: Vec<LayerId>) {
        self.drafts[id].inputs.iter().for_each(|&input| self.reads[input] -= 1);
        inputs.iter().for_each(|&input| self.reads[input] += 1);
        self.drafts[id].op = op;
        self.drafts[id].inputs = inputs;
    }

    /// The draft before this one, if both come from one ONNX node and no other draft reads it.
    fn sibling(&self, id: LayerId) -> Option<LayerId> {
        let [before] = self.drafts[id].inputs.as_slice() else {
            return None;
        };
        let is_same_node = self.drafts[*before].name == self.drafts[id].name;
        (is_same_node && self.has_only_consumer(*before)).then_some(*before)
    }

    /// The *same node* identity.
    fn merge_into_predecessor(&mut self, id: LayerId) -> Result<()> {
        let Some(before) = self.sibling(id) else {
            return Ok(());
        };
        let merged = match (&self.drafts[before].op, &self.drafts[id].op) {
            (DraftOp::Op(Op::Affine(first)), DraftOp::Op(Op::Affine(second))) => {
                Some(Op::Affine(first.then(second, &self.drafts[id].shape)?).into())
            }
            (DraftOp::Op(op), DraftOp::Op(Op::Affine(affine))) => {
                absorb_affine(op, affine, &self.drafts[id].shape).map(DraftOp::Op)
            }
            (DraftOp::Op(Op::Softmax(softmax)), DraftOp::Function(function)) => {
                let is_logarithm = matches!(
                    function.single_step(),
                    Some(crate::operator::Step::Unary(Unary::Ln, _))
                );
                let softmax = crate::operator::Softmax { is_logarithm, ..softmax.clone() };
                is_logarithm.then(|| Op::Softmax(softmax).into())
            }
            _ => match (self.drafts[before].function(), self.drafts[id].function()) {
                (Some(first), Some(second)) if !first.is_long() => {
                    Some(DraftOp::Function(first.then(&second)))
                }
                _ => None,
            },
        };
        if let Some(op) = merged {
            self.replace(id, op, self.drafts[before].inputs.clone());
        }
        Ok(())
    }

    /// The *diamond* identity: walks back from both operands through elementwise steps until they meet.
    fn merge_diamond(&mut self, id: LayerId) {
        if !matches!(self.drafts[id].op, DraftOp::Binary(_) | DraftOp::Select) {
            return;
        }
        let Some((root, members)) = self.diamond(id) else {
            return;
        };
        let fits = self.drafts[root].shape == self.drafts[id].shape;
        if !fits || !(self.is_no_layer(id) || self.are_one_node(&members)) {
            return;
        }
        let mut functions = vec![(root, Function::identity())];
        for member in members {
            let of = |input: &LayerId| {
                functions.iter().find(|(id, _)| id == input).map(|(_, function)| function.clone())
            };
            let draft = &self.drafts[member];
            let inputs: Option<Vec<Function>> = draft.inputs.iter().map(of).collect();
            let function = match (&draft.op, inputs.as_deref()) {
                (DraftOp::Binary(operation), Some([a, b])) => Function::combine(*operation, a, b),
                (DraftOp::Select, Some([c, a, b])) => Function::select(c, a, b),
                (DraftOp::Op(Op::Constant(value)), _) => Function::constant(value),
                (_, Some([input])) => match draft.function() {
                    Some(function) => input.then(&function),
                    None => return,
                },
                _ => return,
            };
            if function.is_long() {
                return;
            }
            functions.push((member, function));
        }
        if let Some((_, function)) = functions.pop() {
            self.replace(id, DraftOp::Function(function), vec![root]);
        }
    }

    /// Whether a draft cannot be a layer by itself.
    fn is_no_layer(&self, id: LayerId) -> bool {
        use Binary::{Add, Div, Mul, Sub};
        !matches!(self.drafts[id].op, DraftOp::Binary(Add | Sub | Mul | Div))
    }

    /// Whether several drafts come from one ONNX node.
    fn are_one_node(&self, members: &[LayerId]) -> bool {
        members.len() > 1
            && members.windows(2).all(|pair| self.drafts[pair[0]].name == self.drafts[pair[1]].name)
    }

    /// The signal of which all inputs of `id` are functions, and the drafts in between, in order.
    fn diamond(&self, id: LayerId) -> Option<(LayerId, Vec<LayerId>)> {
        let mut members = vec![id];
        let mut frontier: Vec<LayerId> = self.drafts[id].inputs.clone();
        loop {
            frontier.sort_unstable();
            frontier.dedup();
            match frontier.as_slice() {
                [] => return None,
                [root] => {
                    members.sort_unstable();
                    return Some((*root, members));
                }
                _ => {}
            }
            if members.len() == MOST_MEMBERS {
                return None;
            }
            let latest = frontier.pop()?;
            let draft = &self.drafts[latest];
            let is_elementwise = draft.function().is_some()
                || matches!(draft.op, DraftOp::Binary(_) | DraftOp::Select)
                || matches!(&draft.op, DraftOp::Op(Op::Constant(_)));
            if !is_elementwise {
                return None;
            }
            members.push(latest);
            frontier.extend(&draft.inputs);
        }
    }

    fn finish(self, allow_gradient: &[String]) -> Result<Network> {
        let mut hopeless = vec![];
        let shapes: Vec<Vec<usize>> = self.drafts.iter().map(|draft| draft.shape.clone()).collect();
        let used = self.used();
        let mut layers = vec![];
        for (id, draft) in self.drafts.into_iter().enumerate() {
            let (op, unknown) = finished_op(&draft, &shapes);
            let Draft { name, op_type, inputs, shape, .. } = draft;
            let is_allowed = allow_gradient.iter().any(|op| op.eq_ignore_ascii_case(&op_type));
            let unknown = unknown.map(|unknown| Unknown { is_allowed, ..unknown });
            let layer = Layer { name, op_type, op, inputs, shape, unknown };
            hopeless.extend(UnknownOp::of(&layer).filter(|op| used[id] && !op.has_gradient));
            layers.push(layer);
        }
        refuse(&hopeless, "does not know")?;
        let mut network = Network { layers, output: self.output, output_function: None };
        join_normalizations(&mut network, Scope::OneNode)?;
        network.prune();
        output::settle(&mut network)?;
        Ok(network)
    }

    /// Which drafts the output depends on.
    fn used(&self) -> Vec<bool> {
        let mut used = vec![false; self.drafts.len()];
        used[self.output] = true;
        for id in (0..self.drafts.len()).rev() {
            if used[id] {
                self.drafts[id].inputs.iter().for_each(|&input| used[input] = true);
            }
        }
        used
    }
}

/// Merges a bias into its Gemm, and a division into a sum over axes, which becomes a mean.
fn absorb_affine(op: &Op, affine: &Affine, shape: &[usize]) -> Option<Op> {
    match (op, &affine.scale, &affine.shift) {
        (Op::Dense(dense), None, Some(shift)) if dense.bias.is_none() => {
            let fits = dense.output_shape == shape;
            // A bias of zeros is dropped: the epsilon rule can divide by the layer's output then.
            let bias =
                Some(shift.clone()).filter(|bias| bias.data().iter().any(|&number| number != 0.0));
            fits.then(|| Op::Dense(crate::linear::Dense { bias, ..dense.clone() }))
        }
        (Op::Dense(dense), Some(scale), None) if dense.bias.is_none() && scale.len() == 1 => {
            let mut weight = dense.weight.clone();
            let scale = scale.data()[0];
            weight.change(|weights| weights.iter_mut().for_each(|weight| *weight *= scale)).ok()?;
            Some(Op::Dense(crate::linear::Dense { weight, ..dense.clone() }))
        }
        (Op::Reduction(reduction), Some(scale), None) if scale.len() == 1 => {
            let weight = reduction.weight * scale.data()[0];
            Some(Op::Reduction(crate::linear::Reduction { weight, ..reduction.clone() }))
        }
        _ => None,
    }
}

/// The operator of a draft with which nothing more can be merged, and why it is unknown, if it is.
fn finished_op(draft: &Draft, shapes: &[Vec<usize>]) -> (Op, Option<Unknown>) {
    let shape_of = |index: usize| shapes[draft.inputs[index]].clone();
    let sum = |coefficients: [f32; 2]| {
        Op::Sum(Sum {
            coefficients: coefficients.to_vec(),
            input_shapes: vec![shape_of(0), shape_of(1)],
            output_shape: draft.shape.clone(),
        })
    };
    match &draft.op {
        DraftOp::Op(op) => (op.clone(), None),
        DraftOp::Function(function) => {
            (Op::Activation(Activation::new(function.clone(), &draft.op_type)), None)
        }
        DraftOp::Binary(Binary::Add) => (sum([1.0, 1.0]), None),
        DraftOp::Binary(Binary::Sub) => (sum([1.0, -1.0]), None),
        DraftOp::Binary(Binary::Mul) => {
            let input_shapes = [shape_of(0), shape_of(1)];
            (Op::Product(Product { signal: None, input_shapes }), None)
        }
        DraftOp::Binary(Binary::Div) if shape_of(0) == draft.shape => {
            let quotient = Quotient { input_shapes: [shape_of(0), shape_of(1)] };
            (Op::Quotient(quotient), None)
        }
        DraftOp::Binary(operation) => {
            let unknown = Unknown::with_gradient("a remainder of two signals");
            let has_rule = *operation != Binary::Remainder;
            let function = TwoSignals { operation: *operation };
            (Op::TwoSignals(function), (!has_rule).then_some(unknown))
        }
        DraftOp::Select => {
            let input_shapes = [shape_of(0), shape_of(1), shape_of(2)];
            (Op::Choice(Choice { input_shapes, output_shape: draft.shape.clone() }), None)
        }
    }
}
