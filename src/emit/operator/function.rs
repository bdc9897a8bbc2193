//! Elementwise functions step by step, and their derivatives by the chain rule.

use crate::emit::graph::{Attribute, Graph};
use crate::emit::value::{INT64, Value};
use crate::operator::{Binary, Elementary, Function, Stair, Step, Unary};

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
                    needed,
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

/// 1 or 0 for a comparison.
fn compared(graph: &mut Graph, operator: &str, a: &Value, b: &Value) -> Value {
    let truth = two(graph, operator, a, b);
    graph.as_number(&truth)
}

fn number(graph: &mut Graph, operator: &str, value: &Value, number: f32) -> Value {
    graph.with_number(operator, value, number)
}

fn unary(graph: &mut Graph, operation: Unary, x: &Value) -> Value {
    match operation {
        Unary::Abs => one(graph, "Abs", x),
        Unary::Neg => one(graph, "Neg", x),
        Unary::Exp => one(graph, "Exp", x),
        Unary::Ln => one(graph, "Log", x),
        Unary::Sqrt => one(graph, "Sqrt", x),
        Unary::Rsqrt => {
            let root = one(graph, "Sqrt", x);
            one(graph, "Reciprocal", &root)
        }
        Unary::Reciprocal => one(graph, "Reciprocal", x),
        Unary::Square => two(graph, "Mul", x, x),
        Unary::Power(exponent) => number(graph, "Pow", x, exponent),
        Unary::Tanh => one(graph, "Tanh", x),
        Unary::Erf => one(graph, "Erf", x),
        Unary::Elementary(function) => one(graph, elementary(function), x),
        Unary::Stair(stair) => stairs(graph, stair, x),
        Unary::Sigmoid => one(graph, "Sigmoid", x),
        Unary::LeakyRelu(alpha) => {
            let name = graph.node("LeakyRelu", &[&x.name], &[("alpha", Attribute::Float(alpha))]);
            x.named(name)
        }
        Unary::HardSwish => {
            let gate = hard_gate(graph, x);
            two(graph, "Mul", x, &gate)
        }
        Unary::Silu => {
            let gate = one(graph, "Sigmoid", x);
            two(graph, "Mul", x, &gate)
        }
        Unary::Gelu => {
            let gate = gelu_gate(graph, x);
            two(graph, "Mul", x, &gate)
        }
        Unary::GeluTanh => {
            let gate = gelu_tanh_gate(graph, x);
            two(graph, "Mul", x, &gate)
        }
        Unary::Softplus => one(graph, "Softplus", x),
        Unary::Mish => {
            let softplus = one(graph, "Softplus", x);
            let gate = one(graph, "Tanh", &softplus);
            two(graph, "Mul", x, &gate)
        }
    }
}

fn elementary(function: Elementary) -> &'static str {
    match function {
        Elementary::Sin => "Sin",
        Elementary::Cos => "Cos",
        Elementary::Tan => "Tan",
        Elementary::Asin => "Asin",
        Elementary::Acos => "Acos",
        Elementary::Atan => "Atan",
        Elementary::Sinh => "Sinh",
        Elementary::Cosh => "Cosh",
        Elementary::Asinh => "Asinh",
        Elementary::Acosh => "Acosh",
        Elementary::Atanh => "Atanh",
    }
}

fn stairs(graph: &mut Graph, stair: Stair, x: &Value) -> Value {
    let as_number = |graph: &mut Graph, truth: Value| graph.as_number(&truth);
    match stair {
        Stair::Floor => one(graph, "Floor", x),
        Stair::Ceil => one(graph, "Ceil", x),
        Stair::Round | Stair::RoundStraightThrough => one(graph, "Round", x),
        Stair::Truncate => {
            let (sign, magnitude) = (one(graph, "Sign", x), one(graph, "Abs", x));
            let whole = one(graph, "Floor", &magnitude);
            two(graph, "Mul", &sign, &whole)
        }
        Stair::Sign => one(graph, "Sign", x),
        Stair::Not => {
            let truth = number(graph, "Equal", x, 0.0);
            as_number(graph, truth)
        }
        Stair::IsNan => {
            let truth = one(graph, "IsNaN", x);
            as_number(graph, truth)
        }
        Stair::IsInfinite(above, below) => {
            let attributes = [
                ("detect_positive", Attribute::Int(i64::from(above))),
                ("detect_negative", Attribute::Int(i64::from(below))),
            ];
            let name = graph.node("IsInf", &[&x.name], &attributes);
            as_number(graph, x.named(name))
        }
    }
}

/// `clip(x + 3, 0, 6) / 6`
fn hard_gate(graph: &mut Graph, x: &Value) -> Value {
    let shifted = number(graph, "Add", x, 3.0);
    let (low, high) = (graph.number(0.0), graph.number(6.0));
    let name = graph.node("Clip", &[&shifted.name, &low, &high], &[]);
    number(graph, "Div", &x.named(name), 6.0)
}

