//! Functions of two operands, and their derivatives.

use super::unary::stairs;
use super::{Slope, constant, joined, number, one, one_less, two};
use crate::emit::graph::{Attribute, Graph};
use crate::emit::value::Value;
use crate::operator::{Binary, Stair};

/// The value of a function of two operands.
pub(in crate::emit::operator) fn binary(
    graph: &mut Graph,
    operation: Binary,
    a: &Value,
    b: &Value,
) -> Value {
    match operation {
        Binary::Add => two(graph, "Add", a, b),
        Binary::Sub => two(graph, "Sub", a, b),
        Binary::Mul => two(graph, "Mul", a, b),
        Binary::Div => two(graph, "Div", a, b),
        Binary::Max => two(graph, "Max", a, b),
        Binary::Min => two(graph, "Min", a, b),
        Binary::Pow => two(graph, "Pow", a, b),
        Binary::Less => compared(graph, "Less", a, b),
        Binary::LessOrEqual => compared(graph, "LessOrEqual", a, b),
        Binary::Greater => compared(graph, "Greater", a, b),
        Binary::GreaterOrEqual => compared(graph, "GreaterOrEqual", a, b),
        Binary::Equal => compared(graph, "Equal", a, b),
        Binary::NotEqual => {
            let equal = compared(graph, "Equal", a, b);
            one_less(graph, &equal)
        }
        Binary::And | Binary::Or => {
            let (a, b) = (is_not_zero(graph, a), is_not_zero(graph, b));
            two(graph, if operation == Binary::And { "Min" } else { "Max" }, &a, &b)
        }
        Binary::Remainder => {
            let name = graph.node("Mod", &[&a.name, &b.name], &[("fmod", Attribute::Int(1))]);
            joined(name, &[a, b])
        }
    }
}

/// 1 or 0 for a comparison.
fn compared(graph: &mut Graph, operator: &str, a: &Value, b: &Value) -> Value {
    let truth = two(graph, operator, a, b);
    graph.as_number(&truth)
}

fn is_not_zero(graph: &mut Graph, value: &Value) -> Value {
    let is_zero = graph.mask("Equal", value, 0.0);
    one_less(graph, &is_zero)
}

/// The derivatives by both operands, as far as they are needed, where the value is `y`. At a tie of max or min both are 0, or
/// the first one's is 1 where both are `functions` of one signal.
pub(super) fn binary_slopes(
    graph: &mut Graph,
    operation: Binary,
    (a, b): (&Value, &Value),
    y: &Value,
    (needed, functions): ([bool; 2], bool),
) -> [Slope; 2] {
    let by_a = match (operation, needed[0]) {
        (_, false) => Slope::Zero,
        (Binary::Max, _) if functions => Slope::Of(compared(graph, "GreaterOrEqual", a, b)),
        (Binary::Min, _) if functions => Slope::Of(compared(graph, "LessOrEqual", a, b)),
        _ => slope_by_left(graph, operation, a, b),
    };
    let by_b = if needed[1] { slope_by_right(graph, operation, a, b, y) } else { Slope::Zero };
    [by_a, by_b]
}

/// The derivatives by both operands as values; `None` where one is 0 everywhere.
pub(in crate::emit::operator) fn slope_values(
    graph: &mut Graph,
    operation: Binary,
    (a, b): (&Value, &Value),
    y: &Value,
) -> [Option<Value>; 2] {
    binary_slopes(graph, operation, (a, b), y, ([true; 2], false)).map(|slope| match slope {
        Slope::Zero => None,
        Slope::One => Some(constant(graph.number(1.0))),
        Slope::Of(value) => Some(value),
    })
}

fn slope_by_left(graph: &mut Graph, operation: Binary, a: &Value, b: &Value) -> Slope {
    match operation {
        Binary::Add | Binary::Sub | Binary::Remainder => Slope::One,
        Binary::Mul => Slope::Of(b.clone()),
        Binary::Div => Slope::Of(one(graph, "Reciprocal", b)),
        Binary::Max => Slope::Of(compared(graph, "Greater", a, b)),
        Binary::Min => Slope::Of(compared(graph, "Less", a, b)),
        Binary::Pow => {
            let exponent = number(graph, "Sub", b, 1.0);
            let power = two(graph, "Pow", a, &exponent);
            Slope::Of(two(graph, "Mul", b, &power))
        }
        _ => Slope::Zero,
    }
}

fn slope_by_right(graph: &mut Graph, operation: Binary, a: &Value, b: &Value, y: &Value) -> Slope {
    match operation {
        Binary::Add => Slope::One,
        Binary::Sub => Slope::Of(constant(graph.number(-1.0))),
        Binary::Mul => Slope::Of(a.clone()),
        Binary::Div => {
            let quotient = two(graph, "Div", y, b);
            Slope::Of(one(graph, "Neg", &quotient))
        }
        Binary::Max => Slope::Of(compared(graph, "Greater", b, a)),
        Binary::Min => Slope::Of(compared(graph, "Less", b, a)),
        Binary::Pow => {
            let logarithm = one(graph, "Log", a);
            Slope::Of(two(graph, "Mul", y, &logarithm))
        }
        Binary::Remainder => {
            let quotient = two(graph, "Div", a, b);
            let whole = stairs(graph, Stair::Truncate, &quotient);
            Slope::Of(one(graph, "Neg", &whole))
        }
        _ => Slope::Zero,
    }
}
