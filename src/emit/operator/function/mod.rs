//! Elementwise functions step by step, and their derivatives by the chain rule.

mod binary;
mod unary;

use self::binary::binary_slopes;
pub(super) use self::binary::{binary, slope_values};
use self::unary::{unary, unary_slope};
use crate::emit::graph::{Attribute, Graph};
use crate::emit::value::{INT64, Value};
use crate::operator::{Function, Step};

/// An operand of a step: a value, or a constant that broadcasts to the input.
type Operand = Value;

/// The value of every step.
fn steps(graph: &mut Graph, function: &Function, input: &Value) -> Vec<Operand> {
    let mut values: Vec<Operand> = vec![];
    for step in function.steps() {
        let value = match step {
            Step::Input => input.clone(),
            Step::Constant(number) => constant(graph.number(*number)),
            Step::Parameter(tensor) => constant(graph.broadcast(tensor)),
            Step::Unary(operation, of) => unary(graph, *operation, &values[*of]),
            Step::Binary(operation, a, b) => binary(graph, *operation, &values[*a], &values[*b]),
            Step::Select(condition, a, b) => {
                let zero = graph.number(0.0);
                let is_zero = graph.node("Equal", &[&values[*condition].name, &zero], &[]);
                let name =
                    graph.node("Where", &[&is_zero, &values[*b].name, &values[*a].name], &[]);
                joined(name, &[&values[*condition], &values[*a], &values[*b]])
            }
        };
        values.push(value);
    }
    values
}

/// A stored number or parameter; where it meets the input, the result has the input's shape.
fn constant(name: String) -> Operand {
    Value { name, axes: vec![], is_constant: true }
}

/// The result of a node: it has the shape of that operand that is no constant.
fn joined(name: String, operands: &[&Operand]) -> Operand {
    let like = operands.iter().find(|operand| !operand.is_constant).unwrap_or(&operands[0]);
    like.named(name)
}

/// `φ` of every element.
pub(super) fn evaluated(graph: &mut Graph, function: &Function, input: &Value) -> Value {
    let signal = Value { is_constant: false, ..input.clone() };
    let last = steps(graph, function, &signal).pop();
    match last {
        Some(last) if !last.is_constant => Value { is_constant: input.is_constant, ..last },
        // A function that ignores its input.
        Some(number) => {
            let zeros = graph.zeros_like(input);
            let name = graph.node("Add", &[&zeros.name, &number.name], &[]);
            input.named(name)
        }
        None => input.clone(),
    }
}

/// The slope of a step: a value, or a number that is known.
#[derive(Clone)]
enum Slope {
    Zero,
    One,
    Of(Value),
}

/// `φ'` of every element; `None` where it is 0 everywhere.
pub(super) fn derivative(graph: &mut Graph, function: &Function, input: &Value) -> Option<Value> {
    let signal = Value { is_constant: false, ..input.clone() };
    let values = steps(graph, function, &signal);
    let mut slopes: Vec<Slope> = vec![];
    for (place, step) in function.steps().iter().enumerate() {
        let slope = match step {
            Step::Input => Slope::One,
            Step::Constant(_) | Step::Parameter(_) => Slope::Zero,
            Step::Unary(operation, of) => match &slopes[*of] {
                Slope::Zero => Slope::Zero,
                inner => {
                    let outer = unary_slope(graph, *operation, &values[*of], &values[place]);
                    times(graph, outer, &inner.clone())
                }
            },
            Step::Binary(operation, a, b) => {
                let (by_a, by_b) = (slopes[*a].clone(), slopes[*b].clone());
                let needed = [&by_a, &by_b].map(|slope| !matches!(slope, Slope::Zero));
                let outer = binary_slopes(
                    graph,
                    *operation,
                    (&values[*a], &values[*b]),
                    &values[place],
                    (needed, needed == [true; 2]),
                );
                let [outer_a, outer_b] = outer;
                let (a, b) = (times(graph, outer_a, &by_a), times(graph, outer_b, &by_b));
                plus(graph, a, b)
            }
            Step::Select(condition, a, b) => {
                let (a, b) = (slopes[*a].clone(), slopes[*b].clone());
                chosen(graph, &values[*condition], a, b)
            }
        };
        slopes.push(slope);
    }
    match slopes.pop() {
        Some(Slope::Of(slope)) => Some(Value { is_constant: input.is_constant, ..slope }),
        Some(Slope::One) => {
            let zeros = graph.zeros_like(input);
            Some(graph.shifted(&zeros, 1.0))
        }
        Some(Slope::Zero) | None => None,
    }
}

fn chosen(graph: &mut Graph, condition: &Value, a: Slope, b: Slope) -> Slope {
    if let (Slope::Zero, Slope::Zero) | (Slope::One, Slope::One) = (&a, &b) {
        return a;
    }
    let named = |graph: &mut Graph, slope: Slope| match slope {
        Slope::Zero => constant(graph.number(0.0)),
        Slope::One => constant(graph.number(1.0)),
        Slope::Of(value) => value,
    };
    let (a, b) = (named(graph, a), named(graph, b));
    let zero = graph.number(0.0);
    let is_zero = graph.node("Equal", &[&condition.name, &zero], &[]);
    let name = graph.node("Where", &[&is_zero, &b.name, &a.name], &[]);
    Slope::Of(joined(name, &[condition, &a, &b]))
}

fn times(graph: &mut Graph, outer: Slope, inner: &Slope) -> Slope {
    match (outer, inner) {
        (Slope::Zero, _) | (_, Slope::Zero) => Slope::Zero,
        (outer, Slope::One) => outer,
        (Slope::One, inner) => inner.clone(),
        (Slope::Of(outer), Slope::Of(inner)) => Slope::Of(two(graph, "Mul", &outer, inner)),
    }
}

fn plus(graph: &mut Graph, a: Slope, b: Slope) -> Slope {
    match (a, b) {
        (Slope::Zero, other) | (other, Slope::Zero) => other,
        (Slope::One, Slope::One) => Slope::Of(constant(graph.number(2.0))),
        (Slope::One, Slope::Of(value)) | (Slope::Of(value), Slope::One) => {
            Slope::Of(graph.shifted(&value, 1.0))
        }
        (Slope::Of(a), Slope::Of(b)) => Slope::Of(two(graph, "Add", &a, &b)),
    }
}

fn one(graph: &mut Graph, operator: &str, value: &Value) -> Value {
    let name = graph.node(operator, &[&value.name], &[]);
    value.named(name)
}

fn two(graph: &mut Graph, operator: &str, a: &Value, b: &Value) -> Value {
    let name = graph.node(operator, &[&a.name, &b.name], &[]);
    joined(name, &[a, b])
}

fn number(graph: &mut Graph, operator: &str, value: &Value, number: f32) -> Value {
    graph.with_number(operator, value, number)
}

fn one_less(graph: &mut Graph, value: &Value) -> Value {
    let one = graph.number(1.0);
    let name = graph.node("Sub", &[&one, &value.name], &[]);
    value.named(name)
}

/// `1 − y²`
fn one_less_square(graph: &mut Graph, y: &Value) -> Value {
    let square = two(graph, "Mul", y, y);
    one_less(graph, &square)
}

/// Numbers as whole numbers: positions.
pub(super) fn as_whole_numbers(graph: &mut Graph, value: &Value) -> Value {
    let name = graph.node("Cast", &[&value.name], &[("to", Attribute::Int(INT64))]);
    value.named(name)
}
