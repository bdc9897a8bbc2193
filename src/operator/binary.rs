//! The operations on two numbers that elementwise functions are made of: value, derivatives, bounds.
//!
//! To add one: a variant, and a line in each `match` of its `impl`.

use onnxplain_kernels::elementwise::{larger, smaller};

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
    /// The larger; NaN if one is NaN.
    Max,
    /// The smaller; NaN if one is NaN.
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
    /// `a = b`
    Equal,
    /// `a ≠ b`; of two truth values, the exclusive or.
    NotEqual,
    /// Neither is 0.
    And,
    /// One is not 0.
    Or,
    /// The remainder of `a / b`, with the sign of `a`.
    Remainder,
}

impl Binary {
    /// Whether statistics are computed with it: sums, products, powers, and a maximum that keeps a denominator from 0.
    pub(super) fn is_arithmetic(self) -> bool {
        use Binary::{Add, Div, Max, Mul, Pow, Sub};
        matches!(self, Add | Div | Max | Mul | Pow | Sub)
    }

    /// The value at `(a, b)`.
    pub fn value(self, a: f32, b: f32) -> f32 {
        match self {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
            Binary::Max => larger(a, b),
            Binary::Min => smaller(a, b),
            Binary::Pow => a.powf(b),
            Binary::Less => f32::from(a < b),
            Binary::LessOrEqual => f32::from(a <= b),
            Binary::Greater => f32::from(a > b),
            Binary::GreaterOrEqual => f32::from(a >= b),
            Binary::Equal => f32::from(a == b),
            Binary::NotEqual => f32::from(a != b),
            Binary::And => f32::from(a != 0.0 && b != 0.0),
            Binary::Or => f32::from(a != 0.0 || b != 0.0),
            Binary::Remainder => a % b,
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
            Binary::Remainder => (1.0, -(a / b).trunc()),
            _ => (0.0, 0.0),
        }
    }

    /// The derivatives by two functions of one signal, none of which is constant. Where they are equal over an interval,
    /// maximum and minimum have no kink there, and the first takes what is handed down.
    pub fn derivatives_of_functions(self, a: f32, b: f32) -> (f32, f32) {
        match a == b && matches!(self, Binary::Max | Binary::Min) {
            true => (1.0, 0.0),
            false => self.derivatives(a, b),
        }
    }

    /// Whether the value is 1 where something holds and 0 where it does not.
    pub fn is_comparison(self) -> bool {
        use Binary::{And, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual, Or};
        let of_numbers = [Less, LessOrEqual, Greater, GreaterOrEqual, Equal, NotEqual];
        of_numbers.contains(&self) || [And, Or].contains(&self)
    }

    /// `value` over a block; `to` may be shorter than its operands.
    pub fn evaluate(self, a: &[f32], b: &[f32], to: &mut [f32]) {
        let operands = a.iter().zip(b);
        to.iter_mut().zip(operands).for_each(|(to, (&a, &b))| *to = self.value(a, b));
    }

    /// The range of the values over two intervals; −∞ to ∞ for operations without a bound here.
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
            Binary::Pow if a.0 >= 0.0 => (0.0, f32::INFINITY),
            _ if self.is_comparison() => (0.0, 1.0),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        }
    }
}

/// A product that is 0 if one factor is 0, even if the other is infinite: a bound of an interval.
fn product(a: f32, b: f32) -> f32 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}
