//! The scalar operations that elementwise functions are made of: value, derivative, bounds.
//!
//! To add one: a variant, and a line in each `match` of its `impl`.

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use crate::vector;

/// An operation on one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    /// `|x|`
    Abs,
    /// `−x`
    Neg,
    /// `eˣ`
    Exp,
    /// `ln x`
    Ln,
    /// `√x`
    Sqrt,
    /// `1 / √x`
    Rsqrt,
    /// `1 / x`
    Reciprocal,
    /// `x²`
    Square,
    /// `xᵖ`
    Power(f32),
    /// `tanh x`
    Tanh,
    /// The error function.
    Erf,
    /// `1 / (1 + e⁻ˣ)`
    Sigmoid,
    /// `x` above zero, `αx` below.
    LeakyRelu(f32),
    /// `x · clip(x + 3, 0, 6) / 6`
    HardSwish,
    /// `x · sigmoid(x)`
    Silu,
    /// `x/2 · (1 + erf(x/√2))`
    Gelu,
    /// `x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))`
    GeluTanh,
    /// `ln(1 + eˣ)`, without overflow.
    Softplus,
    /// `x · tanh(softplus(x))`, without overflow.
    Mish,
}

impl Unary {
    /// The value at `x`.
    pub fn value(self, x: f32) -> f32 {
        match self {
            Unary::Abs => x.abs(),
            Unary::Neg => -x,
            Unary::Exp => x.exp(),
            Unary::Ln => x.ln(),
            Unary::Sqrt => x.sqrt(),
            Unary::Rsqrt => x.sqrt().recip(),
            Unary::Reciprocal => x.recip(),
            Unary::Square => x * x,
            Unary::Power(exponent) => x.powf(exponent),
            Unary::Tanh => x.tanh(),
            Unary::Erf => erf(x),
            Unary::Sigmoid => sigmoid(x),
            Unary::LeakyRelu(alpha) => {
                if x > 0.0 {
                    x
                } else {
                    alpha * x
                }
            }
            Unary::HardSwish => hard_swish(x),
            Unary::Silu => silu(x),
            Unary::Gelu => gelu(x),
            Unary::GeluTanh => gelu_tanh(x),
            Unary::Softplus => softplus(x),
            Unary::Mish => x * softplus(x).tanh(),
        }
    }

    /// The derivative at `x`.
    pub fn derivative(self, x: f32) -> f32 {
        match self {
            Unary::Abs => {
                if x == 0.0 {
                    0.0
                } else {
                    x.signum()
                }
            }
            Unary::Neg => -1.0,
            Unary::Exp => x.exp(),
            Unary::Ln => x.recip(),
            Unary::Sqrt => 0.5 / x.sqrt(),
            Unary::Rsqrt => -0.5 / (x * x.sqrt()),
            Unary::Reciprocal => -1.0 / (x * x),
            Unary::Square => 2.0 * x,
            Unary::Power(exponent) => exponent * x.powf(exponent - 1.0),
            Unary::Tanh => 1.0 - x.tanh() * x.tanh(),
            Unary::Erf => FRAC_2_SQRT_PI * (-x * x).exp(),
            Unary::Sigmoid => sigmoid_slope(x),
            Unary::LeakyRelu(alpha) => {
                if x > 0.0 {
                    1.0
                } else {
                    alpha
                }
            }
            Unary::HardSwish => hard_swish_slope(x),
            Unary::Silu => silu_slope(x),
            Unary::Gelu => gelu_slope(x),
            Unary::GeluTanh => gelu_tanh_slope(x),
            Unary::Softplus => sigmoid(x),
            Unary::Mish => {
                let tanh = softplus(x).tanh();
                tanh + x * (1.0 - tanh * tanh) * sigmoid(x)
            }
        }
    }

    /// Replaces every number by its `value`.
    pub fn apply(self, data: &mut [f32]) {
        // What networks are made of is named, so that the compiler makes a loop of vectors of each.
        match self {
            Unary::Sigmoid => vector::each(data, |x| *x = sigmoid(*x)),
            Unary::Silu => vector::each(data, |x| *x = silu(*x)),
            Unary::HardSwish => vector::each(data, |x| *x = hard_swish(*x)),
            Unary::Gelu => vector::each(data, |x| *x = gelu(*x)),
            Unary::GeluTanh => vector::each(data, |x| *x = gelu_tanh(*x)),
            _ => data.iter_mut().for_each(|x| *x = self.value(*x)),
        }
    }

