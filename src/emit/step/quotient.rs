//! Relevance over denominators that a stabilizer keeps from zero.

use crate::emit::graph::Graph;
use crate::emit::value::Value;
use crate::rule::{Stabilizer, StabilizerKind};

/// The sign that a denominator has wherever relevance arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Not below 0.
    Positive,
    /// Not above 0.
    Negative,
    /// Either.
    Any,
}

/// The number that an additive stabilizer adds to denominators of one sign: it can be part of the bias of the map that
/// computes them. `None` for other stabilizers and signs.
pub(super) fn shift_of(stabilizer: Stabilizer, sign: Sign) -> Option<f32> {
    let epsilon = stabilizer.epsilon.abs();
    match (stabilizer.kind, sign) {
        (StabilizerKind::Additive, Sign::Positive) if epsilon > 0.0 => Some(epsilon),
        (StabilizerKind::Additive, Sign::Negative) if epsilon > 0.0 => Some(-epsilon),
        _ => None,
    }
}

/// `R / z` for denominators to which the shift of [`shift_of`] was added. Where no relevance arrives they may have
/// another sign, or round to it: they are kept at the shift.
pub(super) fn shifted_quotient(
    graph: &mut Graph,
    relevance: &Value,
    z: &Value,
    shift: f32,
) -> Value {
    let bound = graph.number(shift);
    let operands: [&str; 3] = match shift > 0.0 {
        true => [&z.name, &bound, ""],
        false => [&z.name, "", &bound],
    };
    let operands = if shift > 0.0 { &operands[..2] } else { &operands[..] };
    let name = graph.node("Clip", operands, &[]);
    graph.divide(relevance, &z.named(name))
}

/// `R / stabilized(z)`, 0 where the relevance is 0.
pub(super) fn quotient(
    graph: &mut Graph,
    relevance: &Value,
    z: &Value,
    (stabilizer, sign): (Stabilizer, Sign),
) -> Value {
    let epsilon = stabilizer.epsilon.abs();
    if let Some(shift) = shift_of(stabilizer, sign) {
        let z = graph.shifted(z, shift);
        return shifted_quotient(graph, relevance, &z, shift);
    }
    match stabilizer.kind {
        StabilizerKind::Additive if epsilon > 0.0 => {
            let epsilons = [graph.number(epsilon), graph.number(-epsilon)];
            let shift = by_sign(graph, z, &epsilons);
            let stable = graph.add(z, &shift);
            graph.divide(relevance, &stable)
        }
        StabilizerKind::Clip if epsilon > 0.0 => {
            let above = graph.with_number("Max", z, epsilon);
            let below = graph.with_number("Min", z, -epsilon);
            let stable = by_sign(graph, z, &[above.name, below.name]);
            graph.divide(relevance, &stable)
        }
        StabilizerKind::Additive | StabilizerKind::Clip => guarded(graph, relevance, z),
        StabilizerKind::Relative => {
            let squares = graph.multiply(z, z);
            let all: Vec<usize> = (0..z.axes.len()).collect();
            let mean = graph.mean(&squares, &all);
            let root = graph.unary("Sqrt", &mean);
            let above = graph.scaled(&root, epsilon);
            let below = graph.unary("Neg", &above);
            let shift = by_sign(graph, z, &[above.name, below.name]);
            let stable = graph.add(z, &shift);
            guarded(graph, relevance, &stable)
        }
    }
}

/// The first where `z` is not below 0, otherwise the second.
fn by_sign(graph: &mut Graph, z: &Value, [above, below]: &[String; 2]) -> Value {
    let is_above = graph.with_number("GreaterOrEqual", z, 0.0);
    let name = graph.node("Where", &[&is_above.name, above, below], &[]);
    z.named(name)
}

/// The quotient, 0 where the denominator is 0: nothing keeps it from that.
pub(super) fn guarded(graph: &mut Graph, relevance: &Value, z: &Value) -> Value {
    let quotient = graph.divide(relevance, z);
    let is_zero = graph.with_number("Equal", z, 0.0);
    let zero = graph.number(0.0);
    let name = graph.node("Where", &[&is_zero.name, &zero, &quotient.name], &[]);
    quotient.named(name)
}