/// `(1 + erf(x/√2)) / 2`
fn gelu_gate(graph: &mut Graph, x: &Value) -> Value {
    let argument = number(graph, "Mul", x, std::f32::consts::FRAC_1_SQRT_2);
    let erf = one(graph, "Erf", &argument);
    let sum = number(graph, "Add", &erf, 1.0);
    number(graph, "Mul", &sum, 0.5)
}

/// √(2/π), and the factor of the cube.
const GELU_TANH: [f32; 2] = [0.797_884_6, 0.044_715];

/// `2 √(2/π) (x + 0.044715 x³)`: `(1 + tanh u) / 2 = sigmoid 2u`.
fn gelu_tanh_gate(graph: &mut Graph, x: &Value) -> Value {
    let [scale, cubic] = GELU_TANH;
    let square = two(graph, "Mul", x, x);
    let factor = number(graph, "Mul", &square, 2.0 * scale * cubic);
    let factor = number(graph, "Add", &factor, 2.0 * scale);
    let argument = two(graph, "Mul", x, &factor);
    one(graph, "Sigmoid", &argument)
}

/// The derivative at `x`, where the value is `y`.
fn unary_slope(graph: &mut Graph, operation: Unary, x: &Value, y: &Value) -> Slope {
    Slope::Of(match operation {
        Unary::Abs => one(graph, "Sign", x),
        Unary::Neg => return Slope::Of(constant(graph.number(-1.0))),
        Unary::Exp => y.clone(),
        Unary::Ln => one(graph, "Reciprocal", x),
        Unary::Sqrt => {
            let inverse = one(graph, "Reciprocal", y);
            number(graph, "Mul", &inverse, 0.5)
        }
        Unary::Rsqrt => {
            let quotient = two(graph, "Div", y, x);
            number(graph, "Mul", &quotient, -0.5)
        }
        Unary::Reciprocal => {
            let square = two(graph, "Mul", y, y);
            one(graph, "Neg", &square)
        }
        Unary::Square => number(graph, "Mul", x, 2.0),
        Unary::Power(exponent) => {
            let power = number(graph, "Pow", x, exponent - 1.0);
            number(graph, "Mul", &power, exponent)
        }
        Unary::Tanh => one_less_square(graph, y),
        Unary::Erf => {
            let square = two(graph, "Mul", x, x);
            let negative = one(graph, "Neg", &square);
            let density = one(graph, "Exp", &negative);
            number(graph, "Mul", &density, std::f32::consts::FRAC_2_SQRT_PI)
        }
        Unary::Elementary(function) => elementary_slope(graph, function, x, y),
        Unary::Stair(stair) => {
            return if stair.derivative() == 0.0 { Slope::Zero } else { Slope::One };
        }
        Unary::Sigmoid => sigmoid_slope(graph, x, y),
        Unary::LeakyRelu(alpha) => {
            let above = graph.mask("Greater", x, 0.0);
            let scaled = number(graph, "Mul", &above, 1.0 - alpha);
            number(graph, "Add", &scaled, alpha)
        }
        Unary::HardSwish => hard_swish_slope(graph, x),
        Unary::Silu => {
            let gate = one(graph, "Sigmoid", x);
            gated_slope(graph, x, &gate, 1.0)
        }
        Unary::Gelu => {
            let gate = gelu_gate(graph, x);
            let square = two(graph, "Mul", x, x);
            let exponent = number(graph, "Mul", &square, -0.5);
            let density = one(graph, "Exp", &exponent);
            let density = number(graph, "Mul", &density, 0.398_942_3);
            let rest = two(graph, "Mul", x, &density);
            two(graph, "Add", &gate, &rest)
        }
        Unary::GeluTanh => {
            let [scale, cubic] = GELU_TANH;
            let gate = gelu_tanh_gate(graph, x);
            let square = two(graph, "Mul", x, x);
            let slope = number(graph, "Mul", &square, 6.0 * scale * cubic);
            let slope = number(graph, "Add", &slope, 2.0 * scale);
            let other = one_less(graph, &gate);
            let product = two(graph, "Mul", x, &other);
            let product = two(graph, "Mul", &product, &slope);
            let sum = number(graph, "Add", &product, 1.0);
            two(graph, "Mul", &gate, &sum)
        }
        Unary::Softplus => one(graph, "Sigmoid", x),
        Unary::Mish => {
            let softplus = one(graph, "Softplus", x);
            let tanh = one(graph, "Tanh", &softplus);
            let rest = one_less_square(graph, &tanh);
            let gate = one(graph, "Sigmoid", x);
            let product = two(graph, "Mul", &rest, &gate);
            let product = two(graph, "Mul", x, &product);
            two(graph, "Add", &tanh, &product)
        }
    })
}