    /// `value` over a block; `to` may be shorter than `from`.
    pub fn evaluate(self, from: &[f32], to: &mut [f32]) {
        to.copy_from_slice(&from[..to.len()]);
        self.apply(to);
    }

    /// Multiplies every number of `data` by the `derivative` at its place in `at`.
    pub fn multiply_derivative(self, at: &[f32], data: &mut [f32]) {
        match self {
            Unary::Sigmoid => vector::each_with(data, at, |to, x| *to *= sigmoid_slope(x)),
            Unary::Silu => vector::each_with(data, at, |to, x| *to *= silu_slope(x)),
            Unary::HardSwish => vector::each_with(data, at, |to, x| *to *= hard_swish_slope(x)),
            Unary::Gelu => vector::each_with(data, at, |to, x| *to *= gelu_slope(x)),
            Unary::GeluTanh => vector::each_with(data, at, |to, x| *to *= gelu_tanh_slope(x)),
            _ => data.iter_mut().zip(at).for_each(|(to, &x)| *to *= self.derivative(x)),
        }
    }

    /// The range of the values over an interval; the whole line where it is not worked out.
    pub fn bounds(self, (low, high): (f32, f32)) -> (f32, f32) {
        match self {
            Unary::Neg => (-high, -low),
            Unary::Exp | Unary::Tanh | Unary::Erf | Unary::Sigmoid | Unary::Softplus => {
                (self.value(low), self.value(high))
            }
            Unary::Sqrt if low >= 0.0 => (low.sqrt(), high.sqrt()),
            Unary::LeakyRelu(alpha) if alpha >= 0.0 => (self.value(low), self.value(high)),
            Unary::Abs | Unary::Square | Unary::Sqrt | Unary::Rsqrt => (0.0, f32::INFINITY),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        }
    }
}

/// An operation on two numbers; a comparison gives 1 or 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Binary {
    /// `a + b`
    Add,
    /// `a − b`
    Sub,
    /// `a · b`
    Mul,
    /// `a / b`
    Div,
    /// The larger.
    Max,
    /// The smaller.
    Min,
    /// `aᵇ`
    Pow,
    /// `a < b`
    Less,
    /// `a ≤ b`
    LessOrEqual,
    /// `a > b`
    Greater,
    /// `a ≥ b`
    GreaterOrEqual,
}

impl Binary {
    /// The value at `(a, b)`.
    pub fn value(self, a: f32, b: f32) -> f32 {
        match self {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
            Binary::Max => a.max(b),
            Binary::Min => a.min(b),
            Binary::Pow => a.powf(b),
            Binary::Less => f32::from(a < b),
            Binary::LessOrEqual => f32::from(a <= b),
            Binary::Greater => f32::from(a > b),
            Binary::GreaterOrEqual => f32::from(a >= b),
        }
    }

    /// The derivatives by `a` and by `b`; at a tie of max or min, as at a ReLU's kink, both are zero.
    pub fn derivatives(self, a: f32, b: f32) -> (f32, f32) {
        match self {
            Binary::Add => (1.0, 1.0),
            Binary::Sub => (1.0, -1.0),
            Binary::Mul => (b, a),
            Binary::Div => (b.recip(), -a / (b * b)),
            Binary::Max => (f32::from(a > b), f32::from(b > a)),
            Binary::Min => (f32::from(a < b), f32::from(b < a)),
            Binary::Pow => (b * a.powf(b - 1.0), a.powf(b) * a.ln()),
            Binary::Less | Binary::LessOrEqual | Binary::Greater | Binary::GreaterOrEqual => {
                (0.0, 0.0)
            }
        }
    }

    /// `value` over a block; `to` may be shorter than its operands.
    pub fn evaluate(self, a: &[f32], b: &[f32], to: &mut [f32]) {
        let operands = a.iter().zip(b);
        to.iter_mut().zip(operands).for_each(|(to, (&a, &b))| *to = self.value(a, b));
    }

