//! Functions of one operand, and their derivatives.

use super::{Slope, constant, number, one, one_less, one_less_square, two};
use crate::emit::graph::{Attribute, Graph};
use crate::emit::value::Value;
use crate::operator::{Elementary, Stair, Unary};

/// The value of a function of one operand.
pub(super) fn unary(graph: &mut Graph, operation: Unary, x: &Value) -> Value {
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

pub(super) fn stairs(graph: &mut Graph, stair: Stair, x: &Value) -> Value {
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
pub(super) fn unary_slope(graph: &mut Graph, operation: Unary, x: &Value, y: &Value) -> Slope {
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