/// `gate · (1 + factor · x · (1 − gate))`: the derivative of `x · sigmoid(factor x)`.
fn gated_slope(graph: &mut Graph, x: &Value, gate: &Value, factor: f32) -> Value {
    let other = one_less(graph, gate);
    let product = two(graph, "Mul", x, &other);
    let product = graph.scaled(&product, factor);
    let sum = number(graph, "Add", &product, 1.0);
    two(graph, "Mul", gate, &sum)
}

/// `sigmoid(x) · sigmoid(−x)`, which does not round to 0 where the sigmoid rounds to 1.
fn sigmoid_slope(graph: &mut Graph, x: &Value, y: &Value) -> Value {
    let negative = one(graph, "Neg", x);
    let other = one(graph, "Sigmoid", &negative);
    two(graph, "Mul", y, &other)
}

/// `(2x + 3) / 6` between −3 and 3, 0 below and 1 above.
fn hard_swish_slope(graph: &mut Graph, x: &Value) -> Value {
    let line = number(graph, "Mul", x, 1.0 / 3.0);
    let line = number(graph, "Add", &line, 0.5);
    let (above, below) =
        (number(graph, "GreaterOrEqual", x, 3.0), number(graph, "LessOrEqual", x, -3.0));
    let (ones, zeros) = (graph.number(1.0), graph.number(0.0));
    let inside = graph.node("Where", &[&above.name, &ones, &line.name], &[]);
    let name = graph.node("Where", &[&below.name, &zeros, &inside], &[]);
    x.named(name)
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

fn elementary_slope(graph: &mut Graph, function: Elementary, x: &Value, y: &Value) -> Value {
    // 1 / √(±x² ± 1), and 1 / (1 ± x²)
    let with_square = |graph: &mut Graph, factor: f32, summand: f32| {
        let square = two(graph, "Mul", x, x);
        let scaled = graph.scaled(&square, factor);
        number(graph, "Add", &scaled, summand)
    };
    let inverse_root = |graph: &mut Graph, value: Value| {
        let root = one(graph, "Sqrt", &value);
        one(graph, "Reciprocal", &root)
    };
    match function {
        Elementary::Sin => one(graph, "Cos", x),
        Elementary::Cos => {
            let sine = one(graph, "Sin", x);
            one(graph, "Neg", &sine)
        }
        Elementary::Tan => {
            let square = two(graph, "Mul", y, y);
            number(graph, "Add", &square, 1.0)
        }
        Elementary::Asin => {
            let rest = with_square(graph, -1.0, 1.0);
            inverse_root(graph, rest)
        }
        Elementary::Acos => {
            let rest = with_square(graph, -1.0, 1.0);
            let slope = inverse_root(graph, rest);
            one(graph, "Neg", &slope)
        }
        Elementary::Atan => {
            let sum = with_square(graph, 1.0, 1.0);
            one(graph, "Reciprocal", &sum)
        }
        Elementary::Sinh => one(graph, "Cosh", x),
        Elementary::Cosh => one(graph, "Sinh", x),
        Elementary::Asinh => {
            let sum = with_square(graph, 1.0, 1.0);
            inverse_root(graph, sum)
        }
        Elementary::Acosh => {
            let rest = with_square(graph, 1.0, -1.0);
            inverse_root(graph, rest)
        }
        Elementary::Atanh => {
            let rest = with_square(graph, -1.0, 1.0);
            one(graph, "Reciprocal", &rest)
        }
    }
}

pub(super) fn binary(graph: &mut Graph, operation: Binary, a: &Value, b: &Value) -> Value {
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

fn is_not_zero(graph: &mut Graph, value: &Value) -> Value {
    let is_zero = graph.mask("Equal", value, 0.0);
    one_less(graph, &is_zero)
}

/// The derivatives by both operands, as far as they are needed, where the value is `y`; at a tie of max or min both are 0.
fn binary_slopes(
    graph: &mut Graph,
    operation: Binary,
    (a, b): (&Value, &Value),
    y: &Value,
    needed: [bool; 2],
) -> [Slope; 2] {
    let by_a = if needed[0] { slope_by_left(graph, operation, a, b) } else { Slope::Zero };
    let by_b = if needed[1] { slope_by_right(graph, operation, a, b, y) } else { Slope::Zero };
    [by_a, by_b]
}

pub(super) fn slope_values(
    graph: &mut Graph,
    operation: Binary,
    (a, b): (&Value, &Value),
    y: &Value,
) -> [Option<Value>; 2] {
    binary_slopes(graph, operation, (a, b), y, [true; 2]).map(|slope| match slope {
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

/// Numbers as whole numbers: positions.
pub(super) fn as_whole_numbers(graph: &mut Graph, value: &Value) -> Value {
    let name = graph.node("Cast", &[&value.name], &[("to", Attribute::Int(INT64))]);
    value.named(name)
}
