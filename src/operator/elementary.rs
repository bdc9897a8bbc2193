//! Trigonometric and hyperbolic functions and their inverses, which few networks use.

use std::f32::consts::{FRAC_PI_2, PI};

/// An elementary function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Elementary {
    /// `sin x`
    Sin,
    /// `cos x`
    Cos,
    /// `tan x`
    Tan,
    /// `arcsin x`
    Asin,
    /// `arccos x`
    Acos,
    /// `arctan x`
    Atan,
    /// `sinh x`
    Sinh,
    /// `cosh x`
    Cosh,
    /// `arsinh x`
    Asinh,
    /// `arcosh x`
    Acosh,
    /// `artanh x`
    Atanh,
}

impl Elementary {
    /// The function of a tract operator, by the operator's name.
    pub fn named(name: &str) -> Option<Elementary> {
        Some(match name {
            "Sin" => Elementary::Sin,
            "Cos" => Elementary::Cos,
            "Tan" => Elementary::Tan,
            "Asin" => Elementary::Asin,
            "Acos" => Elementary::Acos,
            "Atan" => Elementary::Atan,
            "Sinh" => Elementary::Sinh,
            "Cosh" => Elementary::Cosh,
            "Asinh" => Elementary::Asinh,
            "Acosh" => Elementary::Acosh,
            "Atanh" => Elementary::Atanh,
            _ => return None,
        })
    }

    /// The value at `x`.
    pub fn value(self, x: f32) -> f32 {
        match self {
            Elementary::Sin => x.sin(),
            Elementary::Cos => x.cos(),
            Elementary::Tan => x.tan(),
            Elementary::Asin => x.asin(),
            Elementary::Acos => x.acos(),
            Elementary::Atan => x.atan(),
            Elementary::Sinh => x.sinh(),
            Elementary::Cosh => x.cosh(),
            Elementary::Asinh => x.asinh(),
            Elementary::Acosh => x.acosh(),
            Elementary::Atanh => x.atanh(),
        }
    }

    /// The derivative at `x`.
    pub fn derivative(self, x: f32) -> f32 {
        match self {
            Elementary::Sin => x.cos(),
            Elementary::Cos => -x.sin(),
            Elementary::Tan => 1.0 + x.tan() * x.tan(),
            Elementary::Asin => (1.0 - x * x).sqrt().recip(),
            Elementary::Acos => -(1.0 - x * x).sqrt().recip(),
            Elementary::Atan => (1.0 + x * x).recip(),
            Elementary::Sinh => x.cosh(),
            Elementary::Cosh => x.sinh(),
            Elementary::Asinh => (x * x + 1.0).sqrt().recip(),
            Elementary::Acosh => ((x - 1.0).sqrt() * (x + 1.0).sqrt()).recip(),
            Elementary::Atanh => (1.0 - x * x).recip(),
        }
    }

    /// The lowest and highest value.
    pub fn range(self) -> (f32, f32) {
        match self {
            Elementary::Sin | Elementary::Cos => (-1.0, 1.0),
            Elementary::Asin | Elementary::Atan => (-FRAC_PI_2, FRAC_PI_2),
            Elementary::Acos => (0.0, PI),
            Elementary::Cosh => (1.0, f32::INFINITY),
            Elementary::Acosh => (0.0, f32::INFINITY),
            _ => (f32::NEG_INFINITY, f32::INFINITY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_agree_with_finite_differences() {
        let names = [
            "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh",
        ];
        for name in names {
            let function = Elementary::named(name).unwrap();
            let places = if name == "Acosh" { [1.4f32, 2.0, 3.0] } else { [-0.6, 0.1, 0.8] };
            for x in places {
                let slope = (function.value(x + 5e-3) - function.value(x - 5e-3)) / 1e-2;
                let derivative = function.derivative(x);
                assert!((slope - derivative).abs() < 2e-3, "{name} at {x}: {derivative}, {slope}");
                let (low, high) = function.range();
                assert!((low..=high).contains(&function.value(x)), "{name} at {x}");
            }
        }
    }
}