    /// The range of the values over two intervals; the whole line where it is not worked out.
    pub fn bounds(self, a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
        match self {
            Binary::Add => (a.0 + b.0, a.1 + b.1),
            Binary::Sub => (a.0 - b.1, a.1 - b.0),
            Binary::Max => (a.0.max(b.0), a.1.max(b.1)),
            Binary::Min => (a.0.min(b.0), a.1.min(b.1)),
            Binary::Mul if a.0 >= 0.0 && b.0 >= 0.0 => (product(a.0, b.0), product(a.1, b.1)),
            Binary::Mul if a.0 == a.1 && a.0 <= 0.0 => (product(a.0, b.1), product(a.0, b.0)),
            Binary::Mul if a.0 == a.1 => (product(a.0, b.0), product(a.0, b.1)),
            Binary::Mul if b.0 == b.1 => Binary::Mul.bounds(b, a),
            Binary::Div if b.0 == b.1 && b.0 > 0.0 => (a.0 / b.0, a.1 / b.0),
            Binary::Less | Binary::LessOrEqual | Binary::Greater | Binary::GreaterOrEqual => {
                (0.0, 1.0)
            }
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        }
    }
}

/// A product in which zero wins over infinity: the bound of a product with a zero factor.
fn product(a: f32, b: f32) -> f32 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

/// √(2/π)
const GELU_SCALE: f32 = 0.797_884_6;
const GELU_CUBIC: f32 = 0.044_715;

fn gelu_argument(x: f32) -> f32 {
    GELU_SCALE * (x + GELU_CUBIC * x * x * x)
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    let power = exp_of_negative(-x.abs());
    let numerator = if x < 0.0 { power } else { 1.0 };
    numerator / (1.0 + power)
}

#[inline(always)]
fn sigmoid_slope(x: f32) -> f32 {
    sigmoid(x) * sigmoid(-x)
}

#[inline(always)]
fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

#[inline(always)]
fn silu_slope(x: f32) -> f32 {
    sigmoid(x) * (1.0 + x * sigmoid(-x))
}

#[inline(always)]
fn hard_swish(x: f32) -> f32 {
    x * (x + 3.0).clamp(0.0, 6.0) / 6.0
}

#[inline(always)]
fn hard_swish_slope(x: f32) -> f32 {
    let inside = if x >= 3.0 { 1.0 } else { (2.0 * x + 3.0) / 6.0 };
    if x <= -3.0 { 0.0 } else { inside }
}

/// `erf x` as a quotient of polynomials in x² between −4 and 4, beyond which it is ±1 in `f32`; the
/// coefficients are those of XLA (Apache-2.0), as Eigen has them (MPL-2.0). No branch, so it becomes vectors.
#[inline(always)]
fn erf(x: f32) -> f32 {
    const ABOVE: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const BELOW: [f32; 5] =
        [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2];
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let above = ABOVE.iter().skip(1).fold(ABOVE[0], |sum, coefficient| sum * square + coefficient);
    let below = BELOW.iter().skip(1).fold(BELOW[0], |sum, coefficient| sum * square + coefficient);
    x * above / below
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2))
}

#[inline(always)]
fn gelu_slope(x: f32) -> f32 {
    let density = 0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI * exp_of_negative(-0.5 * x * x);
    0.5 * (1.0 + erf(x * FRAC_1_SQRT_2)) + x * density
}

/// With `1 + tanh u = 2 sigmoid 2u`.
#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    x * sigmoid(2.0 * gelu_argument(x))
}

#[inline(always)]
fn gelu_tanh_slope(x: f32) -> f32 {
    let argument = 2.0 * gelu_argument(x);
    let slope = 2.0 * GELU_SCALE * (1.0 + 3.0 * GELU_CUBIC * x * x);
    sigmoid(argument) * (1.0 + x * sigmoid(-argument) * slope)
}

