//! The scalar operations that elementwise functions are made of: value, derivative, bounds.
//!
//! To add one: a variant, and a line in each `match` of its `impl`.

use std::f32::consts::FRAC_2_SQRT_PI;

use super::elementary::Elementary;
use super::smooth::{
    erf, gelu, gelu_slope, gelu_tanh, gelu_tanh_slope, hard_swish, hard_swish_slope, sigmoid,
    sigmoid_slope, silu, silu_slope, softplus,
};
use super::stair::Stair;
use onnxplain_kernels::elementwise;

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
    /// A trigonometric or hyperbolic function, or an inverse of one.
    Elementary(Elementary),
    /// A step function.
    Stair(Stair),
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
    /// Whether it is a power of `x`, its absolute value or its negative.
    pub(super) fn is_power(self) -> bool {
        use Unary::{Abs, Neg, Power, Reciprocal, Rsqrt, Sqrt, Square};
        matches!(self, Abs | Neg | Power(_) | Reciprocal | Rsqrt | Sqrt | Square)
    }

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
            Unary::Elementary(function) => function.value(x),
            Unary::Stair(stair) => stair.value(x),
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
            Unary::Elementary(function) => function.derivative(x),
            Unary::Stair(stair) => stair.derivative(),
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
        // Frequent operations are listed one by one, so that the compiler vectorizes a loop for each.
        match self {
            Unary::Sigmoid => elementwise::each(data, |x| *x = sigmoid(*x)),
            Unary::Silu => elementwise::each(data, |x| *x = silu(*x)),
            Unary::HardSwish => elementwise::each(data, |x| *x = hard_swish(*x)),
            Unary::Gelu => elementwise::each(data, |x| *x = gelu(*x)),
            Unary::GeluTanh => elementwise::each(data, |x| *x = gelu_tanh(*x)),
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
            Unary::Sigmoid => elementwise::each_with(data, at, |to, x| *to *= sigmoid_slope(x)),
            Unary::Silu => elementwise::each_with(data, at, |to, x| *to *= silu_slope(x)),
            Unary::HardSwish => {
                elementwise::each_with(data, at, |to, x| *to *= hard_swish_slope(x))
            }
            Unary::Gelu => elementwise::each_with(data, at, |to, x| *to *= gelu_slope(x)),
            Unary::GeluTanh => elementwise::each_with(data, at, |to, x| *to *= gelu_tanh_slope(x)),
            _ => data.iter_mut().zip(at).for_each(|(to, &x)| *to *= self.derivative(x)),
        }
    }

    /// The range of the values over an interval; −∞ to ∞ for operations without a bound here.
    pub fn bounds(self, (low, high): (f32, f32)) -> (f32, f32) {
        match self {
            Unary::Neg => (-high, -low),
            Unary::Exp | Unary::Tanh | Unary::Erf | Unary::Sigmoid | Unary::Softplus => {
                (self.value(low), self.value(high))
            }
            Unary::Sqrt if low >= 0.0 => (low.sqrt(), high.sqrt()),
            Unary::LeakyRelu(alpha) if alpha >= 0.0 => (self.value(low), self.value(high)),
            Unary::Abs | Unary::Square | Unary::Sqrt | Unary::Rsqrt => (0.0, f32::INFINITY),
            Unary::Power(_) | Unary::Reciprocal if low >= 0.0 => (0.0, f32::INFINITY),
            Unary::Elementary(function) => function.range(),
            Unary::Stair(stair) => stair.bounds(low, high),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::operator::Binary;

    const UNARY: [Unary; 21] = [
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
        Unary::Elementary(Elementary::Sin),
        Unary::Elementary(Elementary::Atan),
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
