//! The steps of a program as nodes: what each hands to the inputs of its layer.

mod linear;
mod quotient;
mod split;
mod spread;
mod taylor;

pub(super) use spread::over_cells;

use anyhow::{Context, Result, bail};

use super::graph::Graph;
use super::linear::{LinearMap, Part};
use super::operator::{Operator, gradient};
use super::value::Value;
use crate::explain::{RelevanceSupport, Step};
use crate::linear::Signs;
use crate::network::{Layer, Op};

/// A layer with the values around it, as its step reads them.
#[derive(Clone, Copy)]
pub(super) struct StepLayer<'a> {
    pub layer: &'a Layer,
    pub inputs: &'a [Value],
    /// The axes of the inputs behind that of the batch.
    pub input_axes: &'a [Vec<usize>],
    /// The value of the layer, or of a ReLU behind it where relevance arrives at positive elements only: there both are
    /// the same, and runtimes join the ReLU with the layer in front of it.
    pub output: &'a Value,
    /// Whether that value is never below 0.
    pub output_is_nonnegative: bool,
    /// The axes of the output.
    pub output_axes: &'a [usize],
    /// Where relevance arrives.
    pub support: RelevanceSupport,
    /// The signs that occur in the inputs.
    pub input_signs: Signs,
    /// Whether values can be infinite: a mask of −∞ in front of a softmax.
    pub has_infinities: bool,
}

impl<'a> StepLayer<'a> {
    pub fn map(self) -> LinearMap<'a> {
        LinearMap { op: &self.layer.op, inputs: self.input_axes, output: self.output_axes }
    }

    fn operator(self) -> Operator<'a> {
        Operator { layer: self.layer, inputs: self.inputs, output: self.output }
    }
}

/// What the step hands to every input, in its shape; `None` where that is nothing.
pub(super) fn propagated(
    graph: &mut Graph,
    step: &Step,
    layer: StepLayer,
    relevance: &Value,
) -> Result<Vec<Option<Value>>> {
    let handed = match step {
        Step::End => vec![],
        Step::Linear(step) => linear::propagated(graph, step, layer, relevance)?,
        Step::Split(step) => split::propagated(graph, step, layer, relevance)?,
        Step::Taylor(step) => taylor::propagated(graph, step, layer, relevance)?,
        Step::Pass => vec![Some(relevance.clone())],
        Step::Share => shared(graph, layer, relevance)?,
        Step::Gradient => chained(graph, layer, relevance)?,
        Step::GuidedBackprop => {
            let positive = graph.positive(relevance);
            chained(graph, layer, &positive)?
        }
        Step::Deconvnet => vec![Some(graph.positive(relevance))],
    };
    let whole = handed.into_iter().zip(layer.input_axes).map(|(part, axes)| {
        let part = part?;
        Some(graph.spread(&part, axes))
    });
    Ok(whole.collect())
}

/// The chain rule.
fn chained(graph: &mut Graph, layer: StepLayer, relevance: &Value) -> Result<Vec<Option<Value>>> {
    match layer.layer.op.as_linear() {
        Some(_) => {
            let parts = layer.map().transposed(graph, relevance, Part::PLAIN)?;
            Ok(parts.into_iter().map(Some).collect())
        }
        None => gradient(graph, layer.operator(), relevance),
    }
}

/// The relevance of a product: all of it for the signal, or half for each factor.
fn shared(graph: &mut Graph, layer: StepLayer, relevance: &Value) -> Result<Vec<Option<Value>>> {
    let operator = layer.layer.op.as_operator().context("only products share relevance")?;
    let signal = match (operator.signal(), &layer.layer.op) {
        (Some(signal), _) => Some(signal),
        (None, Op::Product(_)) => None,
        _ => bail!("only the factors of a product share relevance"),
    };
    let share = |place: usize, axes: &Vec<usize>| match signal {
        Some(signal) if signal != place => None,
        Some(_) => Some(graph.summed_to(relevance, axes)),
        None => {
            let half = graph.scaled(relevance, 0.5);
            Some(graph.summed_to(&half, axes))
        }
    };
    let mut share = share;
    Ok(layer.input_axes.iter().enumerate().map(|(place, axes)| share(place, axes)).collect())
}