/// `eˣ` for `x ≤ 0`, to 1e-7 of its value, in steps that the compiler can take for a whole vector: the standard
/// library's is a call for every number. Below −87 it is 0.
///
/// `eˣ = 2ⁿ eʳ` with `n` the whole number next to `x / ln 2`; `eʳ = 1 + r + r² p(r)`, where `p` is the
/// minimax polynomial for `|r| ≤ ln 2 / 2`.
#[inline(always)]
fn exp_of_negative(x: f32) -> f32 {
    // Adding 1.5 · 2²³ rounds to a whole number, which then stands in the last bits.
    const ROUNDS: f32 = 12_582_912.0;
    // ln 2 in two parts, the first with so few digits that its product with n is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Not `max`, which would make a number of NaN.
    let bounded = if x < -87.0 { -87.0 } else { x };
    let rounded = bounded * std::f32::consts::LOG2_E + ROUNDS;
    let n = rounded - ROUNDS;
    let r = bounded - n * LN_2_HIGH - n * LN_2_LOW;
    let p = 1.991_838_5e-4;
    let p = p * r + 1.394_607_4e-3;
    let p = p * r + 8.333_264e-3;
    let p = p * r + 4.166_627e-2;
    let p = p * r + 0.166_666_67;
    let p = p * r + 0.5;
    let power = p * r * r + r + 1.0;
    let scale = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23));
    if x < -87.0 { 0.0 } else { power * scale }
}

fn softplus(x: f32) -> f32 {
    x.max(0.0) + exp_of_negative(-x.abs()).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNARY: [Unary; 19] = [
        Unary::Abs,
        Unary::Neg,
        Unary::Exp,
        Unary::Ln,
        Unary::Sqrt,
        Unary::Rsqrt,
        Unary::Reciprocal,
        Unary::Square,
        Unary::Power(1.5),
        Unary::Tanh,
        Unary::Erf,
        Unary::Sigmoid,
        Unary::LeakyRelu(0.1),
        Unary::HardSwish,
        Unary::Silu,
        Unary::Gelu,
        Unary::GeluTanh,
        Unary::Softplus,
        Unary::Mish,
    ];

    #[test]
    fn derivatives_agree_with_finite_differences() {
        for operation in UNARY {
            for x in [0.3f32, 0.7, 1.9] {
                let step = 1e-2;
                let slope = (operation.value(x + step) - operation.value(x - step)) / (2.0 * step);
                let derivative = operation.derivative(x);
                assert!(
                    (slope - derivative).abs() < 5e-3 * derivative.abs().max(1.0),
                    "{operation:?} at {x}: {derivative} but the difference quotient is {slope}"
                );
            }
        }
    }

    #[test]
    fn exponentials_agree_with_the_standard_library() {
        for step in 0..90_000 {
            let x = -1e-3 * step as f32;
            let (ours, expected) = (exp_of_negative(x), x.exp());
            let allowed = 2e-7 * expected + 2e-38;
            assert!((ours - expected).abs() <= allowed, "at {x}: {ours} is not {expected}");
        }
        assert_eq!(exp_of_negative(f32::NEG_INFINITY), 0.0);
        assert!(Unary::Sigmoid.value(f32::NAN).is_nan());
    }

    #[test]
    fn the_error_function_agrees_with_the_standard_one() {
        for step in -6000..=6000 {
            let x = step as f32 * 1e-3;
            let (ours, exact) = (erf(x), libm::erff(x));
            assert!((ours - exact).abs() <= 4e-7 * exact.abs(), "{x}: {ours}, not {exact}");
        }
    }

    #[test]
    fn bounds_hold_on_samples() {
        for operation in UNARY {
            let (low, high) = operation.bounds((-2.0, 3.0));
            for step in 0..=50 {
                let value = operation.value(-2.0 + step as f32 * 0.1);
                assert!(
                    value.is_nan() || (low - 1e-5 <= value && value <= high + 1e-5),
                    "{operation:?}"
                );
            }
        }
        assert_eq!(Binary::Mul.bounds((0.0, f32::INFINITY), (0.0, 1.0)), (0.0, f32::INFINITY));
        assert_eq!(Binary::Mul.bounds((2.0, 2.0), (-1.0, 3.0)), (-2.0, 6.0));
        assert_eq!(Binary::Mul.bounds((-2.0, -2.0), (-1.0, 3.0)), (-6.0, 2.0));
    }

    #[test]
    fn softplus_and_mish_do_not_overflow() {
        assert_eq!(Unary::Softplus.value(200.0), 200.0);
        assert_eq!(Unary::Mish.value(200.0), 200.0);
        assert_eq!(Unary::Mish.derivative(200.0), 1.0);
    }
}
