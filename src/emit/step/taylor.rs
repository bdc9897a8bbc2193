//! Rules of the first derivative: `R_in = x ⊙ Jᵀ (R / stab(signals · z))`.

use anyhow::{Context, Result};

use super::StepLayer;
use super::quotient::{Sign, quotient};
use crate::emit::graph::Graph;
use crate::emit::operator::{gradient, gradient_of_signal, relative_gradient};
use crate::emit::value::Value;
use crate::explain::TaylorStep;

pub(super) fn propagated(
    graph: &mut Graph,
    step: &TaylorStep,
    layer: StepLayer,
    relevance: &Value,
) -> Result<Vec<Option<Value>>> {
    let slopes = slopes(graph, step, layer, relevance)?;
    let times_input = |(slope, input): (Option<Value>, &Value)| {
        let slope = slope?;
        let share = graph.multiply(&slope, input);
        if !layer.has_infinities {
            return Some(share);
        }
        // What a mask of −∞ hides has no slope, and gets nothing.
        let is_hidden = graph.with_number("Equal", &slope, 0.0);
        let zero = graph.number(0.0);
        let name = graph.node("Where", &[&is_hidden.name, &zero, &share.name], &[]);
        Some(share.named(name))
    };
    Ok(slopes.into_iter().zip(layer.inputs).map(times_input).collect())
}

/// `Jᵀ (R / stab(signals · z))`.
fn slopes(
    graph: &mut Graph,
    step: &TaylorStep,
    layer: StepLayer,
    relevance: &Value,
) -> Result<Vec<Option<Value>>> {
    let operator = layer.operator();
    if !step.of_signal
        && let Some(slopes) = relative_gradient(graph, operator, relevance)
    {
        return Ok(slopes);
    }
    let bias = layer.layer.op.as_operator().context("it is no operator")?.bias();
    let mut z = layer.output.clone();
    if let Some(bias) = bias.filter(|_| !step.bias) {
        z = graph.with_constant("Sub", &z, bias);
    }
    if layer.has_infinities {
        // What a mask of −∞ hides gets no relevance, whatever that is divided by.
        let is_infinite = graph.unary("IsInf", &z);
        let one = graph.number(1.0);
        let name = graph.node("Where", &[&is_infinite.name, &one, &z.name], &[]);
        z = z.named(name);
    }
    let z = graph.scaled(&z, step.signals as f32);
    let quotients = quotient(graph, relevance, &z, (step.stabilizer, Sign::Any));
    match step.of_signal {
        true => gradient_of_signal(graph, operator, &quotients),
        false => gradient(graph, operator, &quotients),
    }
}
